"""Requests that never reach the application: their answer, their count and their warning."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from threading import Lock
from typing import Any

from gunicorn.http import errors
from gunicorn.http.message import Request

from finetune_advisor.api.http.headers import common_headers
from finetune_advisor.api.http.problems import InternalError, MalformedRequest, Problem, UriTooLong
from finetune_advisor.telemetry.tracing import TraceContext

DELAY_REASONS = frozenset({"connection_limit", "open_file_limit", "thread_limit"})
"""The reasons for which nothing is refused: a connection waits."""
TIMEOUT_REASONS = frozenset({"request_timeout", "answer_timeout"})
SUMMARY_SECONDS = 60
"""How long further refusals for a reason are only counted after one was logged."""
SERVER_ERRORS = (
    errors.InvalidResponseHeader,
    errors.InvalidResponseHeaderName,
    errors.ConfigurationProblem,
)
FAULT_BY_PARSE_ERROR: dict[type[Exception], tuple[str, str]] = {
    errors.LimitRequestLine: (
        "request_line_too_long",
        "its first line is too long",
    ),
    errors.InvalidRequestLine: ("request_line", "its first line isn't that of an HTTP request"),
    errors.InvalidRequestMethod: ("method", "its method is malformed"),
    errors.InvalidHTTPVersion: ("version", "its HTTP version isn't 1.0, 1.1 or another 1.x"),
    errors.InvalidHeader: ("header", "a header field is malformed"),
    errors.InvalidHeaderName: ("header_name", "the name of a header field is malformed"),
    errors.ObsoleteFolding: (
        "folded_header",
        "a header field goes over several lines; put it on one",
    ),
    errors.LimitRequestHeaders: (
        "headers_too_large",
        "its header fields are too large or too many; send less",
    ),
    errors.UnsupportedTransferCoding: (
        "transfer_coding",
        "its transfer coding isn't chunked alone; send it without any other, or with Content-Length alone",
    ),
    errors.ExpectationFailed: ("expectation", "it expects something other than 100-continue"),
}
"""For each error of gunicorn's parser, the reason that metrics and logs give, and what the answer says."""
HEADERS = {"transfer_coding": "Transfer-Encoding", "expectation": "Expect"}
"""For a reason, the header that is at fault."""
DEFAULT_FAULT = "malformed", "it is malformed"
REFUSAL_REASONS = frozenset(
    {
        DEFAULT_FAULT[0],
        *(reason for reason, _ in FAULT_BY_PARSE_ERROR.values()),
        *TIMEOUT_REASONS,
        *DELAY_REASONS,
    }
)
"""Every reason that there is: metrics have no other."""


def is_refusal(error: BaseException) -> bool:
    """Whether an error is the client's fault, so that its request is refused."""
    return isinstance(error, errors.ParseException) and not isinstance(error, SERVER_ERRORS)


def find_refusal_reason(error: BaseException) -> str:
    """The reason under which a refused request is counted."""
    return _fault(error)[0]


def make_refusal_problem(error: BaseException, limit_request_line: int) -> Problem:
    """The problem that answers an error."""
    if not is_refusal(error):
        return InternalError("something failed here")
    if isinstance(error, errors.LimitRequestLine):
        part = "query" if b"?" in getattr(error, "line", b"")[:limit_request_line] else "path"
        return UriTooLong(
            f"the request line is longer than {limit_request_line} bytes; shorten the {part}"
        )
    reason, detail = _fault(error)
    return MalformedRequest(f"the request can't be read: {detail}", header=HEADERS.get(reason))


def _fault(error: BaseException) -> tuple[str, str]:
    if getattr(error, "hdr", None) == "TRANSFER-ENCODING":  # codings in a wrong order, or with a length
        return FAULT_BY_PARSE_ERROR[errors.UnsupportedTransferCoding]
    return next(
        (fault for kind, fault in FAULT_BY_PARSE_ERROR.items() if isinstance(error, kind)), DEFAULT_FAULT
    )


def render_refusal(problem: Problem, traced: TraceContext, prefix: str = "") -> bytes:
    """A whole HTTP answer of a service below a prefix of paths, after which the connection is closed."""
    body = problem.get_body(prefix=prefix).encode()
    headers = [
        *problem.get_headers(),
        ("Content-Length", str(len(body))),
        ("Connection", "close"),
        *common_headers((), traced),
    ]
    lines = [f"HTTP/1.1 {problem.code} {problem.name}", *map(": ".join, headers), "", ""]
    return "\r\n".join(lines).encode() + body


class MeasuredRequest(Request):
    """gunicorn's request, whose error about a line that is too long has as `line` what was read of it."""

    def read_line(self, unreader: Any, buf: bytearray, limit: int = 0) -> tuple[bytes, bytearray]:
        try:
            return super().read_line(unreader, buf, limit)  # type: ignore[no-any-return]  # as above
        except errors.LimitRequestLine as error:
            error.line = bytes(buf)
            raise


class RefusalLog:
    """Counts every refusal and delay; logs the first for each reason, and each minute how many followed.

    Anybody can send what is refused, as much as they like: the log doesn't grow with it.
    """

    def __init__(self, count: Callable[[str, int], None], log: logging.Logger) -> None:
        self._count, self._log = count, log
        self._lock = Lock()
        self._suppressed: dict[str, tuple[float, int]] = {}
        """For each reason that was logged: until when others are only counted, and how many were."""
        for reason in REFUSAL_REASONS:
            count(reason, 0)

    def record(self, reason: str, request_id: str | None = None) -> None:
        """Count a refusal, and log it unless another for this reason was logged within a minute."""
        self._count(reason, 1)
        with self._lock:
            if reason in self._suppressed:
                until, times = self._suppressed[reason]
                self._suppressed[reason] = until, times + 1
                return
            self._suppressed[reason] = time.monotonic() + SUMMARY_SECONDS, 0
        known = {"request_id": request_id} if request_id else None
        self._log.warning("%s: %s", _verb(reason), reason, extra=known)

    def log_summaries(self, *, finally_: bool = False) -> None:
        """Log how many were only counted for each reason whose minute is over, or, finally, for all."""
        now = time.monotonic()
        with self._lock:
            over = [
                (reason, times)
                for reason, (until, times) in self._suppressed.items()
                if finally_ or until <= now
            ]
            for reason, times in over:
                del self._suppressed[reason]
                if times:  # it goes on: the next one is no news
                    self._suppressed[reason] = now + SUMMARY_SECONDS, 0
        for reason, times in over:
            if times:
                self._log.warning(
                    "%s: %s, %d more within %d seconds", _verb(reason), reason, times, SUMMARY_SECONDS
                )


def _verb(reason: str) -> str:
    return "delayed" if reason in DELAY_REASONS else "refused"
