"""gunicorn's settings and hooks, with which `gunicorn_application` runs the service.

The names in this module are gunicorn's own. A comment says why each value isn't gunicorn's default.
Benchmarks pass this module to gunicorn's own command, to run other applications with the same settings.
"""

from __future__ import annotations

import gc
import os
import resource
import signal
from itertools import count
from typing import Any

from gunicorn.glogging import Logger

from finetune_advisor.server.worker import OPERATIONS_THREADS, STOP_SIGNALS
from finetune_advisor.settings import VARIABLE_PREFIX, Settings, SettingsError
from finetune_advisor.telemetry import (
    background,
    deferred,
    log_output,
    metrics_files,
    metrics_folder,
    readiness,
)

IGNORED_SIGNALS = (
    *(signal.SIGUSR1, signal.SIGUSR2),
    *(signal.SIGTTIN, signal.SIGTTOU, signal.SIGWINCH, signal.SIGALRM),
)
"""Signals by which gunicorn would change its workers or replace itself, and the one that ends a drain."""


class QuietLogger(Logger):
    """gunicorn's logger without the access log, since the application itself logs each request."""

    def access(self, *_: Any) -> None:
        """Log nothing."""


MAX_CONNECTIONS = 1000
"""Connections that a worker holds at most, on all ports."""
OTHER_OPEN_FILES = 40
"""Files that a process has open besides those of connections and workers: about 20, and some to spare."""


def _count_needed_files(workers: int, threads: int) -> int:
    """Return how many open files a process needs at least, for the threads of all ports.

    A worker needs two for each thread, one of them for a connection that waits, and one more. The first
    process needs one for each worker, and during a reload there are twice as many.
    """
    return OTHER_OPEN_FILES + max(2 * threads + 1, 2 * workers)


def _raise_open_files_limit(workers: int, threads: int, operations_threads: int) -> int:
    """Raise the soft limit of open files as far as needed and allowed. Returns the limit to count on.

    Raises SettingsError if the hard limit is too low even for the threads.
    """
    needed = _count_needed_files(workers, threads + operations_threads)
    wanted = max(needed, OTHER_OPEN_FILES + threads + operations_threads + MAX_CONNECTIONS)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    limit = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
    if limit < needed:
        more = f", {operations_threads} for METRICS_PORT" if operations_threads else ""
        raise SettingsError(
            f"{VARIABLE_PREFIX}THREADS, {VARIABLE_PREFIX}WORKERS: {threads} threads{more} and {workers} "
            f"workers need {needed} open files, and the limit is {limit}; raise it (ulimit -n, "
            "LimitNOFILE), or lower these"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    return limit


settings = Settings.from_environment()

_host = f"[{settings.host}]" if ":" in settings.host else settings.host
bind = [f"{_host}:{port}" for port in (settings.port, settings.metrics_port) if port is not None]
workers = settings.workers
# gunicorn's worker lets slow clients hold its threads. Ours has deadlines, and serves the operations port.
worker_class = "finetune_advisor.server.worker.Worker"
# An unfinished request holds a thread until it times out. With few threads, a handful would stop a worker.
threads = settings.threads
_operations_threads = OPERATIONS_THREADS if settings.metrics_port is not None else 0
open_files_limit = _raise_open_files_limit(workers, threads, _operations_threads)
worker_connections = min(
    MAX_CONNECTIONS, open_files_limit - OTHER_OPEN_FILES - threads - _operations_threads
)
# The application is built before any worker starts, so that a faulty tree stops the start once, and workers
# share its memory.
preload_app = True
graceful_timeout = settings.graceful_timeout
# RFC 9112, 3 recommends at least 8,000 bytes; gunicorn takes 8,190 at most.
limit_request_line = 8190
# Installed beside it, gunicorn's other parser would refuse other requests, for other reasons.
http_parser = "python"
# No peer is trusted as a proxy: no header of a request changes its path, its scheme or its port.
forwarded_allow_ips = ""
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}
# A load balancer has to close idle connections first: a request that it sends into a closing one is lost.
keepalive = 75
# A worker's heartbeat in a file must not wait for a disk.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108  # shared memory
# The socket would need a writable home directory, and nothing here uses it.
control_socket_disable = True
# gunicorn logs as the application does: one JSON object per line.
loglevel = settings.log_level
logger_class = QuietLogger
logconfig_dict = log_output.build_logging_config(settings.log_level, settings.log_format)

if workers > 1:
    metrics_folder.prepare_metrics_folder(workers, worker_tmp_dir)
else:
    metrics_files.set_metrics_folder(None)


_freed_numbers: list[int] = []
"""The numbers of workers that have ended, the last one last."""


def child_exit(_: Any, worker: Any) -> None:
    """Free the number of a worker that has ended."""
    _freed_numbers.append(worker.number)


def pre_fork(arbiter: Any, worker: Any) -> None:
    """Give a worker a number. It goes on counting in the files of the last worker that has ended."""
    taken = {other.number for other in arbiter.WORKERS.values()}
    worker.number = (
        _freed_numbers.pop()
        if _freed_numbers
        else next(number for number in count(1) if number not in taken)
    )
    # gunicorn's own first process, which benchmarks use, has none.
    worker.handovers = getattr(arbiter, "handovers", [])
    if metrics := _find_metrics(arbiter):
        replaced_age = max((other.age for other in arbiter.WORKERS.values()), default=0)
        metrics.prepare_worker(worker.age, replaced_age)


def _find_metrics(process: Any) -> Any:
    """Return the metrics of the application of an arbiter or a worker. Other applications have none."""
    return getattr(process.app.wsgi(), "extensions", {}).get("metrics")


def when_ready(arbiter: Any) -> None:
    """Log the limits of the instance, set up its signals, and start garbage collection.

    The first SIGTERM starts the drain. The end of the drain or a second SIGTERM starts the stop.
    """
    arbiter.log.info(
        "Open files: %s of each process, for %s connections", open_files_limit, worker_connections
    )

    def end_child() -> None:
        # A child inherits these handlers, and may get a signal before it has its own.
        if os.getpid() != arbiter.pid:
            os._exit(0)

    def stop(*_: Any) -> None:
        end_child()
        arbiter.signal(signal.SIGTERM, None)

    def drain(*_: Any) -> None:
        end_child()
        readiness.start_draining()
        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGALRM, stop)
        if settings.drain_seconds:
            arbiter.log.info(
                "Draining: /readyz answers 503, and the instance stops in %s s", settings.drain_seconds
            )
            signal.alarm(settings.drain_seconds)
        else:
            stop()

    for number in IGNORED_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, getattr(arbiter, "request_reload", signal.SIG_IGN))
    signal.signal(signal.SIGTERM, drain)
    # The trees live until a reload. Looking through them would take time, and copy memory that workers share.
    gc.freeze()
    gc.enable()


def pre_request(_: Any, request: Any) -> None:
    """During the drain, close each connection after its answer, so that clients go to another instance."""
    if readiness.is_draining():
        request.force_close()


def post_fork(_: Any, worker: Any) -> None:
    """Let signals reach the new worker, and number it for its metrics."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
    if workers > 1:
        metrics_files.set_process_number(worker.number)
        # The files may still count running requests of the dead worker that had this number.
        deferred.flush()


def post_worker_init(_: Any) -> None:
    """Ignore the same signals in the worker, and SIGHUP: by default, most of them would end it."""
    for number in (*IGNORED_SIGNALS, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def worker_exit(_: Any, worker: Any) -> None:
    """Hand over what a replaced worker has counted until its end."""
    # gunicorn also calls this in the first process.
    if worker.pid == os.getpid() and worker.is_replaced and (metrics := _find_metrics(worker)):
        background.finish_all()
        metrics.hand_over_counts()
