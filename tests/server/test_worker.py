"""The worker's main loop, where a real server can't be brought to the point of time that matters."""

from __future__ import annotations

import logging
import os
import resource
import selectors
import socket
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from gunicorn.config import Config

from finetune_advisor.server.connection_worker import ConnectionWorker
from finetune_advisor.server.refused_requests import RefusalLog

LOG = logging.getLogger("test")


@contextmanager
def no_file_left() -> Iterator[None]:
    """While it lasts, this process can't open a file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.open(os.devnull, os.O_RDONLY)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("spared", ["nothing", "files"])
def test_a_stop_without_a_file_left_goes_on(spared: str) -> None:
    """It takes whoever waits, or nobody where there is no file to be had, and waits for none."""
    counted, config = Counter[str](), Config()
    config.set("backlog", 100)
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        worker = ConnectionWorker(1, os.getpid(), [listener], None, 30, config, LOG)
        stack.callback(worker.tmp.close)
        worker.refusals = RefusalLog(lambda reason, times: counted.update({reason: times}), LOG)
        worker.poller = stack.enter_context(selectors.DefaultSelector())
        worker.set_accept_enabled(True)
        for _ in range(3):
            stack.enter_context(socket.create_connection(listener.getsockname()))
        worker.alive = False
        if spared == "nothing":
            stack.enter_context(no_file_left())
        began = time.monotonic()
        worker.set_accept_enabled(False)
        took = time.monotonic() - began
        for conn in worker.pending_conns:
            conn.close()

    assert took < 1
    assert worker.nr_conns == (0 if spared == "nothing" else 3)
    assert counted["open_file_limit"] == (1 if spared == "nothing" else 0)
