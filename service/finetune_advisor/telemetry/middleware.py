"""The telemetry around the application: every request is identified, timed, counted and logged."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable
from time import perf_counter, time
from typing import TYPE_CHECKING, Any

from finetune_advisor.telemetry import deferred
from finetune_advisor.telemetry.log_output import Facts, common_record
from finetune_advisor.telemetry.metrics import UNMATCHED, Metrics, Served, labels
from finetune_advisor.telemetry.tracing import Trace, active_span_lookup, trace

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    Headers = Iterable[tuple[str, str]]
    More = Callable[[Headers, Trace], Headers]

MOST_KEPT = 1000
"""Of how many requests the lines wait to be written; one more waits for all of them."""
TRACE = "finetune_advisor.trace"
ROUTE = "finetune_advisor.route"
"""Where an application that isn't Flask leaves the template that a request's path matched."""

log = logging.getLogger("finetune_advisor.access")


class Observed:
    """A WSGI application, made with Werkzeug, with metrics, logs and tracing for each of its requests.

    `more` gives the headers that an answer of a trace with some headers lacks: all that are added are added
    here, at once. `client` gives the client's address of a request, for its log line.
    """

    def __init__(
        self,
        application: WSGIApplication,
        metrics: Metrics,
        more: More,
        client: Callable[[WSGIEnvironment], str] | None = None,
    ) -> None:
        self._application, self._metrics, self._more = application, metrics, more
        self._client = client
        self._answers: deque[tuple[Trace, float, Served, str | None]] = deque()
        self._active_span = active_span_lookup()
        deferred.each(self.report)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        began = perf_counter()
        traced = trace(environ.get("HTTP_X_REQUEST_ID"), environ.get("HTTP_TRACEPARENT"))
        environ[TRACE] = traced

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            answer = environ["REQUEST_METHOD"], _route(environ), status, perf_counter() - began
            # A tracer's instrumentation of Flask begins its span inside of the application.
            own = traced.within(self._active_span()) if self._active_span else traced
            self._metrics.served.append(answer)
            client = self._client(environ) if self._client else None
            self._answers.append((own, time(), answer, client))
            return start_response(status, [*headers, *self._more(headers, own)], *error)

        self._metrics.began()
        try:
            return self._application(environ, start)
        finally:
            self._metrics.ended()
            if len(self._answers) >= MOST_KEPT:
                deferred.finish()
            else:
                deferred.ask()

    def report(self) -> None:
        """Log the requests that were answered meanwhile."""
        answers = [self._answers.popleft() for _ in range(len(self._answers))]
        if answers and log.isEnabledFor(logging.INFO):
            common = common_record(log.name, "request")
            for traced, when, answer, client in answers:
                method, route, status = labels(*answer[:3])
                facts = {
                    "request_id": traced.request_id,
                    "trace_id": traced.trace_id,
                    "method": method,
                    "route": route,
                    "status": status,
                    "duration_ms": round(answer[3] * 1000, 3),
                }
                if client is not None:
                    facts["client"] = client
                log.handle(Facts(common, when, facts))


def _route(environ: WSGIEnvironment) -> str:
    """The template that a request's path matched."""
    if ROUTE in environ:
        return str(environ[ROUTE])
    rule = environ["werkzeug.request"].url_rule
    return rule.rule if rule else UNMATCHED
