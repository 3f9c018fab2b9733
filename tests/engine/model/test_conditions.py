"""Tests of branches: how they read, the form they are hashed in, and the positions that they take."""

from __future__ import annotations

import pytest

from finetune_advisor.engine.model.canonical import hashed, plain
from finetune_advisor.engine.model.conditions import (
    Against,
    Between,
    Bound,
    OneOf,
    Otherwise,
    Related,
    Test,
    Within,
    conditions,
)
from finetune_advisor.engine.model.domain import Domain
from finetune_advisor.engine.model.inputs import Input
from finetune_advisor.engine.model.tree import Branch

AT, OPEN = Bound(5, inclusive=True), Bound(9.5, inclusive=False)
COUNT = Input("count", "integer", "Count", minimum=0, maximum=9)


@pytest.mark.parametrize(
    ("test", "words", "form"),
    [
        (OneOf((True,)), "true", {"is": True}),
        (OneOf((False,)), "false", {"is": False}),
        (OneOf(("red",)), "red", {"in": ["red"]}),
        (OneOf(("red", "blue")), "red or blue", {"in": ["red", "blue"]}),
        (Between(AT, OPEN), ">= 5 and < 9.5", {"gte": 5, "lt": 9.5}),
        (Between(OPEN, None), "> 9.5", {"gt": 9.5}),
        (Between(None, AT), "<= 5", {"lte": 5}),
        (Against("lt", "limit"), "< limit", {"lt_input": "limit"}),
        (Against("gte", "limit"), ">= limit", {"gte_input": "limit"}),
        (Otherwise(), "otherwise", {"otherwise": True}),
    ],
)
def test_a_test_in_words_and_in_canonical_form(test: Test, words: str, form: dict[str, object]) -> None:
    """Each test reads as a person would say it, and has one form that the digest is made of."""
    assert str(test) == words
    assert plain(Branch(test, "next")) == {"to": "next", **form}


def test_otherwise_takes_what_is_left() -> None:
    """The condition of otherwise is what the other tests of its question leave."""
    tests = [Between(upper=Bound(3, inclusive=False)), Between(Bound(7, inclusive=False)), Otherwise()]
    assert conditions(COUNT, None, tests) == (
        Within("count", Domain(((0, 2),))),
        Within("count", Domain(((8, 9),))),
        Within("count", Domain(((3, 7),))),
    )


def test_otherwise_takes_the_relations_that_are_left() -> None:
    """In a comparison, otherwise stands for the relations that no other branch takes."""
    tests = [Against("lt", "limit"), Against("gt", "limit"), Otherwise()]
    assert conditions(COUNT, "limit", tests) == (
        Related("count", frozenset("<"), "limit"),
        Related("count", frozenset(">"), "limit"),
        Related("count", frozenset("="), "limit"),
    )


def test_a_hash_is_that_of_the_sorted_compact_json() -> None:
    """Anyone can compute the hash: UTF-8, keys sorted, no white space, letters as they are."""
    digest = "7808a6aef4a8b070907756f8f72bbb048e229d8898a06b9d410fdb7161e94bd0"
    assert hashed({"b": [1, 2.5, True], "a": "é"}) == f"sha256:{digest}"


def test_zero_is_said_and_emptiness_is_not() -> None:
    """The canonical form leaves out what is empty, but a minimum of 0 isn't."""
    expected = {"name": "n", "type": "integer", "label": "N", "minimum": 0}
    assert plain(Input("n", "integer", "N", minimum=0)) == expected
