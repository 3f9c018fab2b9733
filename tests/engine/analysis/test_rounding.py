"""Numbers in explanations, as people write them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from finetune_advisor.engine.analysis import explanation
from finetune_advisor.engine.analysis.explanation import Explainer
from finetune_advisor.engine.evaluation.exact import evaluate
from finetune_advisor.engine.evaluation.path_table import PathTable
from tests.families import one_limit, row_of_comparisons


@pytest.mark.parametrize(
    ("limit", "low", "given", "to"),
    [
        (500, True, 800, 499),
        (0.8, True, 0.9, 0.7),
        (0.8, False, 0.5, 0.9),
        (0.5, True, 0.75, 0.4),
        (0.25, True, None, 0.24),
        (999.5, False, 3, 999.6),
        (999.95, False, 3, 999.96),
        (1e-5, True, 1, 0),
    ],
)
def test_a_counterfactual_names_a_number_with_the_decimals_of_the_limit(
    limit: float, low: bool, given: float | None, to: float
) -> None:
    """It lies in the branch, and isn't the double next to the limit."""
    tree = one_limit(limit, low=low)
    profile = {} if given is None else {"x": given}
    found = Explainer(tree, PathTable.of(tree)).explain(profile, target="within")
    [one] = found.counterfactuals

    assert [to] == [change.after for change in one.changes]
    assert ("within",) == evaluate(tree, {"x": to}).candidates
    assert to in [outcome.answer for outcome in found.sensitivity["x"]]


def test_a_limit_that_may_be_reached_is_named_itself() -> None:
    """At 500 and above is as plain as it gets."""
    tree = one_limit(500, low=True)
    [one] = Explainer(tree, PathTable.of(tree)).explain({"x": 3}, target="outside").counterfactuals

    assert [500] == [change.after for change in one.changes]


def test_a_narrow_branch_gets_as_many_decimals_as_it_needs() -> None:
    """Between 999.5 and the end of the axis there is no whole number but the end itself."""
    tree = one_limit(999.99, low=False)
    [one] = Explainer(tree, PathTable.of(tree)).explain({"x": 3}, target="within").counterfactuals

    assert [1000] == [change.after for change in one.changes]


def test_compared_numbers_are_rounded_together() -> None:
    """Three numbers that have to ascend are told apart by decimals that people can read."""
    tree = row_of_comparisons(3)
    profile = dict.fromkeys(tree.inputs, 0)
    [one] = Explainer(tree, PathTable.of(tree)).explain(profile, target="ascending").counterfactuals

    assert [0.01, 0.1, 1] == [change.after for change in one.changes]
    changed = {**profile, **{change.input: change.after for change in one.changes}}
    assert ("ascending",) == evaluate(tree, changed).candidates


def test_a_rounded_number_lies_in_the_range_of_its_input() -> None:
    """Below 1 and from 0.25 on there is no whole number."""
    tree = one_limit(1, low=True)
    tree = replace(tree, inputs={"x": replace(tree.inputs["x"], minimum=0.25)})
    [one] = Explainer(tree, PathTable.of(tree)).explain({"x": 3}, target="within").counterfactuals

    assert [0.9] == [change.after for change in one.changes]


def test_rounding_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the bound is met, the nearest double is named: it leads there all the same."""
    monkeypatch.setattr(explanation, "MAX_SENSITIVITY_CHECKS", 0)
    tree = one_limit(500, low=True)
    [one] = Explainer(tree, PathTable.of(tree)).explain({"x": 800}, target="within").counterfactuals

    assert [499.99999999999994] == [change.after for change in one.changes]
