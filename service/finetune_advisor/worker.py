"""gunicorn's worker with threads, except for how it closes connections, stops and refuses long lines."""

from __future__ import annotations

import select
import time
from concurrent.futures import Future
from typing import Any

from gunicorn import util
from gunicorn.http.errors import LimitRequestLine
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, TConn, ThreadWorker

from finetune_advisor.api.headers import security
from finetune_advisor.api.problems import UriTooLong
from finetune_advisor.telemetry.tracing import trace


class Worker(ThreadWorker):
    """A worker whose main loop waits for no client."""

    def finish_request(self, conn: TConn, fs: Future[Any]) -> None:
        """Close a connection in a thread: its client may take seconds to close its own side."""
        if fs.cancelled() or fs.exception() or fs.result() is not False:
            super().finish_request(conn, fs)
        else:
            self.nr_conns -= 1
            self.tpool.submit(conn.close, graceful=True)

    def set_accept_enabled(self, enabled: bool) -> None:
        """When stopping, take what waits already, and refuse the rest instead of letting it wait in vain."""
        super().set_accept_enabled(enabled)
        if not self.alive:
            for listener in self.sockets:
                for _ in range(self.cfg.backlog):
                    if not select.select([listener], [], [], 0)[0]:
                        break
                    self.accept(listener)
                listener.close()
            for conn in self.pending_conns:  # they have said nothing yet, and end as kept ones do
                conn.timeout = min(conn.timeout, time.monotonic() + STOP_KEEPALIVE_LINGER)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer what is wrong with a request that never reaches the application."""
        if isinstance(exc, LimitRequestLine):
            self.log.warning("refused: %s", exc)
            util.write_nonblock(client, _overlong(self.cfg.limit_request_line))
        else:
            super().handle_error(req, client, addr, exc)


def _overlong(limit: int) -> bytes:
    """A whole answer that refuses a request line of more than so many bytes, as the contract has it."""
    refused = UriTooLong(f"the request line is longer than {limit} bytes; shorten the query")
    body = refused.get_body().encode()
    headers = [
        *refused.get_headers(),
        ("Content-Length", str(len(body))),
        ("Connection", "close"),
        *security(()),
        *trace(None, None).headers,
    ]
    lines = [f"HTTP/1.1 {refused.code} {refused.name}", *map(": ".join, headers), "", ""]
    return "\r\n".join(lines).encode() + body
