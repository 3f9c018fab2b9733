"""Tracing: the id and the W3C trace context of each request."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from contextvars import ContextVar
from random import randbytes
from typing import Any, NamedTuple

REQUEST_ID_PATTERN = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
TRACEPARENT_PATTERN = re.compile(
    r"(?!ff|00.{54})([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?"
)
"""Version 00 has four fields. Later versions may append more (W3C Trace Context, 3.2.4)."""
SAMPLED_FLAG, RANDOM_FLAG = 1, 2
"""The flags of version 00 (W3C Trace Context Level 2). All others are reserved and sent as zero."""


class Span(NamedTuple):
    """A span of a tracer, with its parts in hexadecimal, as in a traceparent."""

    trace_id: str
    span_id: str
    flags: str

    @property
    def is_sampled(self) -> bool:
        """Whether the span is recorded, as far as its flags say."""
        return bool(int(self.flags, 16) & SAMPLED_FLAG)


class TraceContext(NamedTuple):
    """Identifies a request: by the ids that its caller sent, if they are valid, or else by new ones."""

    request_id: str
    trace_id: str
    span_id: str
    flags: str

    @property
    def headers(self) -> tuple[tuple[str, str], tuple[str, str]]:
        """The headers X-Request-ID and traceparent of the answer."""
        parent = f"00-{self.trace_id}-{self.span_id}-{self.flags}"
        return ("X-Request-ID", self.request_id), ("traceparent", parent)

    @property
    def log_fields(self) -> dict[str, str]:
        """The fields of a log line."""
        return {"request_id": self.request_id, "trace_id": self.trace_id}

    def within(self, span: Span) -> TraceContext:
        """Return the context with a tracer's span in place of its own."""
        return TraceContext(self.request_id, *span)


def make_trace_context(request_id: str | None, traceparent: str | None) -> TraceContext:
    """Make the context of a request from its headers, with a new span for the work done here.

    Ids are random, and no secrets. A span id of zeros, which would be invalid, comes up once in 2**64 times.
    """
    parent = parse_traceparent(traceparent)
    valid_id = REQUEST_ID_PATTERN.fullmatch(request_id) if request_id else None
    random_hex = randbytes(40).hex()  # noqa: S311  # no secret
    return TraceContext(
        valid_id[0] if valid_id else random_hex[:32],
        parent.trace_id if parent else random_hex[32:64],
        random_hex[64:],
        parent.flags if parent else "00",
    )


def parse_traceparent(traceparent: str | None) -> Span | None:
    """Return the caller's span in a traceparent, None if there is no valid one."""
    parts = TRACEPARENT_PATTERN.fullmatch(traceparent) if traceparent else None
    return Span(parts[2], parts[3], _known_flags(parts[1], parts[4])) if parts else None


def _known_flags(version: str, flags: str) -> str:
    """Keep the flags that may be passed on. In versions after 00 that is only the first one."""
    known = SAMPLED_FLAG | RANDOM_FLAG if version == "00" else SAMPLED_FLAG
    return f"{int(flags, 16) & known:02x}"


SPAN_ENVIRON_KEY = "finetune_advisor.span"
"""Key of the WSGI environment under which the service's own tracer leaves the `Span` of a request."""
CURRENT: ContextVar[TraceContext | None] = ContextVar("finetune_advisor.trace", default=None)
"""The trace of the last request in this thread. TelemetryMiddleware sets it."""


def current_trace() -> TraceContext | None:
    """Return the trace of the current request, with a tracer's active span; None before any request."""
    trace, lookup = CURRENT.get(), make_active_span_lookup()
    span = lookup() if lookup else None
    return trace.within(span) if trace and span else trace


def log_fields_of_request() -> dict[str, str]:
    """Return the ids that a log line of the current request has, none before any request."""
    trace = current_trace()
    return trace.log_fields if trace else {}


def make_active_span_lookup() -> Callable[[], Span | None] | None:
    """Return a function that finds the active span of this process's tracer, or None without a tracer.

    `opentelemetry-instrument` and `ddtrace-run` import and set up their tracer before the application starts,
    so that the imported modules tell whether there is one. Without a tracer, a request costs nothing more.
    """
    found = [
        lookup(sys.modules[module])
        for module, lookup in (("opentelemetry.trace", _opentelemetry), ("ddtrace.trace", _ddtrace))
        if module in sys.modules
    ]
    lookups = [lookup for lookup in found if lookup]
    if not lookups:
        return None
    return lambda: next((span for active in lookups if (span := active())), None)


def _opentelemetry(module: Any) -> Callable[[], Span | None] | None:
    # Many libraries import OpenTelemetry's API, which does nothing until somebody sets a provider.
    if isinstance(module.get_tracer_provider(), module.ProxyTracerProvider):
        return None

    def active() -> Span | None:
        context = module.get_current_span().get_span_context()
        return make_span(context.trace_id, context.span_id, context.trace_flags)

    return active


def _ddtrace(module: Any) -> Callable[[], Span | None]:
    def active() -> Span | None:
        context = module.tracer.current_trace_context()
        if context is None:
            return None
        # ddtrace has priorities from -1 to 2; those above 0 keep the trace.
        sampled = (context.sampling_priority or 0) > 0
        return make_span(context.trace_id, context.span_id, SAMPLED_FLAG if sampled else 0)

    return active


def make_span(trace_id: int | None, span_id: int | None, flags: int) -> Span | None:
    """Write a span's numbers in hexadecimal. None if one is zero or unknown, as without an active span."""
    if not (trace_id and span_id):
        return None
    return Span(f"{trace_id:032x}", f"{span_id:016x}", f"{flags & (SAMPLED_FLAG | RANDOM_FLAG):02x}")
