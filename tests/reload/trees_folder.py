"""A directory of tree documents, laid out as Kubernetes does it, whose document changes in different ways."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

from tests import editions

DOCUMENT = "tree.yaml"
PIECES, PAUSE_SECONDS = 4, 0.3
"""A slow writer writes so many pieces with such pauses, which are shorter than a change has to settle."""


def version(number: int) -> str:
    """The version of the tree that a change brings."""
    return f"9.0.0-change.{number}"


def sound(number: int) -> str:
    """A document that can be served, as the default, under a version of its own."""
    return editions.edition(version(number), "current")


def broken(number: int) -> tuple[str, str]:
    """A document that can't be served, and what the log has to say of it."""
    whole = sound(number)
    return (
        (whole[: len(whole) // 2], f"/{DOCUMENT}"),
        (whole.replace("to: tune", "to: nowhere", 1), "nowhere"),
        (whole.replace(version(number), "1.0.0", 1), "1.0.0 is taken by"),
        (whole.replace("maximum: 1", "maximum: 0.7", 1), f"/{DOCUMENT}"),
        ("\0", f"/{DOCUMENT}"),
    )[number % 5]


class TreesFolder:
    """The directory, with links as in a mounted ConfigMap: tree.yaml → ..data/tree.yaml, ..data → ..1."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._numbers = count(1)
        path.mkdir()
        self.swap_links(sound(0))

    @property
    def ways(self) -> tuple[Callable[[str], None], ...]:
        """The ways to bring another text."""
        return self.swap_links, self.rename, self.write_slowly

    def swap_links(self, text: str) -> None:
        """As the kubelet does it: a new folder, and a link that leads to it from one moment to the next."""
        folder = self.path / f"..{next(self._numbers)}"
        folder.mkdir()
        (folder / DOCUMENT).write_text(text)
        self._link(folder.name, "..data")
        if not (self.path / DOCUMENT).is_symlink():
            self._link(f"..data/{DOCUMENT}", DOCUMENT)

    def _link(self, target: str, name: str) -> None:
        link = self.path / f"..link{next(self._numbers)}"
        link.symlink_to(target)
        os.replace(link, self.path / name)  # noqa: PTH105  # Path.replace would be the same, less plainly

    def rename(self, text: str) -> None:
        """A whole file takes the place of the one before."""
        file = self.path / f".new{next(self._numbers)}"
        file.write_text(text)
        file.replace(self.path / DOCUMENT)

    def write_slowly(self, text: str) -> None:
        """The file itself is written anew, piece by piece."""
        size = len(text) // PIECES + 1
        with (self.path / DOCUMENT).open("w") as file:
            for start in range(0, len(text), size):
                file.write(text[start : start + size])
                file.flush()
                time.sleep(PAUSE_SECONDS)
