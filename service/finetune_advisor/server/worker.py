"""The worker of a process: serves the public port, and the operations port in a loop of its own."""

from __future__ import annotations

import os
import selectors
import signal
from threading import Thread
from typing import Any

from finetune_advisor.server.connection_handover import ConnectionHandover
from finetune_advisor.server.connection_worker import ConnectionWorker
from finetune_advisor.server.refused_requests import RefusalLog
from finetune_advisor.settings import Settings

STOP_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGQUIT})
"""The signals that ask a process of the instance to stop."""
OPERATIONS_THREADS = 8
"""Threads that answer only on the operations port."""
MAX_OPERATIONS_CONNECTIONS = 64
"""Connections that the operations port holds, taken from the worker's; more have to wait."""


def _ignore_refusals(*_: Any) -> None: ...


class Worker(ConnectionWorker):
    """The worker of a process. Serves the public port, and starts an `OperationsWorker` for the other one."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.handovers: list[ConnectionHandover] = []
        self._metrics: Any = None
        self._operations: OperationsWorker | None = None

    def load_wsgi(self) -> None:
        super().load_wsgi()
        # Benchmarks run other applications, which have no metrics.
        extensions = getattr(self.wsgi, "extensions", {})
        self._metrics = metrics = extensions.get("metrics")
        self._keys = extensions.get("api_keys")
        self.refusals = RefusalLog(metrics.record_refusals if metrics else _ignore_refusals, self.log)
        self.path_prefix = Settings.from_environment().path_prefix or ""
        # The settings have read this variable. gunicorn would fail on each path that lacks the prefix.
        os.environ.pop("SCRIPT_NAME", None)

    def run(self) -> None:
        """Serve until the worker is stopped."""
        metrics_port = Settings.from_environment().metrics_port
        operations_sockets = [
            listener for listener in self.sockets if listener.getsockname()[1] == metrics_port
        ]
        if operations_sockets:
            self.sockets = [listener for listener in self.sockets if listener not in operations_sockets]
            self._operations = OperationsWorker(self, operations_sockets)
            self.limit_connections(self.worker_connections - self._operations.worker_connections)
        self.take_over_connections(self.handovers)
        super().run()
        if self._operations:
            self._operations.stop()
        self.refusals.log_summaries(finally_=True)

    def set_accept_enabled(self, enabled: bool) -> None:
        """Also hand over the counts with the connections: from then on, the next worker is scraped."""
        super().set_accept_enabled(enabled)
        if not self.alive and self.is_replaced and self._metrics:
            self._metrics.hand_over_counts()

    def notify(self) -> None:
        """Send the heartbeat. If the operations loop has died, stop, so that gunicorn replaces the worker."""
        super().notify()
        if self._keys:  # also without a request, so that a key that was removed meanwhile stays out
            self._keys.refresh_if_due()
        if self._operations and self.alive and not self._operations.is_serving():
            self.log.error("the operations port is no longer served; the worker is replaced")
            self.alive = False

    def handle_exit(self, sig: Any, frame: Any) -> None:
        super().handle_exit(sig, frame)
        if self._operations:
            self._operations.handle_exit(sig, frame)


class OperationsWorker(ConnectionWorker):
    """Serves the operations port, in a thread of the public port's worker.

    It has its own loop, threads and connections. Probes are answered even if clients hold all threads and
    connections of the public port.
    """

    def __init__(self, public: Worker, sockets: list[Any]) -> None:
        super().__init__(
            public.age, public.ppid, sockets, public.app, public.timeout, public.cfg, public.log
        )
        self.tmp.close()  # the public loop sends the heartbeat
        self.refusals, self.wsgi, self.path_prefix = public.refusals, public.wsgi, public.path_prefix
        self._replaced = public._replaced
        self.take_over_connections(public.handovers)
        self.thread_count = OPERATIONS_THREADS
        spare = public.worker_connections - public.thread_count
        self.limit_connections(min(MAX_OPERATIONS_CONNECTIONS, max(OPERATIONS_THREADS, spare // 4)))
        # gunicorn's `init_process` does this, too, but also takes over signals and runs the loop at once.
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
        """Whether the loop still runs."""
        return self._loop.is_alive()

    def notify(self) -> None:
        """Do nothing: the public loop sends the heartbeat."""

    def stop(self) -> None:
        """Stop the loop, and wait for the requests that it answers."""
        self.handle_exit(None, None)
        self._loop.join(self.cfg.graceful_timeout)
