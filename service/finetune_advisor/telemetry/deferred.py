"""Batches per-request telemetry and flushes it every 20 ms, which takes a fraction of the time."""

from __future__ import annotations

import atexit
import logging
import os
from collections.abc import Callable
from threading import RLock, Timer
from weakref import WeakMethod

FLUSH_SECONDS = 0.02
"""The time from the first call of `schedule` to the flush."""

log = logging.getLogger("finetune_advisor.telemetry")

_registered: list[WeakMethod[Callable[[], None]]] = []
_flushing, _scheduled = RLock(), False


def register(flush_one: Callable[[], None]) -> None:
    """Have every flush call a method while its object is in use; the last one registered is called first."""
    _registered.append(WeakMethod(flush_one, _registered.remove))


def schedule() -> None:
    """Flush soon. If the system has no thread left for it, the next call tries again."""
    global _scheduled  # noqa: PLW0603  # one for the whole process
    if not _scheduled:
        _scheduled = True
        timer = Timer(FLUSH_SECONDS, flush)
        timer.daemon = True
        try:
            timer.start()
        except RuntimeError:
            _scheduled = False


def flush() -> None:
    """Flush now, after a flush that is running."""
    global _scheduled  # noqa: PLW0603  # as above
    with _flushing:
        _scheduled = False  # what is added from now on schedules another flush
        for method in reversed(_registered):
            if flush_one := method():
                try:
                    flush_one()
                except Exception:
                    log.exception("failed")  # the others are flushed all the same


def _reset() -> None:
    """Reset the lock in a forked child, where the thread that holds it doesn't exist."""
    global _flushing, _scheduled  # as above
    _flushing, _scheduled = RLock(), False


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(before=flush, after_in_child=_reset)
atexit.register(flush)
