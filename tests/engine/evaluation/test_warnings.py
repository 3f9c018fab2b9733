"""Warnings: what belongs in an answer without changing its outcome."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune_advisor.engine.analysis.validation import find_faults
from finetune_advisor.engine.evaluation.exact import evaluate, list_possible_warnings
from finetune_advisor.engine.model.conditions import (
    Bound,
    ComparedWith,
    InChoices,
    InRange,
    Otherwise,
    Test,
)
from finetune_advisor.engine.model.inputs import Input
from finetune_advisor.engine.model.tree import Tree, WarningCondition, WarningRule
from tests.strategies import completions, partial_profiles, warned_trees

ROWS = Input("rows", "integer", "Rows", unit="rows", minimum=0, maximum=1000)
NEED = Input("need", "number", "Needed rows", unit="rows", minimum=0, maximum=1000)


def warned(tree: Tree, *rules: WarningRule) -> Tree:
    """The tree with two inputs that only warnings ask about."""
    return replace(tree, inputs={**tree.inputs, "rows": ROWS, "need": NEED}, warnings=rules)


def rule(*when: WarningCondition, only: tuple[str, ...] = ()) -> WarningRule:
    """A warning under some circumstances."""
    return WarningRule("few", when, "There are few rows.", recommendations=only)


FEW = WarningCondition("rows", InRange(upper=Bound(50, inclusive=False)))
SHORT = WarningCondition("rows", ComparedWith("lt", "need"))
SENSITIVE = WarningCondition("data_sensitive", InChoices((True,)))


@pytest.mark.parametrize(
    ("when", "profile", "expected"),
    [
        ((FEW,), {"rows": 49}, True),
        ((FEW,), {"rows": 50}, False),
        ((FEW,), {}, False),
        ((SHORT,), {"rows": 49, "need": 49.5}, True),
        ((SHORT,), {"rows": 50, "need": 49.5}, False),
        ((SHORT,), {"rows": 0}, False),
        ((FEW, SENSITIVE), {"rows": 49, "data_sensitive": True}, True),
        ((FEW, SENSITIVE), {"rows": 49, "data_sensitive": False}, False),
        ((FEW, SENSITIVE), {"rows": 49}, False),
    ],
)
def test_a_warning_is_said_when_all_is_known_to_hold(
    tree: Tree,
    when: tuple[WarningCondition, ...],
    profile: dict[str, int | float | bool],
    expected: bool,
) -> None:
    """Every circumstance has to hold on known answers; an unknown one never warns."""
    one = rule(*when)
    assessment = evaluate(warned(tree, one), profile)

    assert assessment.warnings == ((one,) if expected else ())
    assert find_faults(warned(tree, rule(FEW), rule(SHORT))) == []


def test_a_warning_may_belong_to_some_outcomes(tree: Tree) -> None:
    """With recommendations named, it is said only once one of them is the outcome."""
    own = warned(tree, rule(FEW, only=("use_prompt_engineering",)))

    assert evaluate(own, {"rows": 1}).warnings == ()
    assert len(evaluate(own, {"rows": 1, "prompt_engineering_sufficient": True}).warnings) == 1


def test_warnings_leave_outcomes_alone_but_not_the_receipt(tree: Tree) -> None:
    """An answer that only warnings ask about changes no candidate, and counts in the receipt."""
    own = warned(tree, rule(FEW), rule(SHORT))
    with_rows, without = (evaluate(own, profile) for profile in ({"rows": 1}, {}))

    assert with_rows.candidates == without.candidates
    assert with_rows.answers == {"rows": 1}
    assert with_rows.receipt != without.receipt


def broken(test: Test, name: str = "rows", only: str = "use_rag") -> WarningRule:
    """A warning with something wrong."""
    return rule(WarningCondition(name, test), only=(only,))


@pytest.mark.parametrize(
    ("one", "pointer", "problem"),
    [
        (broken(FEW.test, name="row"), ("warnings", 0, "when", 0), "there is no input row"),
        (broken(ComparedWith("lt", "needs")), ("warnings", 0, "when", 0), "there is no input needs"),
        (broken(Otherwise()), ("warnings", 0, "when", 0), "a warning can't test otherwise"),
        (
            broken(InChoices((True,))),
            ("warnings", 0, "when", 0),
            "is and in can't test the integer input rows",
        ),
        (
            broken(InRange(lower=Bound(1000, inclusive=False))),
            ("warnings", 0, "when", 0),
            "no value of rows passes this test",
        ),
        (broken(ComparedWith("lt", "rows")), ("warnings", 0, "when", 0), "rows is compared with itself"),
        (
            broken(FEW.test, only="use_magic"),
            ("warnings", 0, "recommendations", 0),
            "there is no recommendation use_magic",
        ),
    ],
)
def test_a_faulty_warning_is_found(
    tree: Tree, one: WarningRule, pointer: tuple[str | int, ...], problem: str
) -> None:
    """Names and types are proven for warnings as for questions."""
    [first, *_] = find_faults(warned(tree, one))

    assert (first.pointer, first.problem) == (pointer, problem)


@settings(deadline=None)
@given(st.data())
def test_every_warning_that_answers_can_add_is_possible(data: st.DataObject) -> None:
    """Those that are active for some completion with the same outcome, and not without it."""
    tree = data.draw(warned_trees())
    profile = data.draw(partial_profiles(tree))
    assessment = evaluate(tree, profile)
    possible = list_possible_warnings(assessment)

    for completion in completions(tree, profile):
        completed = evaluate(tree, completion)
        if completed.outcome == assessment.outcome:
            assert {*completed.warnings} <= {*assessment.warnings, *possible}
        if len(completion) == len(profile):
            assert [] == possible
