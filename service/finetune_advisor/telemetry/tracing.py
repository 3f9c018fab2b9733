"""Tracing: the request id, and the W3C trace context that a request belongs to."""

from __future__ import annotations

import re
from random import randbytes
from typing import NamedTuple

REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})"
)


class Trace(NamedTuple):
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


def trace(request_id: str | None, traceparent: str | None) -> Trace:
    """The trace of a request with these headers, with a new span for the work done here.

    Ids are random and no secrets; the chance that a part is all zeros is 1 in 2 to the 64.
    """
    parent = TRACEPARENT.fullmatch(traceparent) if traceparent else None
    given = REQUEST_ID.fullmatch(request_id) if request_id else None
    made = randbytes(40).hex()  # noqa: S311  # no secret
    return Trace(
        given[0] if given else made[:32],
        parent[1] if parent else made[32:64],
        made[64:],
        parent[2] if parent else "00",
    )
