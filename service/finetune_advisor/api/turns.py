"""Turns: large requests are worked on one at a time, so that memory is needed for one of them."""

from __future__ import annotations

import gc
from threading import Lock

from flask import Request

LARGE = 1 << 20
"""The bytes of a body from which on it waits for its turn. Threads compute in turns anyhow."""
TURN = "finetune_advisor.turn"

_turn = Lock()


def take(req: Request, size: int) -> None:
    """Wait until a request with a body of so many bytes may be worked on."""
    if size >= LARGE:
        _turn.acquire()
        req.environ[TURN] = True


def give_back(req: Request) -> None:
    """After a request: let the next one go on, with the memory that this one took."""
    if req.environ.pop(TURN, False):
        gc.collect()  # errors refer to themselves, and would stay for long
        _turn.release()
