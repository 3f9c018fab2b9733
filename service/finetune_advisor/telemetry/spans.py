"""Spans: OpenTelemetry's traces of requests and assessments, exported by OTLP over HTTP, without any answer.

OpenTelemetry's own instrumentations of WSGI and Flask record the query of a request. The links of pages
have the answers of a person in their query, so the spans here are made by hand.
"""

from __future__ import annotations

import atexit
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.environment_variables import (
    OTEL_EXPORTER_OTLP_ENDPOINT,
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
)
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.semconv.attributes import (
    error_attributes,
    http_attributes,
    network_attributes,
    service_attributes,
    url_attributes,
)
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, StatusCode, TraceFlags

from finetune_advisor.engine.evaluation.compiled import CompiledPath
from finetune_advisor.engine.evaluation.exact import Assessment
from finetune_advisor.telemetry.metrics import UNMATCHED_ROUTE, method_label
from finetune_advisor.telemetry.middleware import OPERATIONS_PATHS, find_route
from finetune_advisor.telemetry.tracing import SPAN_ENVIRON_KEY, make_span, parse_traceparent

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

SERVICE_NAME = "finetune-advisor"
"""The name of the service in a trace, unless OpenTelemetry's own variables give another."""
ATTRIBUTE_PREFIX = "finetune_advisor."
STOP_SECONDS = 3
"""Time that a process which ends has to export its last spans. By itself, the exporter takes up to 30 s."""

without_exceptions = partial(trace.use_span, record_exception=False, set_status_on_exception=False)
"""Makes a span the active one. An exception isn't recorded in it, as its message may quote a profile."""


class SpanTracer:
    """Starts spans, and exports them as OpenTelemetry's `OTEL_` variables say.

    The exporter has a thread, which a fork would lose. So it is made when the first span starts, after any
    fork. Raises ValueError if a variable is wrong.
    """

    def __init__(
        self, version: str, make_exporter: Callable[[], SpanExporter] = OTLPSpanExporter
    ) -> None:
        self._version, self._make_exporter = version, make_exporter
        self._lock = Lock()
        self._tracer: trace.Tracer | None = None
        _check_endpoint()
        self._make_provider().shutdown()  # so that a wrong variable stops the start

    def start(self, name: str, **options: Any) -> AbstractContextManager[trace.Span]:
        """Start a span, which is the active one until its context ends."""
        return without_exceptions(self._get_tracer().start_span(name, **options), end_on_exit=True)

    def describe(self, decisions: Sequence[CompiledPath | Assessment]) -> None:
        """Describe decisions, all of the same tree, in the active span: what was decided, and never why."""
        span = trace.get_current_span()
        if not decisions or not span.is_recording():
            return
        tree = decisions[0].tree
        statuses = ["decided" if decision.outcome else "undecided" for decision in decisions]
        attributes: dict[str, str | int] = {
            "tree.version": tree.version,
            "tree.digest": tree.digest,
            **Counter(statuses),
        }
        if len(decisions) == 1:
            attributes["status"] = statuses[0]
            attributes |= {"recommendation": outcome} if (outcome := decisions[0].outcome) else {}
        span.set_attributes({ATTRIBUTE_PREFIX + name: value for name, value in attributes.items()})

    def trace_requests(self, application: WSGIApplication) -> WSGIApplication:
        """Wrap an application, so that each request has a span."""
        return RequestSpans(application, self)

    def _get_tracer(self) -> trace.Tracer:
        with self._lock:
            if self._tracer is None:
                provider = self._make_provider()
                atexit.register(_export_the_rest, provider)
                self._tracer = provider.get_tracer(SERVICE_NAME, self._version)
            return self._tracer

    def _make_provider(self) -> TracerProvider:
        """Make a provider of tracers for this service, with an exporter of its own."""
        named = {service_attributes.SERVICE_NAME: SERVICE_NAME}
        named[service_attributes.SERVICE_VERSION] = self._version
        # What is given to `create` would win over the variables.
        resource = Resource.create({**named, **OTELResourceDetector().detect().attributes})
        provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(self._make_exporter()))
        return provider


def _check_endpoint() -> None:
    """Raise ValueError if the collector's URL can't be one. The exporter only logs that with each attempt."""
    for name in (OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, OTEL_EXPORTER_OTLP_ENDPOINT):
        if endpoint := os.environ.get(name):
            try:
                requests.Request("POST", endpoint).prepare()  # as the exporter's library does
                url = urlsplit(endpoint)
                is_valid = url.scheme in ("http", "https") and url.port != 0
            except ValueError:
                is_valid = False
            if not is_valid:
                raise ValueError(f"{name}: not a URL; give one such as http://collector:4318")
            return


def _export_the_rest(provider: TracerProvider) -> None:
    """Export the spans that wait, and give up after `STOP_SECONDS`, as nobody may be there to take them."""
    exporting = Thread(target=provider.shutdown, daemon=True)
    exporting.start()
    exporting.join(STOP_SECONDS)


class RequestSpans:
    """A WSGI middleware that makes a span of each request, except for those of probes and scrapes."""

    def __init__(self, application: WSGIApplication, tracer: SpanTracer) -> None:
        self._application, self._tracer = application, tracer

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        # Probes and scrapes come all the time, and are no part of a trace.
        if environ["PATH_INFO"] in OPERATIONS_PATHS:
            return self._application(environ, start_response)
        method = method_label(environ["REQUEST_METHOD"])
        name = "HTTP" if method == "other" else method
        with self._tracer.start(
            name,
            kind=SpanKind.SERVER,
            context=_find_parent(environ),
            attributes=_describe_request(environ, method),
        ) as span:
            context = span.get_span_context()
            environ[SPAN_ENVIRON_KEY] = make_span(context.trace_id, context.span_id, context.trace_flags)

            def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
                _describe_answer(span, name, find_route(environ), int(status[:3]))
                return start_response(status, headers, *error)

            return self._application(environ, start)


def _find_parent(environ: WSGIEnvironment) -> Context:
    """Return the context of the caller's span, an empty one if its traceparent isn't valid.

    OpenTelemetry's own propagators log parts of headers that they can't read, which strangers choose.
    """
    parent = parse_traceparent(environ.get("HTTP_TRACEPARENT"))
    if parent is None:
        return Context()
    ids = int(parent.trace_id, 16), int(parent.span_id, 16)
    context = SpanContext(*ids, is_remote=True, trace_flags=TraceFlags(int(parent.flags, 16)))
    return trace.set_span_in_context(NonRecordingSpan(context), Context())


def _describe_request(environ: WSGIEnvironment, method: str) -> dict[str, str]:
    """Return the attributes of a request by OpenTelemetry's conventions, without its query and headers."""
    path = environ.get("SCRIPT_NAME", "") + environ["PATH_INFO"]
    return {
        http_attributes.HTTP_REQUEST_METHOD: "_OTHER" if method == "other" else method,
        url_attributes.URL_PATH: path.encode("latin-1").decode(errors="replace"),
        url_attributes.URL_SCHEME: environ["wsgi.url_scheme"],
        network_attributes.NETWORK_PROTOCOL_VERSION: environ["SERVER_PROTOCOL"].removeprefix("HTTP/"),
    }


def _describe_answer(span: trace.Span, name: str, route: str, status: int) -> None:
    span.set_attribute(http_attributes.HTTP_RESPONSE_STATUS_CODE, status)
    if route != UNMATCHED_ROUTE:
        span.update_name(f"{name} {route}")
        span.set_attribute(http_attributes.HTTP_ROUTE, route)
    if status >= 500:
        span.set_attribute(error_attributes.ERROR_TYPE, str(status))
        span.set_status(StatusCode.ERROR)
