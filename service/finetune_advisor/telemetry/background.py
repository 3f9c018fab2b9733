"""Does work in the background, in a thread that takes at most a twentieth of a processor's time."""

from __future__ import annotations

import atexit
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from threading import Lock, Thread
from time import monotonic, sleep, thread_time
from typing import Any, Generic, TypeVar
from weakref import WeakSet

Item = TypeVar("Item")

MAX_PENDING_ITEMS = 10_000
"""Items that wait in a queue. Any others are dropped, so that memory is bounded."""
BATCHING_SECONDS = 0.02
"""Time that items wait for others. Waking the thread for each would take longer than handling it."""
MAX_IDLE_ROUNDS = 50
"""Times in a row that the thread finds no item before it ends: a second in all."""
SLICE_SECONDS = 0.0005
"""Processor time after which the thread pauses, so that no request waits longer for the interpreter."""
MAX_SHARE = 0.05
"""The share of a processor's time that the thread takes at most, pauses included."""
FINISH_SECONDS = 1.0
"""Processor time that a process takes for what is still pending when it ends."""


class BackgroundQueue(Generic[Item]):
    """A bounded queue of items that a thread handles, at most `MAX_SHARE` of the time.

    `handle` gets an iterator of the items that are due, and must consume it. `drop` takes the number of items
    that are never handled, and the reason: `queue_full`, or `stopped` if the process ends.
    """

    def __init__(
        self, handle: Callable[[Iterator[Item]], None], drop: Callable[[int, str], None]
    ) -> None:
        self._handle, self._drop = handle, drop
        self._reset()
        _queues.add(self)

    def _reset(self) -> None:
        """Begin with an empty queue and new locks."""
        self._pending: deque[Item] = deque()
        self._adding, self._handling = Lock(), Lock()
        self._has_thread = False

    def add(self, items: Iterable[Item], count: int) -> None:
        """Add `count` items, as long as there is room for them, and drop the last of them otherwise."""
        # Requests of several threads add at once, and together they must not exceed the limit.
        with self._adding:
            room = max(0, MAX_PENDING_ITEMS - len(self._pending))
            self._pending.extend(islice(items, room))
            if not self._has_thread:
                self._start_thread()
        # Counting takes a lock of its own, which `add` must not hold on to.
        if count > room:
            self._drop(count - room, "queue_full")

    def _start_thread(self) -> None:
        """Start the thread. If the system can't start one, the next call tries again."""
        # A process that ends doesn't wait for a daemon: `finish` does the rest.
        thread = Thread(target=self._run, name="background", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            return
        self._has_thread = True

    def _run(self) -> None:
        """Handle items in slices with pauses between them, until none have come for a while."""
        try:
            self._handle_until_idle()
        except BaseException:
            with self._adding:
                self._has_thread = False  # the next item starts another
            raise

    def _handle_until_idle(self) -> None:
        idle_rounds = 0
        while idle_rounds < MAX_IDLE_ROUNDS or self._has_work():
            sleep(BATCHING_SECONDS)
            idle_rounds = 0 if self._pending else idle_rounds + 1
            # The pause grows with what the slice has taken, so that the share holds on a slow machine, too.
            while self._pending:
                sleep(self._handle_slice(SLICE_SECONDS) * (1 / MAX_SHARE - 1))

    def _has_work(self) -> bool:
        """Return whether items are left. If none are, the thread ends, and the next item starts another."""
        with self._adding:
            self._has_thread = bool(self._pending)
            return self._has_thread

    def _handle_slice(self, seconds: float) -> float:
        """Handle items for about so many seconds of processor time. Returns the seconds that it took."""
        started = thread_time()
        with self._handling:
            self._handle(self._due_items(started + seconds))
        return thread_time() - started

    def _due_items(self, ends_at: float) -> Iterator[Item]:
        """Yield items until the clock of this thread, which stands still while it waits, says `ends_at`."""
        # The other clock is slow to read, so that it isn't read for each item.
        look_at = monotonic()
        while self._pending:
            if (now := monotonic()) >= look_at:
                left = ends_at - thread_time()
                if left <= 0:
                    return
                look_at = now + left
            yield self._pending.popleft()

    def finish(self) -> None:
        """Handle what is pending without pauses, for at most `FINISH_SECONDS`, and drop the rest."""
        self._handle_slice(FINISH_SECONDS)
        # Also without the thread, which may be about to take an item.
        with self._handling, self._adding:
            left = len(self._pending)
            self._pending.clear()
        if left:
            self._drop(left, "stopped")


# Weak references, since an application can be built many times in one process, as in tests.
_queues: WeakSet[BackgroundQueue[Any]] = WeakSet()


def finish_all() -> None:
    """Finish all queues of this process."""
    for queue in list(_queues):
        queue.finish()


def _reset_all() -> None:
    """Leave what is pending to the parent: the child has no thread for it, and would count it again."""
    for queue in list(_queues):
        queue._reset()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_reset_all)
atexit.register(finish_all)
