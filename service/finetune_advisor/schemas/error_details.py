"""The `errors` of a problem: what is wrong, where, and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any
from urllib.parse import quote

from marshmallow import Schema

from finetune_advisor.schemas.fields import UNKNOWN_FIELD_MESSAGE

MAX_ERRORS = 20
"""The errors that a problem lists; a request may have any number."""
MAX_NAME_LENGTH = 64
"""The characters of a name that errors show; a request may have names of any length."""
FRAGMENT_SAFE_CHARACTERS = "~!$&'()*+,;=:@"
"""The characters of a pointer that need no percent-encoding in a URI fragment (RFC 3986, 3.5)."""


def iter_error_details(
    messages: Any, schema: Schema | None, *, in_body: bool, location: tuple[str, ...] = ()
) -> Iterator[dict[str, str]]:
    """Yield marshmallow's messages as entries of a problem's `errors`, sorted by location.

    `messages` are those of a ValidationError: a list of texts, or a mapping from fields or indices to such
    messages. They belong to the value at `location` of the body or query. The details of unknown fields name
    the fields of `schema`, if it is given.
    """
    if not isinstance(messages, Mapping):
        for message in messages:
            yield error_at(location, message, in_body=in_body)
        return
    known_fields = schema.fields if schema else {}
    for key, inner in sorted(messages.items(), key=_sort_key):
        inner_location = (*location, str(key)[:MAX_NAME_LENGTH])
        # Only here the schema is known, with the names that the detail suggests.
        if inner == [UNKNOWN_FIELD_MESSAGE]:
            detail = unknown_name_detail(inner_location[-1], list(known_fields))
            yield error_at(inner_location, detail, in_body=in_body)
        elif key == "_schema":  # marshmallow's key for errors of the object itself
            yield from iter_error_details(inner, schema, in_body=in_body, location=location)
        else:
            inner_schema = getattr(known_fields.get(key), "schema", None)
            yield from iter_error_details(inner, inner_schema, in_body=in_body, location=inner_location)


def _sort_key(item: tuple[Any, Any]) -> tuple[bool, Any]:
    """Return a key that sorts array items by index and fields by name."""
    is_index = isinstance(item[0], int)
    return not is_index, item[0] if is_index else str(item[0])


def error_at(location: tuple[str, ...], detail: str, *, in_body: bool) -> dict[str, str]:
    """Return the entry for an error at a location of a body, with a JSON pointer, or in a query parameter."""
    if not in_body:
        return {"parameter": ".".join(location), "detail": detail}
    # RFC 6901, 3 escapes these two characters; in a URI fragment, others are percent-encoded (section 6).
    escaped = (part.replace("~", "~0").replace("/", "~1") for part in location)
    pointer = "".join(f"/{quote(part, safe=FRAGMENT_SAFE_CHARACTERS)}" for part in escaped)
    return {"pointer": f"#{pointer}", "detail": detail}


def shorten_name(name: str) -> str:
    """Return a name of any length as errors show it. A shortened name isn't another valid name."""
    return name if len(name) <= MAX_NAME_LENGTH else f"{name[:MAX_NAME_LENGTH]}…"


def unknown_name_detail(name: str, known: list[str]) -> str:
    """Return the detail for a name that isn't among the known ones: it suggests the nearest, or lists all."""
    if not known:  # nothing to suggest, as in the query of an operation without parameters
        return "there is no such name here; remove it"
    matches = get_close_matches(name, known, 1)
    hint = f"did you mean {matches[0]}?" if matches else f"remove it; known are: {', '.join(known)}"
    return f"there is no such name here; {hint}"
