"""GET /healthz, /readyz and /metrics: endpoints for operators, outside the contract."""

from __future__ import annotations

from flask import Blueprint, Response, request

from finetune_advisor.api.http.problems import NotFound
from finetune_advisor.telemetry import readiness
from finetune_advisor.telemetry.metrics import Metrics, MetricsUnavailableError
from finetune_advisor.trees.catalog import Catalog


def blueprint(catalog: Catalog, metrics: Metrics) -> Blueprint:
    """Build the resources."""
    blp = Blueprint("operations", __name__)

    @blp.get("/healthz")
    def healthz() -> dict[str, str]:
        """Report that the process answers."""
        return {"status": "ok"}

    @blp.get("/readyz")
    def readyz() -> tuple[dict[str, str], int] | dict[str, str | list[str]]:
        """Report the trees that are served, or a 503 while the process drains."""
        # A load balancer stops sending requests before the process ends.
        if readiness.is_draining():
            return {"status": "draining"}, 503
        return {"status": "ok", "trees": list(catalog.trees)}

    @blp.get("/metrics")
    def scrape() -> Response:
        """Give the metrics to Prometheus. A 503 makes its scrape fail where they would be wrong."""
        try:
            body, content_type = metrics.exposition(request.headers.get("Accept", ""))
        except MetricsUnavailableError as error:
            return Response(f"{error}\n", 503, content_type="text/plain; charset=utf-8")
        return Response(body, content_type=content_type)

    return blp


def restrict_metrics_port(metrics_port: int) -> None:
    """Refuse operations on the API's port, and anything else on `metrics_port`. Raises NotFound."""
    # Servers set SERVER_PORT from the socket that accepted the request, so no header can change it.
    is_metrics_port = request.environ["SERVER_PORT"] == str(metrics_port)
    if is_metrics_port and request.blueprint != "operations":
        raise NotFound(
            "this port serves only /healthz, /readyz and /metrics; send other requests to the API's port"
        )
    if request.blueprint == "operations" and not is_metrics_port:
        raise NotFound(
            "/healthz, /readyz and /metrics have moved to the port for operations; ask the operator for its "
            "number"
        )
