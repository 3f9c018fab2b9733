"""Middleware around the application that identifies, times, counts and logs every request."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable
from time import perf_counter, time
from typing import TYPE_CHECKING, Any

from finetune_advisor.telemetry import deferred
from finetune_advisor.telemetry.log_output import AccessLogRecord, template_record
from finetune_advisor.telemetry.metrics import (
    UNMATCHED_ROUTE,
    Exemplar,
    Metrics,
    RequestSample,
    method_label,
)
from finetune_advisor.telemetry.tracing import (
    CURRENT,
    SPAN_ENVIRON_KEY,
    Span,
    TraceContext,
    make_active_span_lookup,
    make_trace_context,
)

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    Headers = Iterable[tuple[str, str]]
    CommonHeaders = Callable[[Headers, TraceContext], Headers]

MAX_PENDING_REQUESTS = 1000
"""Answered requests that may wait to be counted and logged. The next request then flushes them itself."""
OPERATIONS_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})
"""Paths of probes and scrapes."""
ROUTE_ENVIRON_KEY = "finetune_advisor.route"
"""Key of the WSGI environment under which an application other than Flask leaves its route template."""
KEY_NAME_ENVIRON_KEY = "finetune_advisor.key_name"
"""Key of the WSGI environment under which an application leaves the name of a request's API key."""

log = logging.getLogger("finetune_advisor.access")


class TelemetryMiddleware:
    """Wraps a WSGI application that uses Werkzeug, and adds metrics, logs and tracing to each request.

    `common_headers` takes the headers of an answer and its trace, and returns the headers to add.
    `client` finds the client's address of a request, which its log line shows.
    With `has_keys`, the name of each request's API key is counted and logged.
    """

    def __init__(
        self,
        application: WSGIApplication,
        metrics: Metrics,
        common_headers: CommonHeaders,
        client: Callable[[WSGIEnvironment], str] | None = None,
        *,
        has_keys: bool = False,
    ) -> None:
        self._application, self._metrics, self._common_headers = application, metrics, common_headers
        self._client, self._has_keys = client, has_keys
        self._pending: deque[tuple[RequestSample, TraceContext, float, str | None]] = deque()
        self._active_span = make_active_span_lookup()
        deferred.register(self.flush)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        started = perf_counter()
        own_span = environ.get(SPAN_ENVIRON_KEY)
        incoming = make_trace_context(environ.get("HTTP_X_REQUEST_ID"), environ.get("HTTP_TRACEPARENT"))
        if own_span:
            incoming = incoming.within(own_span)

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            seconds = perf_counter() - started
            # A tracer that instruments Flask begins its span inside the application.
            span = self._active_span() if self._active_span else own_span
            trace = incoming.within(span) if span else incoming
            client = self._client(environ) if self._client else None
            sample = (
                method_label(environ["REQUEST_METHOD"]),
                find_route(environ),
                int(status[:3]),
                seconds,
                environ.get(KEY_NAME_ENVIRON_KEY) if self._has_keys else None,
                _exemplar(span) if span else None,
            )
            self._pending.append((sample, trace, time(), client))
            self._metrics.record_request(sample)
            return start_response(status, [*headers, *self._common_headers(headers, trace)], *error)

        CURRENT.set(incoming)
        self._metrics.request_started()
        try:
            return self._application(environ, start)
        finally:
            self._metrics.request_finished()
            if len(self._pending) >= MAX_PENDING_REQUESTS:
                deferred.flush()
            else:
                deferred.schedule()

    def flush(self) -> None:
        """Log the requests that were answered since the last flush."""
        # Other threads may add more meanwhile; those wait for the next flush.
        pending = [self._pending.popleft() for _ in range(len(self._pending))]
        if pending and log.isEnabledFor(logging.INFO):
            template = template_record(log.name, "request")
            for sample, trace, answered_at, client in pending:
                method, route, status, seconds, key_name, _ = sample
                fields = {
                    "request_id": trace.request_id,
                    "trace_id": trace.trace_id,
                    "method": method,
                    "route": route,
                    "status": status,
                    "duration_ms": round(seconds * 1000, 3),
                }
                if client is not None:
                    fields["client"] = client
                if key_name is not None:
                    fields["api_key"] = key_name
                log.handle(AccessLogRecord(template, answered_at, fields))


def _exemplar(span: Span) -> Exemplar | None:
    """Return the ids of a span if it is recorded: nobody could look up another one."""
    return {"trace_id": span.trace_id, "span_id": span.span_id} if span.is_sampled else None


def find_route(environ: WSGIEnvironment) -> str:
    """Return the route template that a request's path matched. It may be `unmatched`."""
    if ROUTE_ENVIRON_KEY in environ:
        return str(environ[ROUTE_ENVIRON_KEY])
    # The application may have failed before Flask made a request of it.
    rule = getattr(environ.get("werkzeug.request"), "url_rule", None)
    return rule.rule if rule else UNMATCHED_ROUTE
