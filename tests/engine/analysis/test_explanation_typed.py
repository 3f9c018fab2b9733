"""Explanations of typed trees, with numbers and comparisons, against brute force on small axes."""

from __future__ import annotations

from itertools import combinations, product

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from finetune_advisor.engine.analysis.explanation import Explainer
from finetune_advisor.engine.evaluation.exact import evaluate
from finetune_advisor.engine.evaluation.path_table import PathTable
from finetune_advisor.engine.model.inputs import Value
from finetune_advisor.engine.model.tree import Tree
from tests import strategies
from tests.strategies import Known, completions, values, walk

MOST = 3000
Changes = frozenset[tuple[str, Value]]


def ends(tree: Tree, profile: Known) -> set[str]:
    """Where the completions of a profile end: brute force."""
    return {walk(tree, complete)[1] for complete in completions(tree, profile)}


def minimal_changes(tree: Tree, profile: Known) -> dict[str, set[Changes]]:
    """For each recommendation, every minimal set of changed answers that decides for it."""
    options = [
        [None, *(v for v in values(tree, one) if v != profile.get(name))]
        for name, one in tree.inputs.items()
    ]
    assume(_size(options) <= MOST)
    reached: dict[str, set[Changes]] = {}
    for chosen in sorted(product(*options), key=lambda one: sum(v is not None for v in one)):
        changes = frozenset((n, v) for n, v in zip(tree.inputs, chosen, strict=True) if v is not None)
        found = ends(tree, profile | dict(changes))
        if len(found) == 1:
            known = reached.setdefault(found.pop(), set())
            if not any(one < changes for one in known):
                known.add(changes)
    return reached


def _size(options: list[list[Value | None]]) -> int:
    size = 1
    for one in options:
        size *= len(one)
    return size


def shape(tree: Tree, changes: Changes) -> frozenset[tuple[str, Value | None]]:
    """A set of changes without its numbers: those are the nearest of many."""
    return frozenset((n, None if tree.inputs[n].is_numeric else v) for n, v in changes)


@given(strategies.trees(wide=False) | strategies.gapped_trees(), st.data())
@settings(max_examples=60, deadline=None)
def test_counterfactuals_are_minimal_and_complete(tree: Tree, data: st.DataObject) -> None:
    """Each replays to its target, none has a proper subset that does, and each shape of brute force is
    there once.
    """
    profile = data.draw(strategies.partial_profiles(tree))
    expected = minimal_changes(tree, profile)
    current = evaluate(tree, profile).candidates
    found: dict[str, list[Changes]] = {}
    for one in Explainer(tree, PathTable.of(tree)).explain(profile).counterfactuals:
        changes = frozenset((change.input, change.after) for change in one.changes)
        assert [profile.get(change.input) for change in one.changes] == [c.before for c in one.changes]
        assert ends(tree, profile | dict(changes)) == {one.recommendation}
        assert changes in expected[one.recommendation]
        found.setdefault(one.recommendation, []).append(changes)

    shapes = {end: {shape(tree, c) for c in sets} for end, sets in expected.items() if current != (end,)}
    least = {
        end: {one for one in all_ if not any(o < one for o in all_)} for end, all_ in shapes.items()
    }
    assert least == {end: {shape(tree, changes) for changes in sets} for end, sets in found.items()}
    assert all(len(sets) == len(least[end]) for end, sets in found.items())


@pytest.mark.exhaustive
@given(strategies.trees() | strategies.gapped_trees(), st.data())
@settings(max_examples=120, deadline=None)
def test_sufficient_reasons_are_smallest(tree: Tree, data: st.DataObject) -> None:
    """A reason forces the outcome, and no smaller set of the given answers does."""
    profile = data.draw(strategies.partial_profiles(tree))
    reason = Explainer(tree, PathTable.of(tree)).explain(profile).sufficient_reason
    assert (reason is None) == (len(ends(tree, profile)) > 1)
    if reason is not None:
        assert ends(tree, {name: profile[name] for name in reason}) == ends(tree, profile)
        for size in range(len(reason)):
            for names in combinations(profile, size):
                assert len(ends(tree, {name: profile[name] for name in names})) > 1


@pytest.mark.exhaustive
@given(strategies.trees() | strategies.gapped_trees(), st.data())
@settings(max_examples=120, deadline=None)
def test_sensitivity_loses_no_outcome(tree: Tree, data: st.DataObject) -> None:
    """What any other answer leads to is among what the listed answers lead to, and the given one."""
    profile = data.draw(strategies.partial_profiles(tree))
    for name, outcomes in Explainer(tree, PathTable.of(tree)).explain(profile).sensitivity.items():
        listed = {one.candidates for one in outcomes}
        for one in outcomes:
            assert set(one.candidates) == ends(tree, profile | {name: one.answer})
            assert one.answer != profile.get(name)
        here = {evaluate(tree, profile).candidates} if name in profile else set()
        every = {evaluate(tree, profile | {name: v}).candidates for v in values(tree, tree.inputs[name])}
        assert every <= listed | here
