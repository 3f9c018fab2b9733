"""Readiness: whether this instance wants new requests. Every process of it sees the same."""

from __future__ import annotations

from mmap import mmap

_draining = mmap(-1, 1)  # memory that workers share with the process that forks them


def start_draining() -> None:
    """From now on, send new requests elsewhere."""
    _draining[0] = 1


def is_draining() -> bool:
    """Whether new requests had better go elsewhere."""
    return bool(_draining[0])
