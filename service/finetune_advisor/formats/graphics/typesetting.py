"""Estimates the widths of texts, and breaks texts into lines.

The estimates are close enough for any sans-serif font. The reader's font isn't known when a picture is made.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from unicodedata import combining, east_asian_width

NARROW_CHARACTERS = frozenset("fijlrtI.,:;'|!()[]{}/ ")
WIDE_CHARACTERS = frozenset("mwMW@%—")
# A comparison sign stays with its number.
WORD_PATTERN = re.compile(r"(?:[<>≤≥] )?\S+")
WORD_PART_PATTERN = re.compile(r"[^_]*_+|[^_]+")
INVALID_XML_CHARACTER = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def replace_invalid_xml(text: str) -> str:
    """Replace the characters that XML can't carry by U+FFFD."""
    return INVALID_XML_CHARACTER.sub("\ufffd", text)


def estimate_text_width(text: str, size: float) -> float:
    """Estimate the width of a text, in pixels, at a font size in pixels."""
    return size * sum(map(_width_in_ems, text))


def _width_in_ems(character: str) -> float:
    if combining(character):
        return 0
    if east_asian_width(character) in "FW":
        return 1
    if character in NARROW_CHARACTERS:
        return 0.36
    return 0.95 if character in WIDE_CHARACTERS else 0.7 if character.isupper() else 0.61


def break_into_lines(text: str, max_width: float, size: float) -> list[str]:
    """Break a text into lines of at most `max_width` pixels at a font size; one line or more.

    Lines break at spaces. A word that is too long breaks after `_`, or else anywhere.
    """
    lines = [""]
    for word in WORD_PATTERN.findall(text):
        longer_line = f"{lines[-1]} {word}".lstrip()
        if estimate_text_width(longer_line, size) <= max_width:
            lines[-1] = longer_line
        else:
            lines.extend(_break_word(word, max_width, size))
    return [line for line in lines if line] or [""]


def _break_word(word: str, max_width: float, size: float) -> Iterator[str]:
    line = ""
    for part in WORD_PART_PATTERN.findall(word):
        # A part that is too long by itself is added character by character.
        for piece in [part] if estimate_text_width(part, size) <= max_width else part:
            if line and estimate_text_width(line + piece, size) > max_width:
                yield line
                line = ""
            line += piece
    yield line
