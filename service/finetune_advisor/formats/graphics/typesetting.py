"""How wide a text is in a picture, and how it breaks into lines, near enough for any sans-serif font."""

from __future__ import annotations

import re
from collections.abc import Iterator
from unicodedata import combining, east_asian_width

NARROW_CHARACTERS = frozenset("fijlrtI.,:;'|!()[]{}/ ")
WIDE_CHARACTERS = frozenset("mwMW@%—")
WORD_PATTERN = re.compile(r"(?:[<>≤≥] )?\S+")
WORD_PART_PATTERN = re.compile(r"[^_]*_+|[^_]+")
INVALID_XML_CHARACTER = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def replace_invalid_xml(text: str) -> str:
    """A text without the characters that XML can't carry."""
    return INVALID_XML_CHARACTER.sub("\ufffd", text)


def estimate_text_width(text: str, size: float) -> float:
    """About how many pixels wide a text of a font size is."""
    return size * sum(map(_width_in_ems, text))


def _width_in_ems(character: str) -> float:
    if combining(character):
        return 0
    if east_asian_width(character) in "FW":
        return 1
    if character in NARROW_CHARACTERS:
        return 0.36
    return 0.95 if character in WIDE_CHARACTERS else 0.7 if character.isupper() else 0.61


def break_into_lines(text: str, most: float, size: float) -> list[str]:
    """A text broken into lines of at most so many pixels: at spaces, in a long name after `_`, and if
    need be anywhere.
    """
    found = [""]
    for word in WORD_PATTERN.findall(text):
        longer = f"{found[-1]} {word}".lstrip()
        if estimate_text_width(longer, size) <= most:
            found[-1] = longer
        else:
            found.extend(_break_word(word, most, size))
    return [line for line in found if line] or [""]


def _break_word(word: str, most: float, size: float) -> Iterator[str]:
    """A word in lines: its parts are kept together, unless one is too long by itself."""
    line = ""
    for part in WORD_PART_PATTERN.findall(word):
        for piece in [part] if estimate_text_width(part, size) <= most else part:
            if line and estimate_text_width(line + piece, size) > most:
                yield line
                line = ""
            line += piece
    yield line
