"""gunicorn's worker with threads, except for how it closes, stops, ends what is slow, and refuses."""

from __future__ import annotations

import errno
import select
import selectors
import socket
import time
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any

from gunicorn import util
from gunicorn.http import errors
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, TConn, ThreadWorker

from finetune_advisor.api.headers import common_headers
from finetune_advisor.api.problems import InternalError, MalformedRequest, Problem, UriTooLong
from finetune_advisor.telemetry.tracing import Trace, trace

READ_SECONDS = 30
"""How long a client may take to send a request: a thread waits for it meanwhile."""
ANSWER_SECONDS = 300
"""How long it may take from then on until it has read its answer."""
LINGER_SECONDS = 2
"""How long a client gets to close its side of a connection that is closed after an answer."""
LINGER_BYTES = 1 << 16
"""How much it may say meanwhile."""
OWN_FAULTS = errors.InvalidResponseHeader, errors.InvalidResponseHeaderName, errors.ConfigurationProblem
FAULTS: dict[type[errors.ParseException], str] = {
    errors.InvalidRequestLine: "its first line isn't that of an HTTP request",
    errors.InvalidRequestMethod: "its method is malformed",
    errors.InvalidHTTPVersion: "its HTTP version is neither 1.0 nor 1.1",
    errors.InvalidHeader: "a header field is malformed",
    errors.InvalidHeaderName: "the name of a header field is malformed",
    errors.ObsoleteFolding: "a header field goes over several lines; put it on one",
    errors.LimitRequestHeaders: "its header fields are too large or too many; send less",
    errors.UnsupportedTransferCoding: "it has a transfer coding other than chunked; send it without",
    errors.ExpectationFailed: "it expects something other than 100-continue",
}


class Worker(ThreadWorker):
    """A worker whose main loop waits for no client, and whose threads wait only so long."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._due: dict[TConn, tuple[float, int]] = {}
        self._lingering: dict[TConn, int] = {}
        self._stopped = False

    def accept(self, listener: socket.socket) -> None:
        """Take a connection; without a file left for it, let it wait until there is one."""
        try:
            super().accept(listener)
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
            time.sleep(0.05)

    def handle(self, conn: TConn) -> Any:
        """Handle a request while its time runs."""
        self._due[conn] = time.monotonic() + READ_SECONDS, socket.SHUT_RD
        try:
            return super().handle(conn)
        finally:
            self._due.pop(conn, None)

    def murder_pending(self) -> None:
        """End the requests that take too long to come, too, and later the answers that nobody reads."""
        super().murder_pending()
        now = time.monotonic()
        for conn, (due, how) in list(self._due.items()):
            if due < now:
                with suppress(OSError):
                    conn.sock.shutdown(how)
                # A request that has come by then is answered all the same.
                if self._due.pop(conn, None) and how == socket.SHUT_RD:
                    self._due[conn] = now + ANSWER_SECONDS, socket.SHUT_RDWR
        while self._lingering and (conn := next(iter(self._lingering))).timeout < now:
            self._part(conn)

    def finish_request(self, conn: TConn, fs: Future[Any]) -> None:
        """Close a connection without waiting for it: its client may take seconds to close its own side.

        Closed at once, an answer could be lost on what the client still sends (RFC 9112, 9.6).
        """
        if fs.cancelled() or fs.exception() or fs.result() is not False:
            super().finish_request(conn, fs)
            return
        self._lingering[conn] = LINGER_BYTES
        conn.timeout = time.monotonic() + LINGER_SECONDS
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.setblocking(False)
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._hear_out, conn))
        except OSError:  # it is closed already
            self._part(conn)

    def _hear_out(self, conn: TConn, _: socket.socket) -> None:
        """Read what a client still says, until it closes its side or has said too much."""
        try:
            said = len(conn.sock.recv(4096))
        except BlockingIOError:
            return
        except OSError:
            said = 0
        self._lingering[conn] -= said
        if not said or self._lingering[conn] <= 0:
            self._part(conn)

    def _part(self, conn: TConn) -> None:
        """Close a connection for good."""
        del self._lingering[conn]
        with suppress(KeyError, ValueError):
            self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.close()

    def set_accept_enabled(self, enabled: bool) -> None:
        """When stopping, take what waits already, and refuse the rest instead of letting it wait in vain."""
        super().set_accept_enabled(enabled)
        if not self.alive and not self._stopped:
            self._stopped = True
            for listener in self.sockets:
                for _ in range(self.cfg.backlog):
                    if not select.select([listener], [], [], 0)[0]:
                        break
                    self.accept(listener)
                listener.close()
            for conn in self.pending_conns:  # they have said nothing yet, and end as kept ones do
                conn.timeout = min(conn.timeout, time.monotonic() + STOP_KEEPALIVE_LINGER)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer a request that never reaches the application. What it says is in no line of the log."""
        traced = trace(None, None)
        known = {"request_id": traced.request_id}
        refused = self._refusal(exc)
        if isinstance(refused, InternalError):
            self.log.error("failed", exc_info=exc, extra=known)
        else:
            self.log.warning("refused: %s", type(exc).__name__, extra=known)
            if req is not None:
                return  # it was answered; what comes behind it can't be read
        with suppress(OSError):
            util.write_nonblock(client, _whole(refused, traced))

    def _refusal(self, exc: BaseException) -> Problem:
        """The problem that answers an error."""
        if isinstance(exc, OWN_FAULTS) or not isinstance(exc, errors.ParseException):
            return InternalError("something failed here")
        if isinstance(exc, errors.LimitRequestLine):
            limit = self.cfg.limit_request_line
            return UriTooLong(f"the request line is longer than {limit} bytes; shorten the query")
        what = next((what for kind, what in FAULTS.items() if isinstance(exc, kind)), "it is malformed")
        return MalformedRequest(f"the request can't be read: {what}")


def _whole(problem: Problem, traced: Trace) -> bytes:
    """A whole answer, after which the connection is closed."""
    body = problem.get_body().encode()
    headers = [
        *problem.get_headers(),
        ("Content-Length", str(len(body))),
        ("Connection", "close"),
        *common_headers((), traced),
    ]
    lines = [f"HTTP/1.1 {problem.code} {problem.name}", *map(": ".join, headers), "", ""]
    return "\r\n".join(lines).encode() + body
