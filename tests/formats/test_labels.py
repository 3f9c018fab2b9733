"""The words for a branch."""

from __future__ import annotations

from dataclasses import replace

import pytest

from finetune_advisor.engine.model.conditions import Bound, InChoices, InRange, Otherwise
from finetune_advisor.engine.model.tree import Branch, Tree
from finetune_advisor.formats.labels import describe_branch


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("staffing", ["solo", "small or large", "medium"]),
        (
            "size",
            [
                "at least 500 and below 1,000 examples",
                "more than 3,000 examples",
                "below 500 examples or at least 1,000 and at most 3,000 examples",
            ],
        ),
        ("quality", ["more than needed_score", "below needed_score", "equal to needed_score"]),
        (
            "stability",
            [
                "below -0.30000000000000004",
                "at least -0.30000000000000004 and at most 0.1",
                "more than 0.1",
            ],
        ),
        ("pace", ["at most change_days", "more than change_days"]),
        ("hosted", ["no", "yes"]),
    ],
)
def test_every_kind_of_test_has_words(typed: Tree, question: str, words: list[str]) -> None:
    """Each test of a branch reads as an answer, and `otherwise` as the answers that it stands for."""
    asked = typed.questions[question]
    assert words == [describe_branch(typed, asked, branch) for branch in asked.branches]


def test_otherwise_stays_short(typed: Tree) -> None:
    """Where `otherwise` stands for many answers, or many branches come before it, it isn't spelled out."""
    asked = typed.questions["size"]
    rest = Branch(Otherwise(), "again")
    taken = [
        Branch(InRange(Bound(10 * n, inclusive=True), Bound(10 * n + 5, inclusive=False)), "quality")
        for n in range(1, 9)
    ]
    for few in (4, 8):
        question = replace(asked, branches=(*taken[:few], rest))
        assert "any other answer" == describe_branch(typed, question, rest)
    choices = tuple("abcdef")
    tree = replace(
        typed, inputs={**typed.inputs, "team": replace(typed.inputs["team"], choices=choices)}
    )
    question = replace(typed.questions["staffing"], branches=(Branch(InChoices(("a",)), "wait"), rest))
    assert "any other answer" == describe_branch(tree, question, rest)
