"""The telemetry hook: every request is identified, timed, counted and logged."""

from __future__ import annotations

import logging
from time import perf_counter

from flask import Flask, Request, Response, g, request

from finetune_advisor.telemetry.metrics import Metrics
from finetune_advisor.telemetry.tracing import trace

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
UNMATCHED = "unmatched"

log = logging.getLogger("finetune_advisor.access")


def observe(app: Flask, metrics: Metrics) -> None:
    """Hook an application up to metrics, logs and tracing; before any other hook."""

    @app.before_request
    def begin() -> None:
        given = request.headers
        g.seen = perf_counter(), trace(given.get("X-Request-ID"), given.get("traceparent"))
        metrics.in_progress.inc()

    @app.teardown_request
    def end(_: BaseException | None) -> None:
        if "seen" in g:
            metrics.in_progress.dec()

    @app.after_request
    def report(response: Response) -> Response:
        asked: Request = request._get_current_object()  # type: ignore[attr-defined]  # one look-up, not four
        began, traced = g.seen
        seconds = perf_counter() - began
        method = asked.method if asked.method in METHODS else "other"
        route = asked.url_rule.rule if asked.url_rule else UNMATCHED
        metrics.answered(method, route, response.status_code, seconds)
        response.headers.extend({"X-Request-ID": traced.request_id, "traceparent": traced.traceparent})
        log.info(
            "request",
            extra={
                "request_id": traced.request_id,
                "trace_id": traced.trace_id,
                "method": method,
                "route": route,
                "status": response.status_code,
                "duration_ms": round(seconds * 1000, 3),
            },
        )
        return response
