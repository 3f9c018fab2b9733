"""Strict JSON: no repeated names, nothing but UTF-8, and a message for whatever can't be read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from finetune_advisor.engine.errors import FinetuneAdvisorError
from finetune_advisor.schemas.error_details import MAX_NAME_LENGTH, error_at

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""What some programs begin a text in UTF-8 with. RFC 8259, 8.1 lets a reader ignore it."""
UNCOUNTED_CHARACTERS = bytes(set(range(256)) - set(b'"[{'))
"""Every byte but a quote and what opens an array or an object."""


class InvalidJsonError(FinetuneAdvisorError):
    """A text can't be read as JSON; the message says why. `errors` has the place of a repeated name."""

    def __init__(self, detail: str, *errors: Mapping[str, str]) -> None:
        super().__init__(detail)
        self.errors = errors


def parse_json(text: bytes, what: str = "body") -> Any:
    """The value of a JSON text, which a byte order mark may begin.

    Raises InvalidJsonError, for a repeated member name too.
    """
    text = text.removeprefix(BYTE_ORDER_MARK)
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if not text.strip():
            raise InvalidJsonError(f"the {what} is empty; send a JSON object") from None
        _require_utf8(text, what)
        raise InvalidJsonError(f"the {what} can't be read as JSON: {error}") from None
    if b"\\" in text or not _has_unique_names(value, text):
        _require_unrepeated(text, what)
    return value


def _require_utf8(text: bytes, what: str) -> None:
    try:
        text.decode()
    except UnicodeDecodeError as error:
        detail = f"the {what} is not UTF-8 (byte {error.start}); encode it so"
        raise InvalidJsonError(detail) from None


def _has_unique_names(value: Any, text: bytes) -> bool:
    """Whether every name in a text without escapes is in its value, which then has all the colons."""
    colons = text.count(b":")
    if colons <= _count_names(value):
        return True
    try:
        return colons <= orjson.dumps(value).count(b":")
    except orjson.JSONEncodeError:
        return False  # too deep to be written


def _count_names(value: Any) -> int:
    """How many names are in an object, in the objects in it, and in those in its arrays; none further in."""
    if value.__class__ is not dict:
        return 0
    inner = [
        sum([len(one) for one in member if one.__class__ is dict])
        if member.__class__ is list
        else len(member)
        for member in value.values()
        if member.__class__ in (dict, list)
    ]
    return len(value) + sum(inner)


class _RepeatedName:
    """Stands for an object with a name twice."""

    def __init__(self, name: str) -> None:
        self.name = name


def _require_unrepeated(text: bytes, what: str) -> None:
    """Read a text slowly, and refuse it if an object in it has a name twice."""
    try:
        value = json.loads(text, object_pairs_hook=_members)
        place, name = next(_iter_repeated_names(value, ()), ((), None))
    except RecursionError:
        raise InvalidJsonError(f"the {what} is nested too deep; send a flatter one") from None
    if name is not None:
        detail = f"an object in the {what} has two members named {name!r}; keep one"
        error = error_at((*place, name), "two members have this name; keep one", in_body=True)
        raise InvalidJsonError(detail, error)


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any] | _RepeatedName:
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            return _RepeatedName(name[:MAX_NAME_LENGTH])
        members[name] = value
    return members


def _iter_repeated_names(value: Any, place: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """The place of each object with a name twice, and that name."""
    if isinstance(value, _RepeatedName):
        yield place, value.name
    elif isinstance(value, dict | list):
        for name, member in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(member, dict | list | _RepeatedName):
                yield from _iter_repeated_names(member, (*place, str(name)[:MAX_NAME_LENGTH]))


def count_containers(body: bytes, limit: int) -> int:
    """Count the arrays and objects that a JSON text opens, which are the brackets outside of its strings.

    Time and memory are linear: what is cut off at the end has `limit` brackets before it.
    """
    # An escape is always in a string, and a pair of backslashes escapes nothing behind it.
    without_escapes = body.replace(rb"\\", b"").replace(rb"\"", b"")
    marks = without_escapes.translate(None, UNCOUNTED_CHARACTERS)
    # Two quotes in a row end one string and begin the next, or the other way round: neither changes what is
    # inside of a string. Without them, each part between two quotes has a bracket.
    parts = marks.replace(b'""', b"").split(b'"', 2 * limit + 1)
    return sum(map(len, parts[::2]))
