"""Tracing: the request id, and the W3C trace context that a request belongs to."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})"
)


@dataclass(frozen=True)
class Trace:
    """Who a request is: taken over from the caller where it says so in a valid form, else made here."""

    request_id: str
    trace_id: str
    span_id: str
    flags: str

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"


def trace(request_id: str | None, traceparent: str | None) -> Trace:
    """The trace of a request with these headers, with a new span for the work done here."""
    parent = TRACEPARENT.fullmatch(traceparent or "")
    given = REQUEST_ID.fullmatch(request_id or "")
    return Trace(
        request_id=given[0] if given else secrets.token_hex(16),
        trace_id=parent[1] if parent else secrets.token_hex(16),
        span_id=secrets.token_hex(8),
        flags=parent[2] if parent else "00",
    )
