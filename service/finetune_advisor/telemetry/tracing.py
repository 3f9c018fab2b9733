"""Tracing: the request id, and the W3C trace context that a request belongs to."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from contextvars import ContextVar
from random import randbytes
from typing import Any, NamedTuple

REQUEST_ID_PATTERN = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
TRACEPARENT_PATTERN = re.compile(
    r"(?!ff|00.{54})([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(?:-.*)?"
)
"""Version 00 has four fields; later versions may have more behind them (W3C Trace Context, 3.2.4)."""
SAMPLED_FLAG, RANDOM_FLAG = 1, 2
"""The flags that version 00 knows (W3C Trace Context Level 2); all others are reserved and sent as zero."""


class Span(NamedTuple):
    """A span of a tracer, in the notation of a traceparent."""

    trace_id: str
    span_id: str
    flags: str


class TraceContext(NamedTuple):
    """Who a request is: taken over from the caller where it says so in a valid form, else made here."""

    request_id: str
    trace_id: str
    span_id: str
    flags: str

    @property
    def headers(self) -> tuple[tuple[str, str], tuple[str, str]]:
        """What an answer says of it."""
        parent = f"00-{self.trace_id}-{self.span_id}-{self.flags}"
        return ("X-Request-ID", self.request_id), ("traceparent", parent)

    @property
    def log_fields(self) -> dict[str, str]:
        """What a log line says of it."""
        return {"request_id": self.request_id, "trace_id": self.trace_id}

    def within(self, span: Span | None) -> TraceContext:
        """The same request within a tracer's span; unchanged without one."""
        return TraceContext(self.request_id, *span) if span else self


def make_trace_context(request_id: str | None, traceparent: str | None) -> TraceContext:
    """The trace of a request with these headers, with a new span for the work done here.

    Ids are random and no secrets; the chance that a part is all zeros is 1 in 2 to the 64.
    """
    parent = TRACEPARENT_PATTERN.fullmatch(traceparent) if traceparent else None
    given = REQUEST_ID_PATTERN.fullmatch(request_id) if request_id else None
    made = randbytes(40).hex()  # noqa: S311  # no secret
    return TraceContext(
        given[0] if given else made[:32],
        parent[2] if parent else made[32:64],
        made[64:],
        _known_flags(parent[1], parent[3]) if parent else "00",
    )


def _known_flags(version: str, flags: str) -> str:
    """The flags that are known, to be passed on; of a later version, this is the first alone."""
    known = SAMPLED_FLAG | RANDOM_FLAG if version == "00" else SAMPLED_FLAG
    return f"{int(flags, 16) & known:02x}"


CURRENT: ContextVar[TraceContext | None] = ContextVar("finetune_advisor.trace", default=None)
"""The trace of the last request that this thread took; TelemetryMiddleware sets it."""


def current_trace() -> TraceContext | None:
    """The trace of the current request, within the active span of a tracer; None before any."""
    trace_, lookup = CURRENT.get(), make_active_span_lookup()
    return trace_.within(lookup()) if trace_ and lookup else trace_


def make_active_span_lookup() -> Callable[[], Span | None] | None:
    """A function that gives the active span of the tracer in this process; None if there is no tracer.

    `opentelemetry-instrument` and `ddtrace-run` load their tracer before the application starts. Without one,
    a request pays nothing.
    """
    lookups = [
        lookup(sys.modules[module])
        for module, lookup in (("opentelemetry.trace", _opentelemetry), ("ddtrace.trace", _ddtrace))
        if module in sys.modules
    ]
    if not lookups:
        return None
    return lambda: next((span for active in lookups if (span := active())), None)


def _opentelemetry(module: Any) -> Callable[[], Span | None]:
    def active() -> Span | None:
        context = module.get_current_span().get_span_context()
        return _span(context.trace_id, context.span_id, context.trace_flags)

    return active


def _ddtrace(module: Any) -> Callable[[], Span | None]:
    def active() -> Span | None:
        context = module.tracer.current_trace_context()
        if context is None:
            return None
        sampled = (context.sampling_priority or 0) > 0
        return _span(context.trace_id, context.span_id, SAMPLED_FLAG if sampled else 0)

    return active


def _span(trace_id: int | None, span_id: int | None, flags: int) -> Span | None:
    """The span with these numbers; None if one is zero or unknown, as it is without an active span."""
    if not (trace_id and span_id):
        return None
    return Span(f"{trace_id:032x}", f"{span_id:016x}", f"{flags & (SAMPLED_FLAG | RANDOM_FLAG):02x}")
