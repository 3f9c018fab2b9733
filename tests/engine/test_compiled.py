"""Compiled trees against the plain evaluator."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune_advisor.engine import compiled
from finetune_advisor.engine.compiled import CompiledTree
from finetune_advisor.engine.evaluation import evaluate
from finetune_advisor.engine.tree import Tree
from tests import strategies


@given(strategies.warned_trees(), st.data())
@settings(max_examples=200, deadline=None)
def test_a_compiled_tree_evaluates_as_the_plain_one(tree: Tree, data: st.DataObject) -> None:
    """For any tree and profile, complete or not, with warnings, and names that the tree doesn't have."""
    profiles = strategies.partial_profiles(tree) | strategies.complete_profiles(tree)
    known = {**data.draw(profiles), "nobody_knows": True}
    assert evaluate(tree, known) == CompiledTree(tree).evaluate(known)


@given(strategies.trees(), st.data())
@settings(max_examples=60, deadline=None)
def test_a_complete_profile_has_a_trail(tree: Tree, data: st.DataObject) -> None:
    """Its answers are looked up; asking again gives the same trail, and the same answer."""
    one = CompiledTree(tree)
    for profile in data.draw(st.lists(strategies.complete_profiles(tree), min_size=1, max_size=3)):
        trail = one.trail(profile)
        assert trail is not None
        assert trail is one.trail(profile)
        assert evaluate(tree, profile) == one.evaluate(profile)


def test_turns_beyond_the_most_are_made_anew(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no more are kept, the answers stay the same."""
    monkeypatch.setattr(compiled, "MOST_TURNS", 1)
    one, profile = CompiledTree(tree), dict.fromkeys(tree.inputs, False)
    first, second = one.trail(profile), one.trail(profile)

    assert first is not second
    assert evaluate(tree, profile) == one.evaluate(profile)
