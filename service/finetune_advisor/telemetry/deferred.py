"""Batches per-request telemetry and flushes it every 20 ms, which costs a fraction of a flush per request."""

from __future__ import annotations

import atexit
import logging
import os
from collections.abc import Callable
from threading import RLock, Timer
from weakref import WeakMethod

FLUSH_SECONDS = 0.02
"""Time from the first call of `schedule` to the flush."""

log = logging.getLogger("finetune_advisor.telemetry")

# Weak references, since an application can be built many times in one process, as in tests.
_registered: list[WeakMethod[Callable[[], None]]] = []
_flushing, _scheduled = RLock(), False


def register(method: Callable[[], None]) -> None:
    """Call a bound method at every flush, as long as its object lives.

    Methods are called from the last registered to the first.
    """
    _registered.append(WeakMethod(method, _registered.remove))


def schedule() -> None:
    """Flush within `FLUSH_SECONDS`. If no thread can be started, the next call tries again."""
    global _scheduled  # noqa: PLW0603  # one for the whole process
    if not _scheduled:
        _scheduled = True
        timer = Timer(FLUSH_SECONDS, flush)
        timer.daemon = True  # a process that ends doesn't wait for it: `atexit` flushes
        try:
            timer.start()
        except RuntimeError:
            _scheduled = False


def flush() -> None:
    """Flush now. If another flush is running, wait for it first."""
    global _scheduled  # noqa: PLW0603  # as above
    with _flushing:
        _scheduled = False  # what is added from now on schedules another flush
        # Log handlers are registered first and flushed last: they write what the others log.
        for reference in _registered[::-1]:  # a copy: what dies meanwhile leaves the list
            if method := reference():
                try:
                    method()
                except Exception:
                    log.exception("failed")  # the others are flushed all the same


def _reset() -> None:
    """Reset the lock in a forked child: the thread that may hold it exists only in the parent."""
    global _flushing, _scheduled  # as above
    _flushing, _scheduled = RLock(), False


if hasattr(os, "register_at_fork"):  # not on Windows
    # Before a fork, so that the child doesn't write the same lines again.
    os.register_at_fork(before=flush, after_in_child=_reset)
atexit.register(flush)
