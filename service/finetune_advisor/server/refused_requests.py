"""Refused requests, which never reach the application: answer them, count them and log warnings."""

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

PageRenderer = Callable[[str], tuple[str, list[tuple[str, str]]] | None]
"""Renders a problem, given as JSON, as an HTML page with its headers; None if no page is asked for."""
DELAY_REASONS = frozenset({"connection_limit", "open_file_limit", "thread_limit"})
"""Reasons for which a connection is delayed and nothing is refused."""
TIMEOUT_REASONS = frozenset({"request_timeout", "answer_timeout"})
"""Reasons for which a connection is closed without an answer."""
SUMMARY_SECONDS = 60
"""Time after a logged refusal in which others for the same reason are only counted."""
SERVER_ERRORS = (
    errors.InvalidResponseHeader,
    errors.InvalidResponseHeaderName,
    errors.ConfigurationProblem,
)
"""Errors of gunicorn's parser that aren't the client's fault."""
FAULT_BY_PARSE_ERROR: dict[type[Exception], tuple[str, str]] = {
    errors.LimitRequestLine: ("request_line_too_long", "its first line is too long"),
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
"""For each error of gunicorn's parser, the reason in metrics and logs, and the words of the answer."""
HEADERS = {"transfer_coding": "Transfer-Encoding", "expectation": "Expect"}
"""The header that is at fault, by reason."""
DEFAULT_FAULT = "malformed", "it is malformed"
REFUSAL_REASONS = frozenset(
    {
        DEFAULT_FAULT[0],
        *(reason for reason, _ in FAULT_BY_PARSE_ERROR.values()),
        *TIMEOUT_REASONS,
        *DELAY_REASONS,
    }
)
"""All values that the metrics' label `reason` can have."""


def is_refusal(error: BaseException) -> bool:
    """Whether an error of the parser is the client's fault."""
    return isinstance(error, errors.ParseException) and not isinstance(error, SERVER_ERRORS)


def find_refusal_reason(error: BaseException) -> str:
    """Return the reason under which a refused request is counted and logged."""
    return _fault(error)[0]


def make_refusal_problem(error: BaseException, limit_request_line: int) -> Problem:
    """Make the problem that answers an error: 400 or 414 for the client's, 500 for others."""
    if not is_refusal(error):
        return InternalError("the server failed")
    if isinstance(error, errors.LimitRequestLine):
        # Only the start of the line was read. It has a question mark unless the path alone is too long.
        part = "query" if b"?" in getattr(error, "line", b"")[:limit_request_line] else "path"
        return UriTooLong(
            f"the request line is longer than {limit_request_line} bytes; shorten the {part}"
        )
    reason, detail = _fault(error)
    return MalformedRequest(f"the request can't be read: {detail}", header=HEADERS.get(reason))


def _fault(error: BaseException) -> tuple[str, str]:
    # gunicorn reports codings in a wrong order, or together with a length, as an invalid header.
    if getattr(error, "hdr", None) == "TRANSFER-ENCODING":
        return FAULT_BY_PARSE_ERROR[errors.UnsupportedTransferCoding]
    return next(
        (fault for kind, fault in FAULT_BY_PARSE_ERROR.items() if isinstance(error, kind)), DEFAULT_FAULT
    )


def find_requested_path(error: BaseException) -> str:
    """Return the path of a GET request whose line was too long; empty if the path isn't known.

    The path is known if the query is what makes the line too long.
    """
    method, _, target = getattr(error, "line", b"").partition(b" ")
    path, mark, _ = target.partition(b"?")
    return path.decode("latin-1") if method == b"GET" and mark else ""


def render_refusal(
    problem: Problem, traced: TraceContext, prefix: str = "", render_page: PageRenderer | None = None
) -> bytes:
    """Render a problem as a complete HTTP answer that closes the connection. `prefix` is the path prefix.

    `render_page` gives the page and its headers for the problem as JSON, or None if it needs no page.
    """
    content = problem.get_body(prefix=prefix)
    page = render_page(content) if render_page else None
    content, own_headers = page or (content, problem.get_headers())
    body = content.encode()
    headers = [
        *own_headers,
        ("Content-Length", str(len(body))),
        ("Connection", "close"),
        *common_headers(own_headers, traced),
    ]
    lines = [f"HTTP/1.1 {problem.code} {problem.name}", *map(": ".join, headers), "", ""]
    return "\r\n".join(lines).encode() + body


class LineKeepingRequest(Request):
    """gunicorn's request. When its first line is too long, the error has the part that was read as `line`."""

    def read_line(self, unreader: Any, buf: bytearray, limit: int = 0) -> tuple[bytes, bytearray]:
        try:
            return super().read_line(unreader, buf, limit)  # type: ignore[no-any-return]  # as above
        except errors.LimitRequestLine as error:
            error.line = bytes(buf)
            raise


class RefusalLog:
    """Counts every refusal and delay. Logs the first one for each reason, and then a summary each minute.

    Anybody can send any number of bad requests, so the log must not grow with them.
    """

    def __init__(self, count: Callable[[str, int], None], log: logging.Logger) -> None:
        self._count, self._log = count, log
        self._lock = Lock()
        self._suppressed: dict[str, tuple[float, int]] = {}
        """For each reason that was logged lately: the time of its summary, and the refusals since."""
        for reason in REFUSAL_REASONS:
            count(reason, 0)  # a series that starts at 0 shows its first increase, too

    def record(self, reason: str, request_id: str | None = None) -> None:
        """Count a refusal, and log it unless one for this reason was logged within `SUMMARY_SECONDS`."""
        self._count(reason, 1)
        with self._lock:
            if reason in self._suppressed:
                summary_at, times = self._suppressed[reason]
                self._suppressed[reason] = summary_at, times + 1
                return
            self._suppressed[reason] = time.monotonic() + SUMMARY_SECONDS, 0
        extra = {"request_id": request_id} if request_id else None
        self._log.warning("%s: %s", _verb(reason), reason, extra=extra)

    def log_summaries(self, *, finally_: bool = False) -> None:
        """Log the summaries that are due, or all of them if `finally_`, when the worker stops."""
        now = time.monotonic()
        with self._lock:
            due = [
                (reason, times)
                for reason, (summary_at, times) in self._suppressed.items()
                if finally_ or summary_at <= now
            ]
            for reason, times in due:
                del self._suppressed[reason]
                if times:  # it goes on: the next refusal is no news, and waits for the next summary
                    self._suppressed[reason] = now + SUMMARY_SECONDS, 0
        for reason, times in due:  # outside the lock, as writing may block
            if times:
                self._log.warning(
                    "%s: %s, %d more within %d seconds", _verb(reason), reason, times, SUMMARY_SECONDS
                )


def _verb(reason: str) -> str:
    return "delayed" if reason in DELAY_REASONS else "refused"
