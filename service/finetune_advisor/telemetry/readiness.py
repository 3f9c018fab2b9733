"""Readiness: whether this instance takes new requests. All its processes agree."""

from __future__ import annotations

from mmap import mmap

_draining = mmap(-1, 1)  # workers share this memory with the process that forks them


def start_draining() -> None:
    """Have this instance report that it isn't ready, so that new requests go to others."""
    _draining[0] = 1


def is_draining() -> bool:
    """Whether the instance is about to stop, so that new requests should go to others."""
    return bool(_draining[0])
