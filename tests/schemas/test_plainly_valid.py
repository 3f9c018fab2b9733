"""The fast path of requests gives what marshmallow gives, and refuses what it refuses."""

from __future__ import annotations

import copy
from typing import Any

import marshmallow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune_advisor.engine.model.inputs import Input
from finetune_advisor.schemas.fields import FastPathSchema
from finetune_advisor.schemas.requests import assess_request_schema, profile_schema
from finetune_advisor.trees import catalog
from tests.api.conftest import TYPED

CATALOG = catalog.load_catalog(TYPED.parent)
PROFILE, REQUEST = profile_schema(CATALOG)(), assess_request_schema(CATALOG)()
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
        agrees(REQUEST, {"profile": {name: value}})
        agrees(REQUEST, {"profile": {}, "tree_version": value})


@pytest.mark.exhaustive
@given(REQUESTS)
@settings(max_examples=400, deadline=None)
def test_requests(data: Any) -> None:
    """Bodies of POST /assess, with versions of any type."""
    agrees(REQUEST, data)


WHOLE = {
    "team": "small",
    "corpus_length": 5000,
    "best_score": 0.5,
    "target_score": 1,
    "api_usable": True,
}


@pytest.mark.parametrize(
    ("schema", "data"),
    [
        (PROFILE, {}),
        (PROFILE, WHOLE),
        (REQUEST, {"profile": WHOLE}),
        (REQUEST, {"profile": {}, "tree_version": "9.0.0-typed"}),
    ],
)
def test_plain_ones_are_taken_as_they_are(schema: FastPathSchema, data: Any) -> None:
    """The fast path is taken where it should be: without it, nothing above would be a comparison."""
    assert schema.load(data) is data
