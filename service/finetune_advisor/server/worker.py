"""gunicorn's worker with threads, except for how it waits, closes, stops, ends what is slow, and refuses."""

from __future__ import annotations

import errno
import os
import select
import selectors
import socket
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from threading import Thread
from typing import Any

from gunicorn import util
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, TConn, ThreadWorker

from finetune_advisor.server import refused_requests
from finetune_advisor.server.refused_requests import MeasuredRequest, RefusalLog
from finetune_advisor.settings import Settings
from finetune_advisor.telemetry.tracing import make_trace_context

READ_SECONDS = 30
"""How long a client may take to send a request: a thread waits for it meanwhile."""
ANSWER_SECONDS = 300
"""How long it may take from then on until it has read its answer."""
LINGER_SECONDS = 2
"""How long a client gets to close its side of a connection that is closed after an answer."""
MAX_LINGER_BYTES = 1 << 16
"""How much it may say meanwhile."""
OPERATIONS_THREADS = 8
"""Threads that answer on the operations port, and nowhere else."""
MAX_OPERATIONS_CONNECTIONS = 64
"""The most connections that it holds, out of the worker's; more wait."""
HIGHEST_HTTP_VERSION = 1, 1


@dataclass
class Deadline:
    """When a request's time is over, and which side of its connection is shut then."""

    expires_at: float
    shutdown_side: int = socket.SHUT_RD
    is_read: bool = False
    """Whether the request's head has come."""


class Connection(TConn):
    """gunicorn's connection, whose requests say what of their first line is too long."""

    def init(self) -> None:
        super().init()
        self.parser.mesg_class = MeasuredRequest


class ConnectionWorker(ThreadWorker):
    """Serves some listeners: its main loop waits for no client, and its threads wait only so long."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.alive: bool
        self.sockets: list[Any]
        self.wsgi: Any
        self.refusals: RefusalLog
        self.path_prefix = ""
        self.thread_count: int = self.cfg.threads
        self._deadlines: dict[TConn, Deadline] = {}
        self._lingering: dict[TConn, int] = {}
        self._stopped = False

    def get_thread_pool(self) -> ThreadPoolExecutor:
        """A pool that has one thread already; more are started as they are needed.

        If the system has none left at all, the worker ends, and the next one tries again.
        """
        pool = ThreadPoolExecutor(self.thread_count)
        try:
            pool.submit(int)
        except RuntimeError:
            self.log.error(  # noqa: TRY400  # a traceback would say no more
                "no thread can be started: raise the limit of processes (ulimit -u, or pids)"
            )
            time.sleep(1)
            sys.exit(1)
        return pool

    def enqueue_req(self, conn: TConn) -> None:
        """Have a thread handle a request.

        If the system has none left, the pool has queued it all the same, and a thread that runs takes it.
        """
        handled: Future[Any] = Future()
        handled.add_done_callback(partial(self.method_queue.defer, self.finish_request, conn))
        try:
            self.tpool.submit(self._handle_into_future, handled, conn)
        except RuntimeError:
            self.refusals.record("thread_limit")

    def _handle_into_future(self, handled: Future[Any], conn: TConn) -> None:
        try:
            handled.set_result(self.handle(conn))
        except BaseException as error:  # noqa: BLE001  # as the pool's own futures: it is their reader's
            handled.set_exception(error)

    def limit_connections(self, limit: int) -> None:
        """Hold so many connections at most, and fewer that are only kept alive: threads need some, too."""
        self.worker_connections = limit
        self.max_keepalived = max(0, limit - self.thread_count)

    def accept(self, listener: socket.socket) -> bool:
        """Take a connection; it gets a thread once it says something.

        Without a file left for it, it waits until there is one: only then the result is false.
        """
        try:
            client, address = listener.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                self.refusals.record("open_file_limit")
                if self.alive:
                    time.sleep(0.05)
                return False
            if error.errno not in (errno.EAGAIN, errno.ECONNABORTED):
                raise
            return True
        self.nr_conns += 1
        conn = Connection(self.cfg, client, address, listener.getsockname())
        conn.set_timeout()
        self.pending_conns.append(conn)
        self.poller.register(
            client, selectors.EVENT_READ, partial(self.on_pending_socket_readable, conn)
        )
        return True

    def handle(self, conn: TConn) -> Any:
        """Handle a request while its time runs."""
        self._deadlines[conn] = deadline = Deadline(time.monotonic() + READ_SECONDS)
        try:
            return super().handle(conn)
        finally:
            self._deadlines.pop(conn, None)
            if not deadline.is_read and deadline.shutdown_side != socket.SHUT_RD:
                self.refusals.record("request_timeout")

    def handle_request(self, req: Any, conn: TConn) -> Any:
        """Answer a request as one of the highest version that is spoken here (RFC 9110, 2.5)."""
        if deadline := self._deadlines.get(conn):
            deadline.is_read = True
        req.version = min(req.version, HIGHEST_HTTP_VERSION)
        return super().handle_request(req, conn)

    def murder_pending(self) -> None:
        """End the requests that take too long to come, too, and later the answers that nobody reads."""
        super().murder_pending()
        now = time.monotonic()
        for conn, deadline in list(self._deadlines.items()):
            if deadline.expires_at < now:
                how = deadline.shutdown_side
                # A request that has come by then is answered all the same.
                deadline.expires_at, deadline.shutdown_side = now + ANSWER_SECONDS, socket.SHUT_RDWR
                with suppress(OSError):
                    conn.sock.shutdown(how)
                if how == socket.SHUT_RDWR:
                    self._deadlines.pop(conn, None)
                    self.refusals.record("answer_timeout")
        while self._lingering and (conn := next(iter(self._lingering))).timeout < now:
            self._close_lingering(conn)
        self.refusals.log_summaries()

    def finish_request(self, conn: TConn, fs: Future[Any]) -> None:
        """Close a connection without waiting for it: its client may take seconds to close its own side.

        Closed at once, an answer could be lost on what the client still sends (RFC 9112, 9.6).
        """
        if fs.cancelled() or fs.exception() or fs.result() is not False:
            super().finish_request(conn, fs)
            return
        self._lingering[conn] = MAX_LINGER_BYTES
        conn.timeout = time.monotonic() + LINGER_SECONDS
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.setblocking(False)
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._discard_input, conn))
        except OSError:  # it is closed already
            self._close_lingering(conn)

    def _discard_input(self, conn: TConn, _: socket.socket) -> None:
        """Read what a client still says, until it closes its side or has said too much."""
        try:
            said = len(conn.sock.recv(4096))
        except BlockingIOError:
            return
        except OSError:
            said = 0
        self._lingering[conn] -= said
        if not said or self._lingering[conn] <= 0:
            self._close_lingering(conn)

    def _close_lingering(self, conn: TConn) -> None:
        """Close a connection for good."""
        del self._lingering[conn]
        with suppress(KeyError, ValueError):
            self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.close()

    def set_accept_enabled(self, enabled: bool) -> None:
        """When stopping, take what waits already, and refuse the rest instead of letting it wait in vain."""
        if not enabled and self.alive:
            self.refusals.record("connection_limit")
        super().set_accept_enabled(enabled)
        if not self.alive and not self._stopped:
            self._stopped = True
            for listener in self.sockets:
                for _ in range(self.cfg.backlog):
                    if not select.select([listener], [], [], 0)[0] or not self.accept(listener):
                        break
                listener.close()
            for conn in self.pending_conns:  # they have said nothing yet, and end as kept ones do
                conn.timeout = min(conn.timeout, time.monotonic() + STOP_KEEPALIVE_LINGER)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer a request that never reaches the application. What it says is in no line of the log."""
        traced = make_trace_context(None, None)
        if refused_requests.is_refusal(exc):
            self.refusals.record(refused_requests.find_refusal_reason(exc), traced.request_id)
            if req is not None:
                return  # it was answered; what comes behind it can't be read
        else:
            self.log.error("failed", exc_info=exc, extra={"request_id": traced.request_id})
        problem = refused_requests.make_refusal_problem(exc, self.cfg.limit_request_line)
        with suppress(OSError):
            util.write_nonblock(
                client, refused_requests.render_refusal(problem, traced, self.path_prefix)
            )


def _ignore_refusals(*_: Any) -> None: ...


class Worker(ConnectionWorker):
    """The worker of a process: serves the public port itself, and has another serve the operations port."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._operations: OperationsWorker | None = None

    def load_wsgi(self) -> None:
        super().load_wsgi()
        metrics = getattr(self.wsgi, "extensions", {}).get("metrics")  # others to compare with have none
        self.refusals = RefusalLog(metrics.record_refusals if metrics else _ignore_refusals, self.log)
        self.path_prefix = Settings.from_environment().path_prefix or ""
        # That is read by now. gunicorn reads it for each request, and fails on paths without such a prefix.
        os.environ.pop("SCRIPT_NAME", None)

    def run(self) -> None:
        """Serve until the stop."""
        metrics_port = Settings.from_environment().metrics_port
        apart = [one for one in self.sockets if one.getsockname()[1] == metrics_port]
        if apart:
            self.sockets = [one for one in self.sockets if one not in apart]
            self._operations = OperationsWorker(self, apart)
            self.limit_connections(self.worker_connections - self._operations.worker_connections)
        super().run()
        if self._operations:
            self._operations.stop()
        self.refusals.log_summaries(finally_=True)

    def notify(self) -> None:
        """Say that the worker lives, and stop if its other loop doesn't: gunicorn replaces the worker."""
        super().notify()
        if self._operations and self.alive and not self._operations.is_serving():
            self.log.error("the operations port is served no longer; the worker is replaced")
            self.alive = False

    def handle_exit(self, sig: Any, frame: Any) -> None:
        super().handle_exit(sig, frame)
        if self._operations:
            self._operations.handle_exit(sig, frame)


class OperationsWorker(ConnectionWorker):
    """Serves the operations port beside the public one.

    It has a loop, threads and connections of its own, so that whoever holds all of the public port's
    doesn't keep a probe from its answer.
    """

    def __init__(self, public: Worker, sockets: list[Any]) -> None:
        super().__init__(
            public.age, public.ppid, sockets, public.app, public.timeout, public.cfg, public.log
        )
        self.tmp.close()  # the heartbeat is the public loop's
        self.refusals, self.wsgi, self.path_prefix = public.refusals, public.wsgi, public.path_prefix
        self.thread_count = OPERATIONS_THREADS
        spare = public.worker_connections - public.thread_count
        self.limit_connections(min(MAX_OPERATIONS_CONNECTIONS, max(OPERATIONS_THREADS, spare // 4)))
        self.tpool = self.get_thread_pool()
        self.poller = selectors.DefaultSelector()
        self.method_queue.init()
        self._loop = Thread(target=self._run, name="operations", daemon=True)
        self._loop.start()

    def _run(self) -> None:
        try:
            self.run()
        except Exception:
            self.log.exception("failed")

    def is_serving(self) -> bool:
        """Whether the loop runs."""
        return self._loop.is_alive()

    def notify(self) -> None:
        """Leave the heartbeat to the public loop."""

    def stop(self) -> None:
        """Stop, if it doesn't yet, and wait for what it answers."""
        self.handle_exit(None, None)
        self._loop.join(self.cfg.graceful_timeout)
