"""Tests of branches: how they read, the form they are hashed in, and the positions that they take."""

from __future__ import annotations

import pytest

from finetune_advisor.engine.model.canonical import sha256_digest, to_plain
from finetune_advisor.engine.model.conditions import (
    Bound,
    ComparedWith,
    InChoices,
    InDomain,
    InRange,
    InRelation,
    Otherwise,
    Test,
    exclusive_conditions,
)
from finetune_advisor.engine.model.domain import Domain
from finetune_advisor.engine.model.inputs import Input
from finetune_advisor.engine.model.tree import Branch

AT, OPEN = Bound(5, inclusive=True), Bound(9.5, inclusive=False)
COUNT = Input("count", "integer", "Count", minimum=0, maximum=9)


@pytest.mark.parametrize(
    ("test", "words", "form"),
    [
        (InChoices((True,)), "true", {"is": True}),
        (InChoices((False,)), "false", {"is": False}),
        (InChoices(("red",)), "red", {"in": ["red"]}),
        (InChoices(("red", "blue")), "red or blue", {"in": ["red", "blue"]}),
        (InRange(AT, OPEN), ">= 5 and < 9.5", {"gte": 5, "lt": 9.5}),
        (InRange(OPEN, None), "> 9.5", {"gt": 9.5}),
        (InRange(None, AT), "<= 5", {"lte": 5}),
        (ComparedWith("lt", "limit"), "< limit", {"lt_input": "limit"}),
        (ComparedWith("gte", "limit"), ">= limit", {"gte_input": "limit"}),
        (Otherwise(), "otherwise", {"otherwise": True}),
    ],
)
def test_a_test_in_words_and_in_canonical_form(test: Test, words: str, form: dict[str, object]) -> None:
    """Each test reads as a person would say it, and has one form that the digest is made of."""
    assert str(test) == words
    assert to_plain(Branch(test, "next")) == {"to": "next", **form}


def test_otherwise_takes_what_is_left() -> None:
    """The condition of otherwise is what the other tests of its question leave."""
    tests = [InRange(upper=Bound(3, inclusive=False)), InRange(Bound(7, inclusive=False)), Otherwise()]
    assert exclusive_conditions(COUNT, None, tests) == (
        InDomain("count", Domain(((0, 2),))),
        InDomain("count", Domain(((8, 9),))),
        InDomain("count", Domain(((3, 7),))),
    )


def test_otherwise_takes_the_relations_that_are_left() -> None:
    """In a comparison, otherwise stands for the relations that no other branch takes."""
    tests = [ComparedWith("lt", "limit"), ComparedWith("gt", "limit"), Otherwise()]
    assert exclusive_conditions(COUNT, "limit", tests) == (
        InRelation("count", frozenset("<"), "limit"),
        InRelation("count", frozenset(">"), "limit"),
        InRelation("count", frozenset("="), "limit"),
    )


def test_a_hash_is_that_of_the_sorted_compact_json() -> None:
    """Anyone can compute the hash: UTF-8, keys sorted, no white space, letters as they are."""
    digest = "7808a6aef4a8b070907756f8f72bbb048e229d8898a06b9d410fdb7161e94bd0"
    assert sha256_digest({"b": [1, 2.5, True], "a": "é"}) == f"sha256:{digest}"


def test_zero_is_said_and_emptiness_is_not() -> None:
    """The canonical form leaves out what is empty, but a minimum of 0 isn't."""
    expected = {"name": "n", "type": "integer", "label": "N", "minimum": 0}
    assert to_plain(Input("n", "integer", "N", minimum=0)) == expected
