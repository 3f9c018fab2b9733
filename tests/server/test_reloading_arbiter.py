"""The first process when something fails in it: what was served before goes on."""

from __future__ import annotations

import gc
import logging
import os
import signal
import subprocess
import sys
import weakref
from types import SimpleNamespace
from typing import Any

import pytest

from finetune_advisor.app import create_app, free_replaced_applications
from finetune_advisor.server import reloading_arbiter
from finetune_advisor.server.reloading_arbiter import ReloadingArbiter
from finetune_advisor.settings import Settings
from finetune_advisor.telemetry.tree_reloads import read_tree_reloads
from finetune_advisor.trees.catalog import Catalog
from tests.conftest import plain_environment


class Forkless(ReloadingArbiter):
    """An arbiter with one worker, which can fork only once more."""

    def __init__(self, app: Any) -> None:
        self.app = SimpleNamespace(callable=app)
        self.cfg = SimpleNamespace(workers=2, graceful_timeout=1)
        self.log = logging.getLogger("gunicorn.error")
        self.WORKERS = {1: SimpleNamespace(is_replaced=False), 2: SimpleNamespace(is_replaced=False)}
        self.ended: list[int] = []
        self._is_building = self._is_stopping = False

    def spawn_worker(self) -> None:
        if 3 in self.WORKERS:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        self.WORKERS[3] = SimpleNamespace(is_replaced=False)

    def kill_worker(self, pid: int, sig: int) -> None:
        self.ended.append(pid)


def test_without_a_process_for_new_workers_the_old_ones_go_on(caplog: pytest.LogCaptureFixture) -> None:
    """Those that were started end, the application stays, and the metrics and the log say so."""
    before = create_app(Settings())
    arbiter, failures = Forkless(before), read_tree_reloads().failures

    after = create_app(Settings(default_tree_version="2.0.0"), before.extensions["metrics"])
    assert not arbiter._replace_workers(after)
    assert before is arbiter.app.callable
    assert [3] == arbiter.ended
    assert [False, False] == [arbiter.WORKERS[pid].is_replaced for pid in (1, 2)]
    assert failures + 1 == read_tree_reloads().failures
    assert "no worker can be started: [Errno 11] Resource temporarily unavailable" in caplog.text
    text = before.extensions["metrics"].exposition("")[0].decode()
    assert 'default="true",digest="' + before.extensions["catalog"].default.digest in text


def test_a_replaced_application_leaves_no_trees_behind() -> None:
    """Neither a cache nor a registry of a library keeps a catalog that nobody serves."""
    gc.collect()
    earlier = {id(one) for one in gc.get_objects() if type(one) is Catalog}
    for _ in range(3):
        create_app(Settings())
    free_replaced_applications()

    left = [one for one in gc.get_objects() if type(one) is Catalog and id(one) not in earlier]
    assert 1 >= len(left)


def test_a_stop_while_garbage_is_collected_ends_the_build(monkeypatch: pytest.MonkeyPatch) -> None:
    """Functions that the collector calls can't raise, so the build has to ask."""
    arbiter, built = Forkless(create_app(Settings())), []
    monkeypatch.setattr(arbiter, "_build", built.append)
    monkeypatch.setattr("gunicorn.arbiter.Arbiter.signal", lambda *_: None)

    class Circle:
        def __init__(self) -> None:
            self.itself = self

    handler = signal.signal(signal.SIGTERM, arbiter.signal)
    gc.disable()
    try:
        sender = weakref.ref(Circle(), lambda _: os.kill(os.getpid(), signal.SIGTERM))
        with pytest.raises(reloading_arbiter._StopRequestedError):
            arbiter._build_for_workers()
    finally:
        gc.enable()
        gc.unfreeze()
        signal.signal(signal.SIGTERM, handler)
    assert sender() is None
    assert [] == built


CHILDREN = """
import logging, os, signal, time
from types import SimpleNamespace
from finetune_advisor.server import gunicorn_config as config

app, log = SimpleNamespace(wsgi=lambda: None), logging.getLogger()
arbiter = SimpleNamespace(pid=os.getpid(), WORKERS={}, app=app, log=log, signal=lambda *_: None)
config.when_ready(arbiter)
for _ in range(2):
    os.kill(os.getpid(), signal.SIGTERM)
    here, there = os.pipe()
    if not (child := os.fork()):
        os.write(there, b"runs")
        time.sleep(60)
        os._exit(1)
    os.read(here, 4)
    os.kill(child, signal.SIGTERM)
    print(os.waitpid(child, 0)[1])


def fork():
    worker = SimpleNamespace(age=1)
    config.pre_fork(arbiter, worker)
    arbiter.WORKERS[worker.number] = worker
    return worker


workers = [fork(), fork(), fork()]
config.child_exit(arbiter, arbiter.WORKERS.pop(1))
config.child_exit(arbiter, arbiter.WORKERS.pop(3))
print([worker.number for worker in workers], fork().number, fork().number, fork().number)
"""


def test_children_of_a_process_that_stops_end_by_a_signal_and_numbers_are_used_again() -> None:
    """A worker that is forked within a stop has the handlers of the first process for a moment. A new worker
    counts on in the files of the one that has ended last.
    """
    done = subprocess.run(
        [sys.executable, "-c", CHILDREN],
        capture_output=True,
        text=True,
        timeout=50,
        env=plain_environment(),
    )

    assert ["0", "0", "[1, 2, 3] 3 1 4"] == done.stdout.splitlines(), done.stderr
