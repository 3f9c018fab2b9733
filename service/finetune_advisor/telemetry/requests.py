"""The telemetry hook: every request is identified, timed, counted and logged."""

from __future__ import annotations

import logging
from time import perf_counter

from flask import Flask, Response, g, request

from finetune_advisor.telemetry.metrics import Metrics
from finetune_advisor.telemetry.tracing import trace

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
UNMATCHED = "unmatched"

log = logging.getLogger("finetune_advisor.access")


def observe(app: Flask, metrics: Metrics) -> None:
    """Hook an application up to metrics, logs and tracing; before any other hook."""

    @app.before_request
    def begin() -> None:
        g.began = perf_counter()
        g.trace = trace(request.headers.get("X-Request-ID"), request.headers.get("traceparent"))
        metrics.in_progress.inc()

    @app.teardown_request
    def end(_: BaseException | None) -> None:
        if "began" in g:
            metrics.in_progress.dec()

    @app.after_request
    def report(response: Response) -> Response:
        seconds = perf_counter() - g.began
        method = request.method if request.method in METHODS else "other"
        route = request.url_rule.rule if request.url_rule else UNMATCHED
        metrics.answered(method, route, response.status_code, seconds)
        response.headers["X-Request-ID"] = g.trace.request_id
        response.headers["traceparent"] = g.trace.traceparent
        log.info(
            "request",
            extra={
                "request_id": g.trace.request_id,
                "trace_id": g.trace.trace_id,
                "method": method,
                "route": route,
                "status": response.status_code,
                "duration_ms": round(seconds * 1000, 3),
            },
        )
        return response
