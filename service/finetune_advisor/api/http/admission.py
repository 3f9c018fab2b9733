"""Turns: only so many bytes of larger requests are worked on at once, so that memory is bounded."""

from __future__ import annotations

import gc
from threading import Condition, Lock

from flask import Request

AT_ONCE = 1 << 20
"""The bytes of bodies that are worked on at once; a larger one alone. Threads compute in turns anyhow."""
SMALL = 1 << 14
"""The bytes of a body up to which it waits for no turn."""
TURN = "finetune_advisor.turn"


class Turns:
    """Lets in so much at once; what waits for room is let in before what comes later."""

    def __init__(self, room: int) -> None:
        self.room = self._left = room
        self._entering = Lock()
        self._leaving = Condition()

    def enter(self, size: int) -> None:
        """Wait until there is room for so much, which is no more than there is in all."""
        with self._entering, self._leaving:
            self._leaving.wait_for(lambda: self._left >= size)
            self._left -= size

    def leave(self, size: int) -> None:
        """Give back room."""
        with self._leaving:
            self._left += size
            self._leaving.notify()

    @property
    def empty(self) -> bool:
        """Whether all room was given back."""
        return self._left == self.room


turns = Turns(AT_ONCE)


def take(req: Request, size: int) -> None:
    """Wait until a request with a body of so many bytes may be worked on."""
    if size > SMALL:
        room = min(size, turns.room)
        turns.enter(room)
        req.environ[TURN] = room


def give_back(req: Request) -> None:
    """After a request: let others go on, with the memory that this one took."""
    room = req.environ.pop(TURN, 0)
    if room == turns.room:
        gc.collect()  # errors refer to themselves, and would stay for long
    if room:
        turns.leave(room)
