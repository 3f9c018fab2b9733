"""The fast path of requests gives what marshmallow gives, and refuses what it refuses."""

from __future__ import annotations

import copy
import json
from typing import Any

import marshmallow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune_advisor.engine.model.inputs import Input
from finetune_advisor.schemas.fields import FastPathSchema
from finetune_advisor.schemas.plain_requests import PlainRequestSchema
from finetune_advisor.schemas.requests import (
    assess_request_schema,
    batch_request_schema,
    profile_schema,
)
from finetune_advisor.schemas.strict_json import InvalidJsonError, parse_json
from finetune_advisor.trees import catalog
from tests.api.conftest import TYPED

CATALOG = catalog.load_catalog(TYPED.parent)
PROFILE = profile_schema(CATALOG)()
REQUEST, BATCH = assess_request_schema(CATALOG)(), batch_request_schema(CATALOG, max_profiles=3)()
HUGE = [2**53 - 1, 2**53, -(2**53), 2**64, 10**30, 1e308, -1e308, 5e-324]
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 1_000_001),
    st.sampled_from([*HUGE, 0.0, -0.0, 1.0, 12.0, 0.5, 1.5, float("inf"), float("nan")]),
    st.floats(),
    st.sampled_from(["solo", "Solo", "1.0.0", "9.0.0-typed", "1.0", "true", "1", ""]),
)
JSON = st.recursive(
    VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


def right(one: Input) -> st.SearchStrategy[Any]:
    """Values that an input takes, or that are next to them."""
    if one.type == "boolean":
        return st.booleans()
    if one.type == "enum":
        return st.sampled_from(one.choices)
    ends = [one.lowest, one.highest, float(one.lowest), float(one.highest), one.highest + 1]
    return st.sampled_from([*ends, 0, 1, 1.0, 0.25, -0.0])


NEARLY = st.fixed_dictionaries(
    {},
    optional={name: right(one) | right(one) | JSON for name, one in CATALOG.inputs.items()},
)
PROFILES = st.one_of(
    NEARLY,
    st.tuples(NEARLY, st.dictionaries(st.text(max_size=4), JSON)).map(lambda both: both[0] | both[1]),
    JSON,
)
VERSIONS = st.sampled_from(["1.0.0", "9.0.0-typed", "0.0.0"]) | JSON
REQUESTS = st.one_of(
    st.fixed_dictionaries({"profile": PROFILES}, optional={"tree_version": VERSIONS}),
    st.fixed_dictionaries({}, optional={"profile": PROFILES, "tree_version": VERSIONS, "more": JSON}),
    JSON,
)


BATCHES = st.one_of(
    st.fixed_dictionaries(
        {"profiles": st.lists(NEARLY, max_size=4)},
        optional={"defaults": NEARLY, "tree_version": st.sampled_from(["1.0.0", "2.0.0"])},
    ),
    st.fixed_dictionaries(
        {}, optional={"profiles": JSON, "defaults": PROFILES, "tree_version": VERSIONS, "more": JSON}
    ),
)


def outcome(schema: FastPathSchema, data: Any, load: Any) -> tuple[str, str]:
    """What loading gives, types included, but for the form of whole numbers; or what is wrong."""
    try:
        return "right", _exactly(_whole(load(schema, copy.deepcopy(data))))
    except marshmallow.ValidationError as error:
        return "wrong", _exactly([error.messages, error.valid_data])


def _exactly(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{{','.join(sorted(f'{key!r}:{_exactly(item)}' for key, item in value.items()))}}}"
    if isinstance(value, list):
        return f"[{','.join(map(_exactly, value))}]"
    return repr(value)


def _whole(value: Any) -> Any:
    """A value with 12 for 12.0, as answers have it in their normal form."""
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def agrees(schema: FastPathSchema, data: Any) -> None:
    swift = outcome(schema, data, type(schema).load)
    assert outcome(schema, data, marshmallow.Schema.load) == swift


@pytest.mark.exhaustive
@given(PROFILES)
@settings(max_examples=400, deadline=None)
def test_profiles(data: Any) -> None:
    """Right, nearly right and hostile ones."""
    agrees(PROFILE, data)


ODD = [None, True, False, 0, 1, -1, 0.0, -0.0, 1.0, 12.0, 0.5, 10**6, 10**6 + 1, float("nan"), *HUGE]
ODD += ["", "1", "true", "solo", "Solo", [], ["solo"], {}, {"team": "solo"}]


@pytest.mark.parametrize("name", CATALOG.inputs)
def test_odd_values(name: str) -> None:
    """Each input with each value that may be taken for another: 1 for true, true for 1, 12.0, lists."""
    for value in ODD:
        agrees(PROFILE, {name: value})
        decodes_rightly(REQUEST, json.dumps({"profile": {name: value}}).encode())
        decodes_rightly(REQUEST, json.dumps({"profile": {}, "tree_version": value}).encode())
        decodes_rightly(BATCH, json.dumps({"profiles": [{}, {name: value}]}).encode())
        decodes_rightly(BATCH, json.dumps({"profiles": [{}], "defaults": {name: value}}).encode())


def decodes_rightly(schema: PlainRequestSchema, text: bytes) -> bool:
    """Whether a text is decoded; it must then be what marshmallow makes of it, which must accept it."""
    decoded = schema.decode(text)
    if decoded is None:
        return False
    assert schema.load(decoded) is decoded
    try:
        loaded = marshmallow.Schema.load(schema, parse_json(text))
        # The batch's schema leaves profiles to whoever assesses them.
        loaded |= {"profiles": [PROFILE.load(item) for item in loaded.get("profiles", [])]}
    except (InvalidJsonError, marshmallow.ValidationError) as error:
        raise AssertionError(f"decoded what is invalid: {text!r}") from error
    assert _exactly(_whole({"profiles": [], **decoded})) == _exactly(_whole(loaded))
    return True


SEPARATORS = st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\t: ")])


@pytest.mark.exhaustive
@given(REQUESTS, BATCHES, SEPARATORS, st.booleans())
@settings(max_examples=400, deadline=None)
def test_requests(request: Any, batch: Any, separators: tuple[str, str], ascii_only: bool) -> None:
    """Bodies of POST /assess and of POST /assess/batch, however they are written."""
    for schema, data in ((REQUEST, request), (BATCH, batch)):
        text = json.dumps(data, separators=separators, ensure_ascii=ascii_only)
        decodes_rightly(schema, text.encode(errors="replace"))


SPLICES = st.tuples(
    st.integers(0, 400),
    st.integers(0, 3),
    st.sampled_from(
        [b"", b"\\", b'"', b":", b",", b"{", b"}", b"[", b"]", b"\x00", b"\xff", b"\xef\xbb\xbf"]
    )
    | st.sampled_from(
        [b" ", b"0", b"-", b".", b"e", b"E5", b"e400", b"1e-400", b"NaN", b"null", b"/**/"]
    )
    | st.binary(max_size=3),
)
TEXTS = [
    (
        REQUEST,
        {"profile": {"team": "small", "best_score": 0.5, "api_usable": True}, "tree_version": "1.0.0"},
    ),
    (
        BATCH,
        {"profiles": [{"corpus_length": 12}, {}, {"target_score": 1}], "defaults": {"team": "solo"}},
    ),
]


@pytest.mark.exhaustive
@given(st.sampled_from(TEXTS), st.lists(SPLICES, min_size=1, max_size=3))
@settings(max_examples=2000, deadline=None)
def test_damaged_texts(
    whole: tuple[PlainRequestSchema, Any], splices: list[tuple[int, int, bytes]]
) -> None:
    """Texts with some bytes replaced, which mostly are no JSON any more."""
    schema, data = whole
    text = json.dumps(data).encode()
    for position, length, inserted in splices:
        text = text[:position] + inserted + text[position + length :]
    decodes_rightly(schema, text)


@pytest.mark.exhaustive
@given(st.floats(0, 1) | st.floats(0, 1, width=16), st.integers(0, 25))
@settings(max_examples=1000, deadline=None)
def test_numbers(number: float, decimals: int) -> None:
    """Whatever digits a number is written with, it is the same double."""
    for written in (repr(number), f"{number:.{decimals}f}", f"{number:.{decimals}e}"):
        assert decodes_rightly(REQUEST, b'{"profile":{"best_score":%b}}' % written.encode())


@pytest.mark.parametrize(
    "text",
    [
        b'{"profile":{"team":"solo","team":"small"}}',
        b'{"profile":{},"profile":{}}',
        b'{"profile":{"nobody_knows":{"team":"solo"}}}',
        b'{"profile":{},"more":[' + b"[" * 100_000,
        b'{"profile":{},"more":' + b'{"a":' * 100_000,
        b'{"profile":{"te\\u0061m":"solo"}}',
        b'\xef\xbb\xbf{"profile":{}}',
        b'{"profile":{}} {}',
        b'{"profile":{},}',
        b'{"profile":{"best_score":01}}',
        b'{"profile":{"best_score":1.}}',
        b"",
    ],
    ids=lambda text: repr(text[:40]),
)
def test_odd_texts_are_left_to_marshmallow(text: bytes) -> None:
    """Repeated and unknown names, escapes, deep nesting, and what is no JSON."""
    assert REQUEST.decode(text) is None


WHOLE = {
    "team": "small",
    "corpus_length": 5000,
    "best_score": 0.5,
    "target_score": 1,
    "api_usable": True,
}


@pytest.mark.parametrize("profile", [{}, WHOLE])
def test_plain_profiles_are_taken_as_they_are(profile: Any) -> None:
    """The fast path is taken where it should be: without it, nothing above would be a comparison."""
    assert PROFILE.load(profile) is profile


@pytest.mark.parametrize(
    ("schema", "data"),
    [
        (REQUEST, {"profile": WHOLE}),
        (REQUEST, {"profile": {}, "tree_version": "9.0.0-typed"}),
        (BATCH, {"profiles": []}),
        (BATCH, {"profiles": [WHOLE, {}, {**WHOLE, "corpus_length": 5000.0}]}),
        (BATCH, {"profiles": [{}], "defaults": WHOLE, "tree_version": "9.0.0-typed"}),
    ],
)
def test_plain_requests_are_decoded(schema: PlainRequestSchema, data: Any) -> None:
    """As above."""
    assert decodes_rightly(schema, json.dumps(data).encode())


def test_no_more_profiles_are_decoded_than_allowed() -> None:
    """The error names the limit."""
    assert BATCH.decode(b'{"profiles":[{},{},{},{}]}') is None
