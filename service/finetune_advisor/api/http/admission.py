"""Admission control: limits the bytes of large bodies that are processed at once, which bounds memory."""

from __future__ import annotations

from threading import Condition, Lock

from flask import g

BYTE_BUDGET = 1 << 20
"""The bytes of bodies that are processed at once. A body of this size or more takes the whole budget."""
UNLIMITED_BELOW = 1 << 14
"""A body of up to this many bytes never waits: it takes nothing of the budget."""


class ByteSemaphore:
    """A semaphore that counts bytes. It admits callers in the order in which they arrive."""

    def __init__(self, budget: int) -> None:
        self.budget = self.free = budget
        self._queue, self._released = Lock(), Condition()

    def acquire(self, size: int) -> None:
        """Block until `size` bytes of the budget are free, and take them."""
        # The queue's lock is held while waiting: otherwise smaller bodies could overtake a large one, which
        # might then wait forever.
        with self._queue, self._released:
            self._released.wait_for(lambda: self.free >= size)
            self.free -= size

    def release(self, size: int) -> None:
        """Give back `size` bytes."""
        with self._released:
            self.free += size
            self._released.notify()


# One for each worker process: each has a memory of its own.
body_bytes = ByteSemaphore(BYTE_BUDGET)


def acquire_for_request(size: int) -> None:
    """Block until the budget admits the current request, with a body of `size` bytes."""
    if size > UNLIMITED_BELOW:
        size = min(size, body_bytes.budget)  # more would never be free
        body_bytes.acquire(size)
        g.body_bytes = size


def release_after_request(_: BaseException | None) -> None:
    """Give back the bytes that the current request took. Flask calls this after errors, too."""
    if size := g.pop("body_bytes", 0):
        body_bytes.release(size)
