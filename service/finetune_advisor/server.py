"""gunicorn's settings and hooks: `gunicorn -c python:finetune_advisor.server`.

The names in this module are gunicorn's own; each value says why it isn't gunicorn's default.
"""

from __future__ import annotations

import gc
import logging
import os
import resource
import shutil
import signal
import tempfile
from pathlib import Path
from typing import Any

from gunicorn.glogging import Logger

from finetune_advisor import readiness
from finetune_advisor.settings import Settings
from finetune_advisor.telemetry import logs


class QuietLogger(Logger):
    """gunicorn's logger without its access log: the application logs each request, by its route."""

    def access(self, *_: Any) -> None:
        """Log nothing."""


MOST_CONNECTIONS = 1000
OTHER_FILES = 100


def _connections(threads: int) -> int:
    """How many connections a worker may hold open: 1,000, or what its limit of open files leaves room for.

    A thread that waits for a client has a file open for that, too.
    """
    others = OTHER_FILES + 2 * threads
    wanted = MOST_CONNECTIONS + others
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return MOST_CONNECTIONS
    limit = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    return max(threads + 1, limit - others)


settings = Settings.from_environment()

wsgi_app = "finetune_advisor.app:create_app()"
_host = f"[{settings.host}]" if ":" in settings.host else settings.host
bind = [f"{_host}:{port}" for port in (settings.port, settings.metrics_port) if port is not None]
workers = settings.workers
# Halves of requests hold a thread each until they time out: few threads would let a handful stop a worker.
worker_class = "finetune_advisor.worker.Worker"
threads = settings.threads
worker_connections = _connections(threads)
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
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108  # shared memory
# Needs a writable home and has no use here.
control_socket_disable = True
loglevel = settings.log_level
logger_class = QuietLogger
logconfig_dict = logs.config(settings.log_level, settings.log_format)
# What no line says needn't be found out for each: where it was logged, and by which thread and process.
logging._srcfile = None  # as the Logging HOWTO has it, under Optimization
logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False

_own_metrics_dir: str | None = None
if workers > 1:
    # Workers share their metrics in files. Read by prometheus_client when the application is imported.
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        _own_metrics_dir = tempfile.mkdtemp(prefix="finetune-advisor-metrics-", dir=worker_tmp_dir)
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = _own_metrics_dir
    Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]).mkdir(parents=True, exist_ok=True)
    for left_over in Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]).glob("*.db"):
        left_over.unlink()
else:
    os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)


def when_ready(arbiter: Any) -> None:
    """Let the first SIGTERM begin the drain, and the drain's end, or a second SIGTERM, the stop."""

    def stop(*_: Any) -> None:
        arbiter.signal(signal.SIGTERM, None)

    def drain(*_: Any) -> None:
        readiness.drain()
        signal.signal(signal.SIGTERM, stop)
        if settings.drain_seconds:
            signal.alarm(settings.drain_seconds)
        else:
            stop()

    signal.signal(signal.SIGALRM, stop)
    signal.signal(signal.SIGTERM, drain)


def pre_request(_: Any, request: Any) -> None:
    """While draining, close each connection after its answer, so that its client goes elsewhere."""
    if readiness.draining():
        request.force_close()


def post_fork(_: Any, __: Any) -> None:
    """Keep the collector from looking through the trees, which live as long as the worker."""
    gc.freeze()


def child_exit(_: Any, worker: Any) -> None:
    """Drop the gauges of a worker that is gone; its counters stay."""
    if workers > 1:
        from prometheus_client import multiprocess  # noqa: PLC0415  # only after the directory is set

        multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def on_exit(_: Any) -> None:
    """Leave nothing behind."""
    if _own_metrics_dir:
        shutil.rmtree(_own_metrics_dir, ignore_errors=True)
