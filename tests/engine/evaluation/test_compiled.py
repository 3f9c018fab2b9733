"""Compiled trees against the plain evaluator."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune_advisor.engine.evaluation import compiled, partial
from finetune_advisor.engine.evaluation.compiled import CompiledTree
from finetune_advisor.engine.evaluation.exact import affects_outcome, evaluate
from finetune_advisor.engine.evaluation.partial import PartialProfiles
from finetune_advisor.engine.evaluation.path_table import PathTable
from finetune_advisor.engine.model.conditions import Bound, ComparedWith, InChoices, InRange, Otherwise
from finetune_advisor.engine.model.inputs import Input
from finetune_advisor.engine.model.references import Reference
from finetune_advisor.engine.model.region import region_of_completions
from finetune_advisor.engine.model.tree import Branch, Question, Recommendation, Tree
from finetune_advisor.trees import catalog, loader
from tests import families, strategies
from tests.conftest import ROOT
from tests.strategies import Known


@pytest.mark.exhaustive
@given(strategies.warned_trees() | strategies.gapped_trees(), st.data())
@settings(max_examples=200, deadline=None)
def test_a_compiled_tree_evaluates_as_the_plain_one(tree: Tree, data: st.DataObject) -> None:
    """For any tree and profile, complete or not, with warnings, and names that the tree doesn't have."""
    profiles = strategies.partial_profiles(tree) | strategies.complete_profiles(tree)
    known = {**data.draw(profiles), "nobody_knows": True}
    assert evaluate(tree, known) == CompiledTree(tree).evaluate(known)
    assert evaluate(tree, known).candidates == CompiledTree(tree).candidates(known)


@pytest.mark.exhaustive
@given(strategies.trees() | strategies.gapped_trees(), st.data())
@settings(max_examples=300, deadline=None)
def test_what_matters_is_what_walks_say(tree: Tree, data: st.DataObject) -> None:
    """Of each input that a profile lacks, the first or not."""
    profile, table = data.draw(strategies.partial_profiles(tree)), PathTable.of(tree)
    assert table is not None
    found = PartialProfiles(table)
    for name in tree.inputs.keys() - profile.keys():
        expected = affects_outcome(tree, region_of_completions(tree, profile), name)
        assert expected == found.affects_outcome(profile, name)
        assert expected == CompiledTree(tree).affects_outcome(profile, name)


@pytest.mark.parametrize("x", range(10))
def test_of_compared_inputs_the_known_one_counts(x: int) -> None:
    """Asked first, z decides whether y is held against x or against 6; from x = 5 on that's the same to y."""
    whole = {n: Input(n, "integer", n, minimum=0, maximum=9) for n in "xy"}
    asks = {
        "z": Question("z", "?", "z", (Branch(InChoices((True,)), "y"), Branch(Otherwise(), "six"))),
        "y": Question("y", "?", "x", (Branch(ComparedWith("lt", "y"), "a"), Branch(Otherwise(), "b"))),
        "six": Question(
            "six", "?", "y", (Branch(InRange(Bound(6, inclusive=True)), "a"), Branch(Otherwise(), "b"))
        ),
    }
    ends = {end: Recommendation(end, end, "no", "Summary") for end in "ab"}
    inputs = {"z": Input("z", "boolean", "z"), **whole}
    source = Reference("Source", "https://example.org/")
    tree = Tree("1.0.0", "current", "2026-11-22", "Title", source, inputs, "z", asks, ends)
    table = PathTable.of(tree)

    assert table is not None
    assert PartialProfiles(table).affects_outcome({"x": x}, "z") == any(
        (x < y) != (y >= 6) for y in range(10)
    )


MEASURED = loader.load_tree(catalog.BUNDLED_TREES_DIR / "2.0.0.yaml")
COMPILED = CompiledTree(MEASURED)
assert COMPILED.table
FOUND = PartialProfiles(COMPILED.table)
TELLING = {
    name: [one.value(spot) for cell in MEASURED.partition[name] for spot in (cell.least, cell.greatest)]
    for name, one in MEASURED.inputs.items()
}
"""Of each input, the ends of the ranges that tests tell apart."""


@pytest.mark.exhaustive
@given(st.fixed_dictionaries({}, optional={n: st.sampled_from(some) for n, some in TELLING.items()}))
@settings(max_examples=150, deadline=None)
def test_a_partial_profile_of_measurements_is_evaluated_as_by_walks(profile: Known) -> None:
    """With some of the numbers that are compared with each other, or all."""
    assert evaluate(MEASURED, profile) == COMPILED.partial(profile)
    assert evaluate(MEASURED, profile).candidates == COMPILED.candidates(profile)
    region = region_of_completions(MEASURED, profile)
    for name in MEASURED.inputs.keys() - profile.keys():
        assert FOUND.affects_outcome(profile, name) == affects_outcome(MEASURED, region, name)


def test_warnings_of_a_partial_profile_are_those_of_walks() -> None:
    """A worked example of few preference pairs is warned of them, found either way."""
    profile = yaml.safe_load((ROOT / "examples" / "20-brand-voice.yaml").read_text("utf-8"))
    found = COMPILED.partial(profile)

    assert "few_preference_pairs" in [warning.id for warning in found.warnings]
    assert evaluate(MEASURED, profile) == found


def test_a_tree_of_too_many_paths_is_walked(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no table, and the same answers."""
    monkeypatch.setattr(PathTable, "of", staticmethod(lambda _: None))
    one = CompiledTree(tree)

    assert one.table is None
    assert evaluate(tree, {}) == one.evaluate({})
    assert evaluate(tree, {}).candidates == one.candidates({})
    for name in tree.inputs:
        expected = affects_outcome(tree, region_of_completions(tree, {}), name)
        assert expected == one.affects_outcome({}, name)


@given(strategies.trees(), st.data())
@settings(max_examples=60, deadline=None)
def test_a_complete_profile_has_a_path(tree: Tree, data: st.DataObject) -> None:
    """Its answers are looked up; asking again gives the same path, and the same answer."""
    one = CompiledTree(tree)
    for profile in data.draw(st.lists(strategies.complete_profiles(tree), min_size=1, max_size=3)):
        path = one.path(profile)
        assert path is not None
        assert path is one.path(profile)
        assert evaluate(tree, profile) == one.evaluate(profile)


def test_nodes_beyond_the_limit_are_made_anew(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no more are kept, the answers stay the same."""
    monkeypatch.setattr(compiled, "MAX_NODES", 1)
    one, profile = CompiledTree(tree), dict.fromkeys(tree.inputs, False)
    first, second = one.path(profile), one.path(profile)

    assert first is not second
    assert evaluate(tree, profile) == one.evaluate(profile)


def test_many_comparisons_of_a_group_are_left_to_walks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether an input matters is the same either way; only so many constraints are held
    against each other.
    """
    monkeypatch.setattr(partial, "MAX_CONSTRAINTS", 5)
    tree = families.row_of_comparisons(6)
    table = PathTable.of(tree)
    assert table is not None
    assert max(len(block.constraints) for block in table.input_groups) > partial.MAX_CONSTRAINTS
    found = PartialProfiles(table)
    first, *others = tree.inputs
    known = {first: 1}
    expected = {name: affects_outcome(tree, region_of_completions(tree, known), name) for name in others}
    assert expected == {name: found.affects_outcome(known, name) for name in others}


def test_look_ups_beyond_the_limit_are_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where hardly any are kept, partial profiles are evaluated alike."""
    monkeypatch.setattr(partial, "CACHE_SIZE", 2)
    table = PathTable.of(MEASURED)
    assert table is not None
    few = PartialProfiles(table)
    for known in ({}, {"best_prompt_score": 0.5}, {"payback_months": 3, "target_score": 0.9}):
        assert evaluate(MEASURED, known) == few.evaluate(known)
