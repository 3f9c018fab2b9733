"""Arrays: of many objects in one body, those whose text came before aren't read again."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from typing import Any

from finetune_advisor.api.parsing import parse
from finetune_advisor.api.problems import MalformedRequest

SPACE = b" \t\r\n"
LONGEST = 2000
"""Bytes of a text that is kept: a profile of every input takes half of it."""
MOST_BYTES = 2 << 20
"""Of all texts that are kept, each with `ENTRY` more; their objects take some ten times as much."""
ENTRY = 350
"""Bytes that even the shortest text takes with its object."""


class Objects(list[Any]):
    """The objects of an array, and for each the text between its braces."""

    def __init__(self, values: Sequence[Any], texts: Sequence[bytes]) -> None:
        super().__init__(values)
        self.texts = texts


class ArrayReader:
    """Reads bodies with one array of objects as `parse` does, and keeps what flat objects were read as.

    An array of more objects than `most` is refused later, and not taken apart. What this gives belongs to
    other requests, too, and must not be changed.
    """

    def __init__(self, name: str, most: int) -> None:
        self._name, self._most = name, most
        self._kept: dict[bytes, Any] = {}
        self._bytes = 0
        self._keeping = Lock()

    def parse(self, body: bytes) -> Any:
        """The value of a body, its array as `Objects` if they can be told apart. Raises MalformedRequest."""
        try:
            value = self._read(body)
        except MalformedRequest:
            value = None  # what is wrong is said of the whole
        return parse(body) if value is None else value

    def _read(self, body: bytes) -> Any:
        """The body read in parts, or None.

        Of JSON texts in a row with commas between them only one array can be made. Its brackets are the first
        and the last of the body, so that what is around it has no other array.
        """
        start, end = body.find(b"[") + 1, body.rfind(b"]")
        texts = _apart(body[start:end], self._most) if 0 < start <= end else []
        if not texts:
            return None
        around = parse(body[:start] + body[end:])
        if around.__class__ is not dict or around.get(self._name) != []:
            return None
        values = self._objects(texts)
        return {**around, self._name: Objects(values, texts)} if values else None

    def _objects(self, texts: Sequence[bytes]) -> list[Any]:
        """The object of each text; none if one has to be read with the rest. Raises MalformedRequest."""
        values = [*map(self._kept.get, texts)]
        if not all(values):
            for place in [place for place, value in enumerate(values) if value is None]:
                values[place] = self._object(texts[place])
                if values[place] is None:
                    return []
        return values

    def _object(self, text: bytes) -> Any:
        """The object of a text; None if it's long or may not be flat. Raises MalformedRequest."""
        if len(text) > LONGEST or b"{" in text or b"[" in text:
            return None
        with self._keeping:
            if text not in self._kept:
                value = parse(b"{%b}" % text)
                self._bytes += len(text) + ENTRY
                if self._bytes > MOST_BYTES:
                    self._kept.clear()
                    self._bytes = len(text) + ENTRY
                self._kept[text] = value
            return self._kept[text]


def _apart(array: bytes, most: int) -> list[bytes]:
    """What seem to be the objects of an array, each without its braces; none if it isn't of up to so many."""
    array = array.strip(SPACE)
    if not (array.startswith(b"{") and array.endswith(b"}")):
        return []
    first = array.find(b"}") + 1
    second = array.find(b"{", first)
    if second < 0:
        return [array[1:-1]]
    between = array[first:second]
    if between.strip(SPACE) != b",":
        return []
    texts = array[1:-1].split(b"}%b{" % between, most)
    return texts if len(texts) <= most else []
