"""Strict JSON: UTF-8 without repeated names, and a message that says what is wrong with any other text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from finetune_advisor.engine.errors import FinetuneAdvisorError
from finetune_advisor.schemas.error_details import MAX_NAME_LENGTH, error_at

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""The mark that some programs put before a text in UTF-8. RFC 8259, 8.1 lets a parser ignore it."""
UNCOUNTED_CHARACTERS = bytes(set(range(256)) - set(b'"[{'))
"""Every byte except quotes and the opening brackets of arrays and objects."""


class InvalidJsonError(FinetuneAdvisorError):
    """A text is not strict JSON; the message says why. `errors` locates a repeated name."""

    def __init__(self, detail: str, *errors: Mapping[str, str]) -> None:
        super().__init__(detail)
        self.errors = errors


def parse_json(text: bytes, what: str = "body") -> Any:
    """Parse a JSON text in UTF-8, which may begin with a byte order mark.

    `what` is the word for the text in messages. Raises InvalidJsonError, also for an object that repeats a
    name.
    """
    text = text.removeprefix(BYTE_ORDER_MARK)
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        # These two get plainer messages than orjson's.
        if not text.strip():
            raise InvalidJsonError(f"the {what} is empty; send a JSON object") from None
        _require_utf8(text, what)
        raise InvalidJsonError(f"the {what} can't be read as JSON: {error}") from None
    # An escape may hide a colon, or write a name in another way, so the fast check doesn't hold there.
    if b"\\" in text or not _has_unique_names(value, text):
        _require_unrepeated(text, what)
    return value


def _require_utf8(text: bytes, what: str) -> None:
    try:
        text.decode()
    except UnicodeDecodeError as error:
        detail = f"the {what} is not UTF-8 (byte {error.start}); encode it in UTF-8"
        raise InvalidJsonError(detail) from None


def _has_unique_names(value: Any, text: bytes) -> bool:
    """Return whether a text without escapes has no repeated name; `value` is what orjson made of it.

    orjson keeps the last of repeated names. So a value with as many colons as its text has lost none.
    """
    colons = text.count(b":")
    # The usual cases have no colons in strings, and no nesting as profiles, or little as requests.
    if value.__class__ is dict and (colons <= len(value) or colons <= count_names(value)):
        return True
    try:
        return colons <= orjson.dumps(value).count(b":")
    except orjson.JSONEncodeError:
        return False  # orjson writes fewer levels than it reads


def count_names(value: dict[str, Any]) -> int:
    """Count the names of an object, of the objects in it, and of those in its arrays, but no deeper."""
    # No recursion: this depth is enough for the API's requests, and takes a fraction of the time.
    count = len(value)
    for member in value.values():
        if member.__class__ is dict:
            count += len(member)
        elif member.__class__ is list:
            count += sum([len(item) for item in member if item.__class__ is dict])
    return count


class _RepeatedName:
    """Stands for an object that repeats a name."""

    def __init__(self, name: str) -> None:
        self.name = name


def _require_unrepeated(text: bytes, what: str) -> None:
    """Raise InvalidJsonError if an object in a JSON text repeats a name. It parses the text once more."""
    try:
        value = json.loads(text, object_pairs_hook=_object_from_pairs)
        location, name = next(_iter_repeated_names(value, ()), ((), None))
    except RecursionError:
        raise InvalidJsonError(f"the {what} is nested too deep; send a flatter one") from None
    if name is not None:
        detail = f"an object in the {what} has two members named {name!r}; keep one"
        error = error_at((*location, name), "two members have this name; keep one", in_body=True)
        raise InvalidJsonError(detail, error)


def _object_from_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any] | _RepeatedName:
    # Inner objects come first, so no location is known here: the caller finds it in the result.
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            return _RepeatedName(name[:MAX_NAME_LENGTH])
        members[name] = value
    return members


def _iter_repeated_names(value: Any, location: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the location of each object that repeats a name, with that name."""
    if isinstance(value, _RepeatedName):
        yield location, value.name
    elif isinstance(value, dict | list):
        for key, member in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(member, dict | list | _RepeatedName):
                yield from _iter_repeated_names(member, (*location, str(key)[:MAX_NAME_LENGTH]))


def count_containers(body: bytes, limit: int) -> int:
    """Count the arrays and objects that a JSON text opens, which are its opening brackets outside of strings.

    The count is exact below `limit`; otherwise it is at least `limit`. It takes linear time and memory, and
    does not parse the text.
    """
    # An escape is always in a string, and a pair of backslashes escapes nothing behind it.
    without_escapes = body.replace(rb"\\", b"").replace(rb"\"", b"")
    marks = without_escapes.translate(None, UNCOUNTED_CHARACTERS)
    # Two quotes in a row are an empty string, or the end of one string and the start of the next one.
    # When both are removed, the same brackets are still inside of strings, and there is at least one
    # bracket between any two quotes. `split` stops after 2 * limit + 1 quotes. The rest of the text
    # isn't counted, but at least `limit` brackets outside of strings come before it.
    parts = marks.replace(b'""', b"").split(b'"', 2 * limit + 1)
    return sum(map(len, parts[::2]))
