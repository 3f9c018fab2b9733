"""The canonical form of values as plain JSON data, and the hashes that name them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from hashlib import sha256
from typing import Any

from finetune_advisor.engine.branching import Against, Between, OneOf, Test

CANONICAL = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def hashed(form: object) -> str:
    """`sha256:` and the hash of plain data as JSON: UTF-8, keys sorted, no white space."""
    return f"sha256:{sha256(CANONICAL.encode(form).encode()).hexdigest()}"


def plain(value: Any) -> Any:
    """A value as plain JSON data in the shape of a tree document; what is empty is left out."""
    if isinstance(value, Mapping):
        return {key: _entry(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [plain(item) for item in value]
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
            form[field.name] = plain(item)
    return form


def _entry(value: Any) -> Any:
    """An entry of a mapping: its key is its name, and isn't said twice."""
    return {key: item for key, item in plain(value).items() if key not in ("id", "name")}


def _test(test: Test) -> dict[str, Any]:
    match test:
        case OneOf((bool(value),)):
            return {"is": value}
        case OneOf(values):
            return {"in": list(values)}
        case Between():
            return dict(test.ends)
        case Against(operator, other):
            return {f"{operator}_input": other}
        case _:
            return {"otherwise": True}
