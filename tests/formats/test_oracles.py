"""Trees in JDM, DMN and Rego, run by engines that others wrote, decide as this engine does."""

from __future__ import annotations

from itertools import product
from random import Random

import pytest
from hypothesis import HealthCheck, assume, given, settings

from finetune_advisor.engine.analysis import coverage
from finetune_advisor.engine.model.conditions import ComparedWith, InChoices, InRange, Otherwise
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.formats.jdm import InexpressibleNumberError
from finetune_advisor.trees import catalog, loader
from tests import strategies
from tests.formats import profiles
from tests.formats.notation import Notation, expected

MOST_PROFILES = 60


def test_every_profile_of_the_flowchart_ends_alike(tree: Tree, notation: Notation) -> None:
    """All 2,048 complete profiles of 1.0.0 get the same recommendation for the same reason."""
    answers = product((False, True), repeat=len(tree.inputs))
    complete = [dict(zip(tree.inputs, values, strict=True)) for values in answers]
    assert 2048 == len(complete)
    assert [] == notation.disagreements(tree, complete)


@pytest.mark.parametrize(("version", "count"), [("2.0.0", 536), ("3.0.0", 578)])
def test_every_path_of_a_large_tree_ends_alike(version: str, count: int, notation: Notation) -> None:
    """Three profiles on each path of a bundled tree, their other answers drawn at thresholds."""
    large = loader.load_tree(catalog.BUNDLED_TREES_DIR / f"{version}.yaml")
    ways = coverage.list_paths(large)
    assert ways is not None
    drawn = profiles.some(large, 3 * len(ways))
    complete = [{**one, **way.witness} for one, way in zip(drawn, 3 * ways, strict=True)]
    assert 3 * count == len(complete)
    assert {way.end for way in ways} == large.recommendations.keys()
    assert [] == notation.disagreements(large, complete)


def test_typed_answers_at_and_next_to_thresholds_end_alike(typed: Tree, notation: Notation) -> None:
    """Ranges, otherwise, shared questions and comparisons of two inputs decide alike to the last digit."""
    drawn = profiles.some(typed, 4000)
    taken = {expected(typed, profile) for profile in drawn}
    assert taken == {(b.to, b.reason) for q in typed.questions.values() for b in q.branches if b.reason}
    assert [] == notation.disagreements(typed, drawn)


def test_the_typed_tree_has_every_kind_of_test(typed: Tree) -> None:
    """What the test above promises, it has."""
    kinds = {type(branch.test) for q in typed.questions.values() for branch in q.branches}
    assert {InChoices, InRange, ComparedWith, Otherwise} == kinds
    assert {"boolean", "enum", "integer", "number"} == {one.type for one in typed.inputs.values()}


def test_awkward_names_and_texts_end_alike(awkward: Tree, notation: Notation) -> None:
    """Names that are keywords elsewhere work, and reasons come through with every quote and mark."""
    drawn = profiles.some(awkward, 2000)
    reasons = {expected(awkward, profile)[1] for profile in drawn}
    assert reasons == {b.reason for q in awkward.questions.values() for b in q.branches if b.reason}
    assert [] == notation.disagreements(awkward, drawn)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(generated=strategies.trees())
def test_generated_trees_end_alike(generated: Tree, notation: Notation) -> None:
    """Profiles of generated trees of every kind of test decide alike, at neighbouring doubles, too."""
    complete = list(strategies.profiles_of(generated))
    chosen = Random(0).sample(complete, min(len(complete), MOST_PROFILES))
    try:
        assert [] == notation.disagreements(generated, chosen)
    except InexpressibleNumberError:
        assume(False)


def test_answers_off_the_path_are_not_needed(tree: Tree, notation: Notation) -> None:
    """A profile that answers just the questions on its path is decided; with one answer less it isn't."""
    assert_only_the_path_is_needed(tree, notation, step=7)


def assert_only_the_path_is_needed(tree: Tree, notation: Notation, step: int) -> None:
    answers = product((False, True), repeat=len(tree.inputs))
    complete = [dict(zip(tree.inputs, values, strict=True)) for values in answers][::step]
    asked = [{tree.questions[q].input for q, _ in strategies.walk(tree, one)[0]} for one in complete]
    just = [{n: v for n, v in one.items() if n in on} for one, on in zip(complete, asked, strict=True)]
    less = [dict(list(one.items())[:-1]) for one in just]
    assert [expected(tree, one) for one in complete] == notation.outcomes(tree, just)
    assert {None} == set(notation.outcomes(tree, less))
