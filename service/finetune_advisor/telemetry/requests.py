"""The telemetry around the application: every request is identified, timed, counted and logged."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from time import perf_counter
from typing import TYPE_CHECKING, Any

from finetune_advisor.telemetry.metrics import Metrics
from finetune_advisor.telemetry.tracing import Trace, trace

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
TRACE = "finetune_advisor.trace"
UNMATCHED = "unmatched"

log = logging.getLogger("finetune_advisor.access")


def observed(application: WSGIApplication, metrics: Metrics) -> WSGIApplication:
    """A WSGI application, made with Werkzeug, with metrics, logs and tracing for each of its requests."""

    def observe(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        began = perf_counter()
        traced = trace(environ.get("HTTP_X_REQUEST_ID"), environ.get("HTTP_TRACEPARENT"))
        environ[TRACE] = traced

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            _report(environ, int(status[:3]), perf_counter() - began, traced, metrics)
            return start_response(status, [*headers, *traced.headers], *error)

        metrics.in_progress.inc()
        try:
            return application(environ, start)
        finally:
            metrics.in_progress.dec()

    return observe


def _report(
    environ: WSGIEnvironment, status: int, seconds: float, traced: Trace, metrics: Metrics
) -> None:
    asked = environ["REQUEST_METHOD"]
    method = asked if asked in METHODS else "other"
    rule = environ["werkzeug.request"].url_rule
    route = rule.rule if rule else UNMATCHED
    metrics.answered(method, route, status, seconds)
    log.info(
        "request",
        extra={
            "request_id": traced.request_id,
            "trace_id": traced.trace_id,
            "method": method,
            "route": route,
            "status": status,
            "duration_ms": round(seconds * 1000, 3),
        },
    )
