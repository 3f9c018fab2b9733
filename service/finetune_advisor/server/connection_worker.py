"""gunicorn's threaded worker, with deadlines for slow clients, that hands its connections over."""

from __future__ import annotations

import errno
import select
import selectors
import socket
import sys
import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from mmap import mmap
from typing import Any

from gunicorn import util
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, TConn, ThreadWorker

from finetune_advisor.server import refused_requests
from finetune_advisor.server.connection_handover import ConnectionHandover
from finetune_advisor.server.refused_requests import LineKeepingRequest, RefusalLog
from finetune_advisor.telemetry.tracing import make_trace_context

READ_SECONDS = 30
"""Time that a client has to send a request, while a thread waits for it."""
ANSWER_SECONDS = 300
"""Time that a client then has to take its answer."""
LINGER_SECONDS = 2
"""Time that a client has to close its side of a connection after the last answer."""
MAX_LINGER_BYTES = 1 << 16
"""Bytes that it may still send in this time."""
HIGHEST_HTTP_VERSION = 1, 1
TCP_CORK: int | None = getattr(socket, "TCP_CORK", None)
"""The option that holds back packets that aren't full. Only Linux has it."""


@dataclass
class RequestDeadline:
    """When the time of a request ends, and which side of its connection is shut down then."""

    expires_at: float
    shutdown_side: int = socket.SHUT_RD
    is_read: bool = False
    """Whether the head of the request has arrived."""


class LineKeepingConnection(TConn):
    """gunicorn's connection, with requests that keep the part of an overlong first line that was read."""

    def init(self) -> None:
        super().init()
        self.parser.mesg_class = LineKeepingRequest


class ConnectionWorker(ThreadWorker):
    """Serves some listeners. Its loop never waits for a client; its threads wait only until a deadline."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # The first three are gunicorn's, which doesn't declare their types.
        self.alive: bool
        self.sockets: list[Any]
        self.wsgi: Any
        self.refusals: RefusalLog
        self.path_prefix = ""
        self.thread_count: int = self.cfg.threads
        self._deadlines: dict[TConn, RequestDeadline] = {}
        self._lingering: dict[TConn, int] = {}
        self._stopped = False
        # The first process makes this object before it forks the worker, so that both share this memory.
        self._replaced = mmap(-1, 1)
        self._handover: ConnectionHandover | None = None

    @property
    def is_replaced(self) -> bool:
        """Whether another worker takes the connections of this one when it stops. Any process may set it."""
        return bool(self._replaced[0])

    @is_replaced.setter
    def is_replaced(self, value: bool) -> None:
        self._replaced[0] = value

    def take_over_connections(self, handovers: Iterable[ConnectionHandover]) -> None:
        """Also serve the connections of workers that this one replaces, if they came to its listener."""
        address = self.sockets[0].getsockname()
        for handover in handovers:
            if handover.getsockname() == address:
                self._handover = handover
                self.sockets = [*self.sockets, handover]

    def get_thread_pool(self) -> ThreadPoolExecutor:
        """Make the pool of threads, and start its first one; others follow when they are needed.

        If the system can't start even one thread, the worker exits, and the next worker tries again.
        """
        pool = ThreadPoolExecutor(self.thread_count)
        try:
            pool.submit(int)
        except RuntimeError:
            self.log.error(  # noqa: TRY400  # a traceback would say no more
                "no thread can be started: raise the limit of processes (ulimit -u, or pids)"
            )
            time.sleep(1)  # workers that fail at once would be restarted without a pause
            sys.exit(1)
        return pool

    def enqueue_req(self, conn: TConn) -> None:
        """Have a thread handle a request.

        If the system can't start another thread, the request waits for one that runs.
        """
        # `submit` raises where no thread can be started, though it has queued the request. A future of our
        # own reports the end of the request in either case.
        handled: Future[Any] = Future()
        handled.add_done_callback(partial(self.method_queue.defer, self.finish_request, conn))
        try:
            self.tpool.submit(self._handle_into_future, handled, conn)
        except RuntimeError:
            self.refusals.record("thread_limit")

    def _handle_into_future(self, handled: Future[Any], conn: TConn) -> None:
        try:
            handled.set_result(self.handle(conn))
        except BaseException as error:  # noqa: BLE001  # as in the pool's own futures, whose reader handles it
            handled.set_exception(error)

    def limit_connections(self, limit: int) -> None:
        """Hold at most `limit` connections. Those kept alive without a request leave one for each thread."""
        self.worker_connections = limit
        self.max_keepalived = max(0, limit - self.thread_count)

    def accept(self, listener: socket.socket) -> bool:
        """Accept a connection, which gets a thread when its first bytes arrive.

        Returns False if no file can be opened for it. The connection then waits until one can.
        """
        try:
            client, address = listener.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                self.refusals.record("open_file_limit")
                if self.alive:
                    time.sleep(0.05)  # the listener stays readable, so that the loop would spin
                return False
            if error.errno not in (errno.EAGAIN, errno.ECONNABORTED):
                raise
            return True
        self.nr_conns += 1
        conn = LineKeepingConnection(self.cfg, client, address, listener.getsockname())
        conn.set_timeout()
        self.pending_conns.append(conn)
        self.poller.register(
            client, selectors.EVENT_READ, partial(self.on_pending_socket_readable, conn)
        )
        return True

    def handle(self, conn: TConn) -> Any:
        """Handle a request within its deadline."""
        self._deadlines[conn] = deadline = RequestDeadline(time.monotonic() + READ_SECONDS)
        try:
            return super().handle(conn)
        finally:
            self._deadlines.pop(conn, None)
            # The time to read was over before the head had arrived.
            if not deadline.is_read and deadline.shutdown_side != socket.SHUT_RD:
                self.refusals.record("request_timeout")

    def handle_request(self, req: Any, conn: TConn) -> Any:
        """Answer a request of a later HTTP/1.x version as one of HTTP/1.1 (RFC 9110, 2.5)."""
        if deadline := self._deadlines.get(conn):
            deadline.is_read = True
        req.version = min(req.version, HIGHEST_HTTP_VERSION)
        # gunicorn writes the head and the body of an answer one after the other. They leave in one packet,
        # except where a client has to get a `100 Continue` before it sends its body.
        if TCP_CORK is None or any(name == "EXPECT" for name, _ in req.headers):
            return super().handle_request(req, conn)
        conn.sock.setsockopt(socket.IPPROTO_TCP, TCP_CORK, 1)
        try:
            return super().handle_request(req, conn)
        finally:
            with suppress(OSError):  # the connection may be closed by now
                conn.sock.setsockopt(socket.IPPROTO_TCP, TCP_CORK, 0)

    def murder_pending(self) -> None:
        """Also end requests that arrive too slowly, answers that nobody reads, and closed connections."""
        super().murder_pending()
        if not self.alive:
            self._hand_over_connections()
        now = time.monotonic()
        for conn, deadline in list(self._deadlines.items()):
            if deadline.expires_at < now:
                side = deadline.shutdown_side
                # At first, only reading ends: a request that has arrived by now is still answered.
                deadline.expires_at, deadline.shutdown_side = now + ANSWER_SECONDS, socket.SHUT_RDWR
                with suppress(OSError):
                    conn.sock.shutdown(side)
                if side == socket.SHUT_RDWR:
                    self._deadlines.pop(conn, None)
                    self.refusals.record("answer_timeout")
        # The order of the dictionary is that of the timeouts, as all are equally long.
        while self._lingering and (conn := next(iter(self._lingering))).timeout < now:
            self._close_lingering(conn)
        self.refusals.log_summaries()

    def finish_request(self, conn: TConn, fs: Future[Any]) -> None:
        """Close a connection in two steps, without waiting for the client.

        Our side is closed at once. The other side stays open until the client closes it or `LINGER_SECONDS`
        have passed: if it were closed while the client still sends, the client could lose the answer
        (RFC 9112, 9.6).
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
        """Discard what a client still sends. Close the connection if the client did, or sends too much."""
        try:
            received = len(conn.sock.recv(4096))
        except BlockingIOError:
            return
        except OSError:
            received = 0  # the connection is broken
        self._lingering[conn] -= received
        if not received or self._lingering[conn] <= 0:
            self._close_lingering(conn)

    def _close_lingering(self, conn: TConn) -> None:
        """Close both sides of a connection."""
        del self._lingering[conn]
        with suppress(KeyError, ValueError):
            self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.close()

    def set_accept_enabled(self, enabled: bool) -> None:
        """When the worker stops, also accept the connections that wait, and close the listeners.

        Later clients are refused at once, where they would wait in vain otherwise. If another worker replaces
        this one, it accepts those that wait, and gets the open ones.
        """
        if not enabled and self.alive:  # it holds as many connections as it may
            self.refusals.record("connection_limit")
        super().set_accept_enabled(enabled)
        if not self.alive and not self._stopped:
            self._stopped = True
            for listener in self.sockets:
                if not self.is_replaced:
                    self._accept_waiting(listener)
                listener.close()
            self._hand_over_connections()
            # These have sent nothing yet. They get no more time than idle connections.
            for conn in self.pending_conns:
                conn.timeout = min(conn.timeout, time.monotonic() + STOP_KEEPALIVE_LINGER)

    def _accept_waiting(self, listener: socket.socket) -> None:
        # At most as many as can wait at once, so that new clients don't hold up the stop.
        for _ in range(self.cfg.backlog):
            if not select.select([listener], [], [], 0)[0] or not self.accept(listener):
                break

    def _hand_over_connections(self) -> None:
        """Send the connections without a request to the worker that replaces this one, if one does.

        A connection that can't be sent stays for as long as those of a worker that nobody replaces.
        """
        if not (self._handover and self.is_replaced):
            return
        for waiting in (self.keepalived_conns, self.pending_conns):
            for conn in list(waiting):
                # An encrypted connection has a state that only this process knows.
                if self.cfg.is_ssl and conn.initialized:
                    continue
                try:
                    self._handover.send(conn.sock)
                except OSError:
                    return  # more attempts would hold up the loop; it tries again in a second
                waiting.remove(conn)
                self.poller.unregister(conn.sock)
                self.nr_conns -= 1
                conn.close()

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer a request that never reaches the application. Nothing of it goes into the log."""
        traced = make_trace_context(None, None)
        if refused_requests.is_refusal(exc):
            self.refusals.record(refused_requests.find_refusal_reason(exc), traced.request_id)
            if req is not None:
                return  # the request was answered; only what follows it can't be read
        else:
            self.log.error("failed", exc_info=exc, extra={"request_id": traced.request_id})
        problem = refused_requests.make_refusal_problem(exc, self.cfg.limit_request_line)
        # People who follow a link that grew too long get a page, as for every other error of a page.
        render_page = getattr(self.wsgi, "extensions", {}).get("problem_page")
        path = refused_requests.find_requested_path(exc)
        answer = refused_requests.render_refusal(
            problem, traced, self.path_prefix, partial(render_page, path) if render_page else None
        )
        with suppress(OSError):
            util.write_nonblock(client, answer)
