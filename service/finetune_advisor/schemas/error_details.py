"""What is wrong with a value, as a problem's `errors`: each with its place and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any
from urllib.parse import quote

from marshmallow import Schema

from finetune_advisor.schemas.fields import UNKNOWN_FIELD_MESSAGE

MAX_ERRORS = 20
MAX_NAME_LENGTH = 64
FRAGMENT_SAFE_CHARACTERS = "~!$&'()*+,;=:@"


def iter_error_details(
    messages: Any, schema: Schema | None, *, in_body: bool, place: tuple[str, ...] = ()
) -> Iterator[dict[str, str]]:
    """marshmallow's messages as a problem's `errors`, each with its place and what to do."""
    if isinstance(messages, Mapping):
        for key, inner in sorted(messages.items(), key=_by_name):
            known = schema.fields if schema else {}
            here = (*place, str(key)[:MAX_NAME_LENGTH])
            if inner == [UNKNOWN_FIELD_MESSAGE]:
                yield error_at(here, unknown_name_detail(here[-1], list(known)), in_body=in_body)
            else:
                here = place if key == "_schema" else here
                below = getattr(known.get(key), "schema", schema if key == "_schema" else None)
                yield from iter_error_details(inner, below, in_body=in_body, place=here)
    else:
        for message in messages:
            yield error_at(place, message, in_body=in_body)


def _by_name(item: tuple[Any, Any]) -> tuple[bool, Any]:
    """Array items by place, fields by name."""
    place = isinstance(item[0], int)
    return not place, item[0] if place else str(item[0])


def error_at(place: tuple[str, ...], detail: str, *, in_body: bool) -> dict[str, str]:
    """What is wrong at a place of a body, or with a query parameter."""
    if not in_body:
        return {"parameter": ".".join(place), "detail": detail}
    escaped = (part.replace("~", "~0").replace("/", "~1") for part in place)
    pointer = "".join(f"/{quote(part, safe=FRAGMENT_SAFE_CHARACTERS)}" for part in escaped)
    return {"pointer": f"#{pointer}", "detail": detail}


def unknown_name_detail(name: str, known: list[str]) -> str:
    """What is said of a name that isn't among those that are known."""
    close = get_close_matches(name, known, 1)
    if not known:
        return "there is no such name here; remove it"
    hint = f"did you mean {close[0]}?" if close else f"remove it; known are: {', '.join(known)}"
    return f"there is no such name here; {hint}"
