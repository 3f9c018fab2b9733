"""How wide a text is in a picture, and how it breaks into lines, near enough for any sans-serif font."""

from __future__ import annotations

import re
from collections.abc import Iterator
from unicodedata import combining, east_asian_width

NARROW = frozenset("fijlrtI.,:;'|!()[]{}/ ")
BROAD = frozenset("mwMW@%—")
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
    """A text broken into lines of at most so many pixels, at spaces where there are any."""
    found = [""]
    for part in (part for word in text.split() for part in _parts(word, most, size)):
        longer = f"{found[-1]} {part}".lstrip()
        if width(longer, size) <= most:
            found[-1] = longer
        else:
            found.append(part)
    return [line for line in found if line] or [""]


def _parts(word: str, most: float, size: float) -> Iterator[str]:
    part = ""
    for character in word:
        if part and width(part + character, size) > most:
            yield part
            part = ""
        part += character
    yield part
