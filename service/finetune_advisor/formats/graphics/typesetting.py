"""How wide a text is in a picture, and how it breaks into lines, near enough for any sans-serif font."""

from __future__ import annotations

import re
from collections.abc import Iterator
from unicodedata import combining, east_asian_width

NARROW = frozenset("fijlrtI.,:;'|!()[]{}/ ")
BROAD = frozenset("mwMW@%—")
WORD = re.compile(r"(?:[<>≤≥] )?\S+")
PART = re.compile(r"[^_]*_+|[^_]+")
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xml_text(text: str) -> str:
    """A text without the characters that XML can't carry."""
    return NOT_XML.sub("\ufffd", text)


def width(text: str, size: float) -> float:
    """About how many pixels wide a text of a font size is."""
    return size * sum(map(_ems, text))


def _ems(character: str) -> float:
    if combining(character):
        return 0
    if east_asian_width(character) in "FW":
        return 1
    if character in NARROW:
        return 0.36
    return 0.95 if character in BROAD else 0.7 if character.isupper() else 0.61


def lines(text: str, most: float, size: float) -> list[str]:
    """A text broken into lines of at most so many pixels: at spaces, in a long name after `_`, and if
    need be anywhere.
    """
    found = [""]
    for word in WORD.findall(text):
        longer = f"{found[-1]} {word}".lstrip()
        if width(longer, size) <= most:
            found[-1] = longer
        else:
            found.extend(_cut(word, most, size))
    return [line for line in found if line] or [""]


def _cut(word: str, most: float, size: float) -> Iterator[str]:
    """A word in lines: its parts are kept together, unless one is too long by itself."""
    line = ""
    for part in PART.findall(word):
        for piece in [part] if width(part, size) <= most else part:
            if line and width(line + piece, size) > most:
                yield line
                line = ""
            line += piece
    yield line
