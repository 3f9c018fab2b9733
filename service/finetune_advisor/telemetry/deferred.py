"""Soon: what each request leaves to do is done for many together, where it takes a fraction of the time."""

from __future__ import annotations

import atexit
import logging
import os
from collections.abc import Callable
from threading import RLock, Timer
from weakref import WeakMethod

SECONDS = 0.02
"""From when something is left to do to when it's done, with what comes meanwhile."""

log = logging.getLogger("finetune_advisor.telemetry")

_all: list[WeakMethod[Callable[[], None]]] = []
_doing, _due = RLock(), False


def each(do: Callable[[], None]) -> None:
    """Have a method of an object that is still in use called each time; later ones are called first."""
    _all.append(WeakMethod(do, _all.remove))


def ask() -> None:
    """Have it done soon; if there is no thread to be had for it, when it's asked for again."""
    global _due  # noqa: PLW0603  # one for the whole process
    if not _due:
        _due = True
        later = Timer(SECONDS, finish)
        later.daemon = True
        try:
            later.start()
        except RuntimeError:
            _due = False


def finish() -> None:
    """Do now what is left to do, after whoever is at it."""
    global _due  # noqa: PLW0603  # as above
    with _doing:
        _due = False  # whoever comes too late for this time asks for another
        for method in _all[::-1]:
            if do := method():
                try:
                    do()
                except Exception:
                    log.exception("failed")  # and goes on: what is left to others is no worse for it


def _begin() -> None:
    """Have nobody at it, in a process that has just begun."""
    global _doing, _due  # as above
    _doing, _due = RLock(), False


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(before=finish, after_in_child=_begin)
atexit.register(finish)
