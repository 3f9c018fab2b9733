"""Deferred telemetry: one flush for all requests, whatever happens to threads, forks and other methods."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from finetune_advisor.telemetry import deferred

LATER = 3600


class Doer:
    """Says when it does something."""

    def __init__(self, say: Callable[[], None]) -> None:
        self.say = say
        deferred.register(self.do)

    def do(self) -> None:
        self.say()


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing is done in time."""
    deferred.flush()
    monkeypatch.setattr(deferred, "FLUSH_SECONDS", LATER)
    yield
    deferred.flush()


def test_it_is_done_once_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """And again for those who ask later."""
    # Timers that earlier tests have started would flush, too.
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.cancel()
            thread.join()
    deferred.flush()
    monkeypatch.setattr(deferred, "FLUSH_SECONDS", 1)
    done: list[int] = []
    doer = Doer(lambda: done.append(1))
    for times in (1, 2):
        for _ in range(100):
            deferred.schedule()
        deadline = time.monotonic() + 10
        while len(done) < times and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(done) == times
    del doer


@pytest.mark.usefixtures("later")
def test_what_ends_during_a_flush_hides_nothing_from_it() -> None:
    """The log is flushed last, and is flushed though an application ended meanwhile."""
    done: list[str] = []
    doers = [Doer(partial(done.append, name)) for name in ("log", "first", "second")]
    last = Doer(lambda: doers.__delitem__(slice(1, None)))
    deferred.flush()

    assert ["log"] == done
    del last


@pytest.mark.usefixtures("later")
def test_what_came_later_is_done_first() -> None:
    """It may leave something to do to what came earlier."""
    done: list[int] = []
    doers = [Doer(lambda: done.append(1)), Doer(lambda: done.append(2))]
    deferred.flush()
    assert done == [2, 1]
    del doers


@pytest.mark.usefixtures("later")
def test_a_fault_keeps_nobody_from_it(caplog: pytest.LogCaptureFixture) -> None:
    done: list[int] = []
    doers = [Doer(lambda: done.append(1)), Doer(lambda: done.append(1 // 0))]
    with caplog.at_level(logging.ERROR):
        deferred.flush()
    assert done == [1]
    assert "ZeroDivisionError" in caplog.text
    del doers


@pytest.mark.usefixtures("later")
def test_what_is_gone_has_nothing_to_do() -> None:
    done: list[int] = []
    doer = Doer(lambda: done.append(1))
    del doer
    deferred.flush()
    assert done == []


def test_without_a_thread_it_is_left_for_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks may hold what it would need."""
    deferred.flush()
    monkeypatch.setattr(deferred, "FLUSH_SECONDS", 0.01)
    done: list[int] = []
    doer = Doer(lambda: done.append(1))

    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as full:
        full.setattr(deferred.Timer, "start", refuse)
        deferred.schedule()
    assert done == []
    deferred.schedule()
    deadline = time.monotonic() + 10
    while not done and time.monotonic() < deadline:
        time.sleep(0.01)
    assert done == [1]
    del doer


@pytest.mark.usefixtures("later")
def test_a_fork_begins_anew() -> None:
    """What is left to do is done before; whoever asks the child is heard, though the parent was asked."""
    done: list[int] = []
    doer = Doer(lambda: done.append(1))
    deferred.schedule()
    child = os.fork()
    if child == 0:
        deferred.FLUSH_SECONDS = 0.01
        deferred.schedule()
        time.sleep(1)
        os._exit(len(done))
    assert done == [1]
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2
    del doer


def test_the_end_of_a_process_waits_for_it() -> None:
    code = """
from finetune_advisor.telemetry import deferred
class Doer:
    def do(self): print("done")
doer = Doer()
deferred.register(doer.do)
deferred.FLUSH_SECONDS = 3600  # only the end is left
deferred.schedule()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "done\n"
