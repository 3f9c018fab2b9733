"""The canonical form of values as plain JSON data, and the hashes that name them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from hashlib import sha256
from typing import Any

from finetune_advisor.engine.model.conditions import ComparedWith, InChoices, InRange, Test


def sha256_digest(form: object) -> str:
    """`sha256:` and the hash of plain data as canonical JSON in UTF-8."""
    return f"sha256:{sha256(canonical_json(form).encode()).hexdigest()}"


def canonical_json(form: Any) -> str:
    """Plain data as JSON in the one form that RFC 8785 gives it.

    Integers have to be exact as doubles, as RFC 7493 asks. Raises TypeError for what isn't plain data, and
    ValueError for a number that isn't finite.
    """
    match form:
        case str():
            return _write_string(form)
        case bool() | None:
            return {True: "true", False: "false", None: "null"}[form]
        case int() | float():
            return canonical_number(form)
        case Mapping():
            members = (
                f"{_write_string(key)}:{canonical_json(form[key])}"
                for key in sorted(form, key=_code_units)
            )
            return f"{{{','.join(members)}}}"
        case list() | tuple():
            return f"[{','.join(map(canonical_json, form))}]"
    raise TypeError(f"{type(form).__name__} is not plain data")


_write_string: Callable[[str], str] = json.JSONEncoder(ensure_ascii=False).encode


def _code_units(text: str) -> bytes:
    """A text as UTF-16, whose bytes sort as its code units do."""
    return text.encode("utf-16-be")


def canonical_number(number: int | float) -> str:
    """A number as ECMAScript writes it, and so RFC 8785, 3.2.2.3. Raises ValueError for NaN and infinity.

    Both languages write the fewest digits that give the same double back. They differ in where the exponent
    begins and in how it looks.
    """
    text = repr(number)
    if "e" not in text:
        if "n" in text:
            raise ValueError(f"{text} has no form in JSON")
        return "0" if text == "-0.0" else text.removesuffix(".0")
    mantissa, _, written = text.partition("e")
    sign, digits, exponent = "-" * (number < 0), mantissa.strip("-").replace(".", ""), int(written)
    if -7 < exponent < 0:
        return f"{sign}0.{'0' * (-exponent - 1)}{digits}"
    if 0 < exponent < 21:
        return f"{sign}{digits.ljust(exponent + 1, '0')}"
    return f"{mantissa}e{exponent:+}"


def to_plain(value: Any) -> Any:
    """A value as plain JSON data in the shape of a tree document; what is empty is left out."""
    if isinstance(value, Mapping):
        return {key: _entry(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [to_plain(item) for item in value]
    if is_dataclass(value):
        return _present(value)
    return value


def _present(value: Any) -> dict[str, Any]:
    form: dict[str, Any] = {}
    for field in fields(value):
        item = getattr(value, field.name)
        if field.name == "test":
            form |= _test(item)
        elif item is not None and item not in ("", ()):
            form[field.name] = to_plain(item)
    return form


def _entry(value: Any) -> Any:
    """An entry of a mapping: its key is its name, and isn't said twice."""
    return {key: item for key, item in to_plain(value).items() if key not in ("id", "name")}


def _test(test: Test) -> dict[str, Any]:
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
