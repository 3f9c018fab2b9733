"""gunicorn's worker with threads, except for how it closes connections and stops."""

from __future__ import annotations

import select
from concurrent.futures import Future
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker


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
