"""Bodies read in parts are read as whole ones are: the same values, the same errors, however often."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from finetune_advisor.api import arrays
from finetune_advisor.api.arrays import ArrayReader, Objects
from finetune_advisor.api.parsing import parse
from finetune_advisor.api.problems import MalformedRequest

NAME, MOST = "items", 5
WORDS = st.text(st.sampled_from('ab{}[],:"\\ é'), max_size=5)
SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-2, 2) | WORDS
FLAT = st.dictionaries(WORDS, SCALARS, max_size=3)
PLAIN = st.dictionaries(st.text("ab", max_size=3), st.booleans() | st.integers(-3, 3), max_size=4)
NESTED = st.recursive(SCALARS | FLAT, lambda inner: st.lists(inner) | st.dictionaries(WORDS, inner))
SEPARATORS = st.sampled_from([(",", ":"), (", ", ": "), (" ,\n\t", " :\r")])
PARTS = st.sampled_from(
    [b"[", b"]", b"{", b"}", b"}, {", b'"', b",", b":", b"\\", b'"a":', b" ", b"\xff"]
)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """A body with an array of objects or nearly so, and with others around it, damaged or not."""
    items = st.lists(PLAIN, max_size=4) | st.lists(FLAT, max_size=4) | st.lists(NESTED, max_size=3)
    around = st.dictionaries(st.sampled_from(["a", "[", "]", NAME]), FLAT | SCALARS, max_size=2)
    members = {**draw(around), NAME: draw(items), **draw(around)}
    text = json.dumps(members, separators=draw(SEPARATORS), ensure_ascii=draw(st.booleans()))
    body = text.encode()
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.integers(0, len(body)))
        body = body[:place] + draw(PARTS) + body[place + draw(st.integers(0, 2)) :]
    return body


def outcome(read: Any, body: bytes) -> tuple[str, str]:
    """The value that a body is read as, told from all that only look alike; or what is wrong with it."""
    try:
        return "read", json.dumps(read(body))
    except MalformedRequest as error:
        return "malformed", str(error)


@pytest.mark.exhaustive
@given(st.lists(bodies(), min_size=1, max_size=4))
@settings(max_examples=600, deadline=None)
@example([b'{"items":[{"a":"}, {"},{"a":1}]}'])
@example([b'{"items": [{"a": "}, {"}, {"a": 1}]}'])
@example([b'{"items":[{"a":1},{"a":2}],"items":[]}'])
@example([b'{"items":[],"a":{"items":[{"a":1}]}}'])
@example([b'{"a":{"items":[{"a":1}]},"items":[{"a":1}]}'])
@example([b'{"a[":[{"a":1}],"items":[]}'])
@example([b'{"items":[{"a":1}]}]'])
@example([b'{"items":[{"a":1},{"a":1,"a":1}]}'])
@example([b'{"a[{}]":1,"items":[]}'])
@example([b'{"items":[\x0b{"a":1}]}'])
@example([b'{"items":[{"a":1},\x0b{"a":1}]}'])
@example([b'{"items":[{"a":1},{"a":1},]}', b'{"items":[,{"a":1}]}'])
@example([b'{"items":[{"a":1}}, {{"a":1}]}'])
@example([b'{"items":[{"a":1},{}]}', b'{"items":[{}]}'])
def test_what_is_read_in_parts_is_what_parse_reads(texts: list[bytes]) -> None:
    """The first time and when its objects are known."""
    reader = ArrayReader(NAME, MOST)
    for body in texts * 2:
        assert outcome(reader.parse, body) == outcome(parse, body)


@given(st.lists(PLAIN, min_size=1, max_size=5), SEPARATORS, st.booleans())
@settings(deadline=None)
def test_flat_objects_are_told_apart(items: list[Any], separators: Any, last: bool) -> None:
    """Each comes with its text, and is the same object whenever that text comes again."""
    members = {NAME: items, "version": "1.0.0"} if last else {"defaults": {"a": 1}, NAME: items}
    body = json.dumps(members, separators=separators).encode()
    reader = ArrayReader(NAME, MOST)
    first, second = reader.parse(body)[NAME], reader.parse(body)[NAME]

    assert isinstance(first, Objects)
    assert [parse(b"{%b}" % text) for text in first.texts] == first == items
    assert all(one is other for one, other in zip(first, second, strict=True))
    assert reader._bytes == sum(len(text) + arrays.ENTRY for text in reader._kept)


@pytest.mark.parametrize("item", ['{"a":[]}', '{"a":{}}', '{"a":"%s"}' % ("b" * arrays.LONGEST), "1"])
def test_others_are_read_with_the_whole(item: str) -> None:
    """Long or nested ones, and what isn't an object: none of it is kept."""
    body = b'{"items":[{"a":1},%b]}' % item.encode()
    reader = ArrayReader(NAME, MOST)

    assert reader.parse(body) == parse(body)
    assert not isinstance(reader.parse(body)[NAME], Objects)


@pytest.mark.parametrize(("count", "apart"), [(MOST, True), (MOST + 1, False)])
def test_too_many_are_not_told_apart(count: int, apart: bool) -> None:
    """They cost no more than the whole."""
    body = b'{"items":[%b]}' % b",".join([b'{"a":1}'] * count)
    read = ArrayReader(NAME, MOST).parse(body)

    assert read == parse(body)
    assert isinstance(read[NAME], Objects) == apart


def test_only_so_much_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """In bytes of text, of all bodies together."""
    monkeypatch.setattr(arrays, "MOST_BYTES", 20 * (arrays.ENTRY + 10))
    reader, most = ArrayReader(NAME, MOST), 0
    for number in range(100):
        body = b'{"items":[{"a":%d},{"b":%d}]}' % (number, number)
        for _ in range(2):
            assert reader.parse(body) == parse(body)
        assert sum(len(text) + arrays.ENTRY for text in reader._kept) <= arrays.MOST_BYTES
        most = max(most, len(reader._kept))
    assert most > 10
