"""gunicorn's settings and hooks, with which `gunicorn_application` runs the service.

The names in this module are gunicorn's own; each value says why it isn't gunicorn's default. Benchmarks give
the module to gunicorn's own command, which runs other applications with it and also takes other settings.
"""

from __future__ import annotations

import gc
import os
import resource
import signal
from itertools import count
from typing import Any

from gunicorn.glogging import Logger

from finetune_advisor.server.worker import OPERATIONS_THREADS
from finetune_advisor.settings import VARIABLE_PREFIX, Settings, SettingsError
from finetune_advisor.telemetry import deferred, log_output, metrics_files, metrics_folder, readiness

IGNORED_SIGNALS = (
    *(signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2),
    *(signal.SIGTTIN, signal.SIGTTOU, signal.SIGWINCH, signal.SIGALRM),
)


class QuietLogger(Logger):
    """gunicorn's logger without its access log: the application logs each request, by its route."""

    def access(self, *_: Any) -> None:
        """Log nothing."""


MAX_CONNECTIONS = 1000
OTHER_OPEN_FILES = 40
"""The files that a process has open besides its connections and workers: about 20, and some to spare."""


def _count_needed_files(workers: int, threads: int) -> int:
    """The fewest open files to start with: a connection for each thread and one more, and one where it waits.

    The threads are those of all ports. The first process has a file for each worker.
    """
    return OTHER_OPEN_FILES + max(2 * threads + 1, workers)


def _raise_open_files_limit(workers: int, threads: int, operations_threads: int) -> int:
    """Raise the soft limit of open files to what is wanted, as far as the hard one goes, and give it.

    Raises SettingsError if that is less than what is needed.
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
# Halves of requests hold a thread each until they time out: few threads would let a handful stop a worker.
worker_class = "finetune_advisor.server.worker.Worker"
threads = settings.threads
_operations_threads = OPERATIONS_THREADS if settings.metrics_port is not None else 0
open_files_limit = _raise_open_files_limit(workers, threads, _operations_threads)
worker_connections = min(
    MAX_CONNECTIONS, open_files_limit - OTHER_OPEN_FILES - threads - _operations_threads
)
# A faulty tree stops the start, once and before any worker; memory is shared.
preload_app = True
graceful_timeout = settings.graceful_timeout
# Of a query, RFC 9112, 3 wants 8,000 bytes at least; this is the most that gunicorn takes.
limit_request_line = 8190
# No peer is a proxy that is believed: nothing that a request says changes its path, its scheme or its port.
forwarded_allow_ips = ""
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}
# Longer than a load balancer keeps idle connections, so that it never sends into a closing one.
keepalive = 75
# The worker's heartbeat must not wait for a disk.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108  # shared memory
# Needs a writable home and has no use here.
control_socket_disable = True
loglevel = settings.log_level
logger_class = QuietLogger
logconfig_dict = log_output.build_logging_config(settings.log_level, settings.log_format)

if workers > 1:
    metrics_folder.prepare_metrics_folder(workers, worker_tmp_dir)
else:
    metrics_files.set_metrics_folder(None)


def pre_fork(arbiter: Any, worker: Any) -> None:
    """Give a worker the lowest number that no living one has: it counts on in the files of a dead one."""
    taken = {other.number for other in arbiter.WORKERS.values()}
    worker.number = next(number for number in count(1) if number not in taken)


def when_ready(arbiter: Any) -> None:
    """Say what was found out at the start, and what signals do.

    The first SIGTERM begins the drain, and the drain's end, or a second SIGTERM, the stop. The signals that
    are ignored would make gunicorn change the number of workers, or replace itself.
    """
    arbiter.log.info(
        "Open files: %s of each process, for %s connections", open_files_limit, worker_connections
    )

    def stop(*_: Any) -> None:
        arbiter.signal(signal.SIGTERM, None)

    def drain(*_: Any) -> None:
        readiness.start_draining()
        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGALRM, stop)
        if settings.drain_seconds:
            signal.alarm(settings.drain_seconds)
        else:
            stop()

    def hang_up(*_: Any) -> None:
        arbiter.log.warning("SIGHUP is ignored: restart the instance to read trees and settings anew")

    for number in IGNORED_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, hang_up)
    signal.signal(signal.SIGTERM, drain)


def pre_request(_: Any, request: Any) -> None:
    """While draining, close each connection after its answer, so that its client goes elsewhere."""
    if readiness.is_draining():
        request.force_close()


def post_fork(_: Any, worker: Any) -> None:
    """Number the worker, and keep the collector from looking through the trees: they live as long as it does.

    No request is in progress there, whatever its files say of the worker before.
    """
    if workers > 1:
        metrics_files.set_process_number(worker.number)
        deferred.flush()
    gc.freeze()


def post_worker_init(_: Any) -> None:
    """Let no signal end a worker but those that stop it."""
    for number in IGNORED_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
