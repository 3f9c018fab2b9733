"""GET /healthz, /readyz and /metrics: for those who run the service; outside the contract."""

from __future__ import annotations

from flask import Blueprint, Response, request

from finetune_advisor.api.http.problems import NotFound
from finetune_advisor.telemetry import readiness
from finetune_advisor.telemetry.metrics import Metrics, MetricsUnavailableError
from finetune_advisor.trees.catalog import Catalog


def blueprint(catalog: Catalog, metrics: Metrics) -> Blueprint:
    """The resources."""
    blp = Blueprint("operations", __name__)

    @blp.get("/healthz")
    def healthz() -> dict[str, str]:
        """Say that the process answers."""
        return {"status": "ok"}

    @blp.get("/readyz")
    def readyz() -> tuple[dict[str, str], int] | dict[str, str | list[str]]:
        """Say that the trees are proven sound and served, or that new requests had better go elsewhere."""
        if readiness.is_draining():
            return {"status": "draining"}, 503
        return {"status": "ok", "trees": list(catalog.trees)}

    @blp.get("/metrics")
    def scrape() -> Response:
        """Show the metrics to Prometheus, or no metrics rather than wrong ones: then its scrape fails."""
        try:
            body, content_type = metrics.exposition(request.headers.get("Accept", ""))
        except MetricsUnavailableError as error:
            return Response(f"{error}\n", 503, content_type="text/plain; charset=utf-8")
        return Response(body, content_type=content_type)

    return blp


def restrict_metrics_port(metrics_port: int) -> None:
    """Serve operations on their own port alone, and nothing else there.

    The port is that of the socket which took the request; no header can change it.
    """
    own_port = request.environ["SERVER_PORT"] == str(metrics_port)
    if own_port and request.blueprint != "operations":
        raise NotFound(
            "this port serves /healthz, /readyz and /metrics alone; ask the API's port for others"
        )
    if request.blueprint == "operations" and not own_port:
        raise NotFound(
            "/healthz, /readyz and /metrics have moved to the port for operations; ask the operator for its "
            "number"
        )
