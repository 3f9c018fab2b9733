"""Repeated names in JSON texts are found, however they are written, and only they are."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune_advisor.schemas.strict_json import InvalidJsonError, count_containers, parse_json

TEXT = st.text(
    st.sampled_from('ab:"\\{},\n\té🙂') | st.characters(exclude_categories=["Cs"]), max_size=6
)
SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e9, 1e9) | TEXT
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=10,
)
NESTINGS = st.lists(st.sampled_from(["[%s]", '{"a":%s}', '[":",%s,{"b":":"}]', '{"\\n":1,"c":%s}']))
BRACKETS = st.recursive(
    st.text(st.sampled_from('[{]}"\\,:a'), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text('[{"\\', max_size=3), inner, max_size=4)
    ),
    max_leaves=20,
)


def containers(value: Any) -> int:
    """How many arrays and objects a value has."""
    if not isinstance(value, dict | list):
        return 0
    return 1 + sum(map(containers, value.values() if isinstance(value, dict) else value))


@pytest.mark.exhaustive
@given(BRACKETS, st.integers(1, 40))
@settings(max_examples=500, deadline=None)
def test_only_brackets_outside_of_strings_count(value: Any, limit: int) -> None:
    """The count is that of the arrays and objects, or at least the limit where there are as many."""
    counted = count_containers(json.dumps(value).encode(), limit)

    assert min(limit, containers(value)) == min(limit, counted)


@pytest.mark.parametrize("tail", [b"", b'"', b'"[', b'"[' * 50_000, b'\\"' * 50_000, b"\\"])
def test_what_follows_takes_no_bracket_back(tail: bytes) -> None:
    """What was opened before a text turns malformed is counted."""
    assert count_containers(b'[{"[":' * 20 + tail, 40) >= 40


@given(VALUES, st.booleans())
@settings(max_examples=300, deadline=None)
def test_any_value_is_read(value: Any, ascii_only: bool) -> None:
    """No false alarm: whatever its strings hold, escaped or not."""
    assert parse_json(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@pytest.mark.exhaustive
@given(st.dictionaries(TEXT, VALUES, min_size=1, max_size=3), NESTINGS, st.booleans(), st.data())
@settings(max_examples=300, deadline=None)
def test_a_repeated_name_is_refused(
    value: dict[str, Any], nestings: list[str], ascii_only: bool, data: st.DataObject
) -> None:
    """With the same value or another, side by side or not, written alike or not, at any depth."""
    name = data.draw(st.sampled_from(sorted(value)))
    written = data.draw(st.sampled_from([json.dumps(name), _escaped(name)]))
    other = json.dumps(data.draw(st.just(value[name]) | SCALARS))
    text = f"{json.dumps(value, ensure_ascii=ascii_only)[:-1]},{written}:{other}}}"
    for nesting in nestings:
        text = nesting % text
    with pytest.raises(InvalidJsonError, match="two members named"):
        parse_json(text.encode())


def _escaped(name: str) -> str:
    """A name with each of its characters as an escape."""
    units = name.encode("utf-16-be").hex()
    return '"' + "".join(rf"\u{units[place : place + 4]}" for place in range(0, len(units), 4)) + '"'


@pytest.mark.parametrize(
    "text",
    [
        rb'{"a:b":1,"a\u003ab":2}',
        rb'{"a\"b":1,"a\"b":1}',
        rb'{":":":","\u003a":1}',
        rb'{"a\u003ab":1,"a\u003ab":2}',
        rb'{"a":1,"a":"\u003a"}',
        b'{"":1,"":1}',
        b'{"a":{},"a":{"b":":"}}',
        b'[{"a":1,"a":1},%b]' % (b"[" * 500 + b"]" * 500),
    ],
)
def test_a_repeated_name_is_refused_as_written(text: bytes) -> None:
    """Escapes, colons within strings, and depth hide nothing."""
    with pytest.raises(InvalidJsonError, match="two members named"):
        parse_json(text)


def test_what_is_too_deep_to_be_sure_of_is_refused() -> None:
    """A repeated name behind values that are nested too deep for a second look is never let through."""
    deep = b"[" * 1000 + b"]" * 1000
    text = b'[%b,{"a":1,"a":2}]' % deep
    assert orjson.loads(text)[1] == {"a": 2}
    with pytest.raises(InvalidJsonError):
        parse_json(text)
