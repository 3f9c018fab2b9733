"""Limits how many bytes of large bodies are worked on at once, so that memory is bounded."""

from __future__ import annotations

from threading import Condition, Lock

from flask import g

BYTE_BUDGET = 1 << 20
"""The bytes of bodies that are worked on at once; a larger body takes all of them."""
UNLIMITED_BELOW = 1 << 14
"""A body of up to so many bytes takes nothing of the budget."""


class ByteSemaphore:
    """A semaphore that counts bytes; whoever waits is served before whoever comes later."""

    def __init__(self, budget: int) -> None:
        self.budget = self.free = budget
        self._queue, self._released = Lock(), Condition()

    def acquire(self, size: int) -> None:
        """Block until `size` bytes of the budget are free, and take them."""
        with self._queue, self._released:  # only the first in the queue waits for bytes
            self._released.wait_for(lambda: self.free >= size)
            self.free -= size

    def release(self, size: int) -> None:
        """Give back `size` bytes."""
        with self._released:
            self.free += size
            self._released.notify()


body_bytes = ByteSemaphore(BYTE_BUDGET)


def acquire_for_request(size: int) -> None:
    """Block until the current request may work on its body of `size` bytes."""
    if size > UNLIMITED_BELOW:
        size = min(size, body_bytes.budget)
        body_bytes.acquire(size)
        g.body_bytes = size


def release_after_request(_: BaseException | None) -> None:
    """Give back what the current request took, however it is answered."""
    if size := g.pop("body_bytes", 0):
        body_bytes.release(size)
