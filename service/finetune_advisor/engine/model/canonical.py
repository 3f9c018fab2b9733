"""Values as plain JSON data, the canonical text of such data, and its hash."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from hashlib import sha256
from typing import Any

from finetune_advisor.engine.model.conditions import ComparedWith, InChoices, InRange, Test


def sha256_digest(data: object) -> str:
    """Return `sha256:` and the hash of plain data, taken from its canonical JSON in UTF-8."""
    return f"sha256:{sha256(canonical_json(data).encode()).hexdigest()}"


def canonical_json(data: Any) -> str:
    """Return plain data as canonical JSON (RFC 8785).

    Integers must be exact as doubles (RFC 7493). Raises TypeError for data that isn't plain, and
    ValueError for numbers that aren't finite.
    """
    match data:
        case str():
            return _write_string(data)
        # This case comes before the numbers, because a boolean is an int in Python.
        case bool() | None:
            return {True: "true", False: "false", None: "null"}[data]
        case int() | float():
            return canonical_number(data)
        case Mapping():
            members = (
                f"{_write_string(key)}:{canonical_json(data[key])}"
                for key in sorted(data, key=_utf16_sort_key)
            )
            return f"{{{','.join(members)}}}"
        case list() | tuple():
            return f"[{','.join(map(canonical_json, data))}]"
    raise TypeError(f"{type(data).__name__} is not plain data")


_write_string: Callable[[str], str] = json.JSONEncoder(ensure_ascii=False).encode


def _utf16_sort_key(text: str) -> bytes:
    # RFC 8785 sorts keys by UTF-16 code units; Python sorts by code points, which differ above U+FFFF.
    return text.encode("utf-16-be")


def canonical_number(number: int | float) -> str:
    """Return a number as ECMAScript writes it, which is its form in RFC 8785, section 3.2.2.3.

    Raises ValueError for NaN and infinity.
    """
    # Python and ECMAScript both write the fewest digits that give the same double back. They differ in the
    # numbers that get an exponent, and in the exponent's form.
    text = repr(number)
    if "e" not in text:
        if "n" in text:  # nan, inf
            raise ValueError(f"{text} has no form in JSON")
        return "0" if text == "-0.0" else text.removesuffix(".0")
    mantissa, _, exponent_text = text.partition("e")
    sign, digits, exponent = "-" * (number < 0), mantissa.strip("-").replace(".", ""), int(exponent_text)
    if -7 < exponent < 0:
        return f"{sign}0.{'0' * (-exponent - 1)}{digits}"
    if 0 < exponent < 21:
        return f"{sign}{digits.ljust(exponent + 1, '0')}"
    return f"{mantissa}e{exponent:+}"


def to_plain(value: Any) -> Any:
    """Return a value as plain JSON data in the shape of a tree document, without empty fields."""
    if isinstance(value, Mapping):
        return {key: _without_name(to_plain(item)) for key, item in value.items()}
    if isinstance(value, tuple):
        return [to_plain(item) for item in value]
    if is_dataclass(value):
        return _fields_to_plain(value)
    return value


def _fields_to_plain(value: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for field in fields(value):
        item = getattr(value, field.name)
        if field.name == "test":
            # In a document, the operators of a test are fields of the branch itself.
            plain |= _test_to_plain(item)
        # Without empty fields, a new optional field doesn't change the digests of released trees.
        elif item is not None and item not in ("", (), {}):
            plain[field.name] = to_plain(item)
    return plain


def _without_name(plain: Any) -> Any:
    # The name of an entry is its key in the mapping already. Texts by choice are entries without fields.
    if isinstance(plain, str):
        return plain
    return {key: item for key, item in plain.items() if key not in ("id", "name")}


def _test_to_plain(test: Test) -> dict[str, Any]:
    match test:
        case InChoices((bool(value),)):
            return {"is": value}
        case InChoices(values):
            return {"in": list(values)}
        case InRange():
            return dict(test.ends)
        case ComparedWith(operator, other):
            return {f"{operator}_input": other}
        case _:
            return {"otherwise": True}
