"""The background queue: bounded in memory and in time, whatever happens to threads and processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from threading import Thread

import pytest

from finetune_advisor.telemetry import background
from finetune_advisor.telemetry.background import BackgroundQueue

AT_EXIT = """
from finetune_advisor.telemetry import background
from finetune_advisor.telemetry.background import BackgroundQueue

background.BATCHING_SECONDS = 3600
queue = BackgroundQueue(lambda items: print(*items), print)
queue.add("abc", 3)
"""


class Handled:
    """A queue with what it has handled and dropped."""

    def __init__(self, seconds: float = 0) -> None:
        self.items: list[int] = []
        self.drops: list[tuple[int, str]] = []
        self.seconds = seconds
        self.queue = BackgroundQueue(
            self.handle, lambda count, reason: self.drops.append((count, reason))
        )

    def handle(self, items: Iterator[int]) -> None:
        for item in items:
            until = time.thread_time() + self.seconds
            while time.thread_time() < until:
                pass
            self.items.append(item)

    def add(self, count: int) -> None:
        self.queue.add(range(count), count)

    def wait_for(self, count: int) -> None:
        deadline = time.monotonic() + 20
        while len(self.items) < count and time.monotonic() < deadline:
            time.sleep(0.005)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """No thread handles anything in time."""
    monkeypatch.setattr(background, "BATCHING_SECONDS", 3600)


def test_every_item_is_handled_in_order() -> None:
    """In another thread, without anybody waiting for it, and none is dropped."""
    handled = Handled()
    for _ in range(3):
        handled.add(1000)
    handled.wait_for(3000)

    assert [*range(1000)] * 3 == handled.items
    assert [] == handled.drops


@pytest.mark.usefixtures("later")
def test_a_full_queue_drops_the_newest_items(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded, and every dropped item is counted."""
    monkeypatch.setattr(background, "MAX_PENDING_ITEMS", 10)
    handled = Handled()
    for count in (8, 5, 4):
        handled.add(count)
    handled.queue.finish()

    assert [*range(8), 0, 1] == handled.items
    assert [(3, "queue_full"), (4, "queue_full")] == handled.drops


def test_the_thread_takes_a_twentieth_of_the_time() -> None:
    """Work of 0.05 s of processor time takes a second at least, in slices that no request notices."""
    handled = Handled(seconds=0.0001)
    started = time.monotonic()
    handled.add(500)
    handled.wait_for(500)

    assert 500 == len(handled.items)
    assert time.monotonic() - started >= 0.9


def test_an_idle_thread_ends_and_the_next_item_starts_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """A queue that nobody uses costs nothing."""
    monkeypatch.setattr(background, "MAX_IDLE_ROUNDS", 2)
    handled = Handled()
    for count in (1, 2):
        handled.add(1)
        handled.wait_for(count)
        deadline = time.monotonic() + 20
        while handled.queue._has_thread and time.monotonic() < deadline:
            time.sleep(0.005)
        assert not handled.queue._has_thread

    assert [0, 0] == handled.items


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_failure_does_not_stop_the_queue_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next item starts another thread."""
    handled = Handled()

    def fail(items: Iterator[int]) -> None:
        for item in items:
            raise ValueError(item)

    queue = BackgroundQueue(fail, print)
    queue.add([1], 1)
    deadline = time.monotonic() + 20
    while queue._has_thread and time.monotonic() < deadline:
        time.sleep(0.005)
    assert not queue._has_thread
    monkeypatch.setattr(queue, "_handle", handled.handle)
    queue.add([2], 1)
    handled.wait_for(1)

    assert [2] == handled.items


@pytest.mark.usefixtures("later")
def test_what_is_too_much_for_the_end_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that ends takes a bounded time for the rest, and counts what it leaves."""
    monkeypatch.setattr(background, "FINISH_SECONDS", 0.01)
    handled = Handled(seconds=0.003)
    handled.add(1000)
    handled.queue.finish()

    assert 1 <= len(handled.items) < 10
    assert [(1000 - len(handled.items), "stopped")] == handled.drops


def test_a_process_that_ends_handles_what_is_pending() -> None:
    """A stop loses nothing, although the thread would still wait for more items."""
    done = subprocess.run(
        [sys.executable, "-c", AT_EXIT], capture_output=True, text=True, timeout=30, check=False
    )

    assert ("a b c\n", "") == (done.stdout, done.stderr)


@pytest.mark.usefixtures("later")
def test_without_a_thread_the_next_item_tries_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the system's limit of threads, whoever adds an item doesn't hear of it."""

    def refuse(_: Thread) -> None:
        raise RuntimeError("can't start new thread")

    handled = Handled()
    with monkeypatch.context() as patch:
        patch.setattr(Thread, "start", refuse)
        handled.add(1)
    assert not handled.queue._has_thread
    monkeypatch.setattr(background, "BATCHING_SECONDS", 0.001)
    handled.add(1)
    handled.wait_for(2)

    assert [0, 0] == handled.items


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.usefixtures("later")
def test_a_forked_child_begins_anew() -> None:
    """The parent handles its items, and the child only its own, even if a lock was held."""
    handled = Handled()
    handled.add(2)
    with handled.queue._adding:
        child = os.fork()
        if not child:
            background.BATCHING_SECONDS = 0.001
            handled.queue.add([7], 1)
            handled.wait_for(1)
            os._exit(handled.items != [7])
    _, status = os.waitpid(child, 0)
    handled.queue.finish()

    assert 0 == status
    assert [0, 1] == handled.items
