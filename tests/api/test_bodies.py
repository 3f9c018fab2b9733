"""Prepared bodies, byte for byte those of the plain evaluator."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from finetune_advisor.api import bodies
from finetune_advisor.engine.compiled import CompiledTree
from finetune_advisor.engine.evaluation import evaluate
from finetune_advisor.engine.inputs import Value
from finetune_advisor.engine.tree import Tree
from tests import strategies
from tests.api import guide
from tests.strategies import Known

EXTRAS = st.sets(st.sampled_from(("zzz", "a_name", "M")), max_size=2)


def served(tree: CompiledTree, profile: Known) -> bytes:
    """The body of POST /assess, from prepared bytes if the profile answers its whole way."""
    trail = tree.trail(profile)
    if trail is None:
        return bodies.body(tree.evaluate(profile))
    answers = tuple(trail.answers(profile).items())
    return bodies.trail_body(trail, answers, tuple(trail.ignored(profile)))


def agrees(compiled: CompiledTree, profile: Known) -> None:
    plain = evaluate(compiled.tree, profile)
    assert bodies.body(plain) == served(compiled, profile)


def test_every_complete_profile_of_the_guide(tree: Tree) -> None:
    """All 2,048, each on a trail."""
    compiled = CompiledTree(tree)
    for profile in guide.complete_profiles():
        known: dict[str, Value] = {**profile}
        assert compiled.trail(known) is not None
        agrees(compiled, known)


@given(strategies.warned_trees(), st.data())
@settings(max_examples=100, deadline=None)
def test_any_profile_of_any_tree(tree: Tree, data: st.DataObject) -> None:
    """Complete and partial ones, with warnings, numbers as they come, and names that the tree lacks."""
    compiled = CompiledTree(tree)
    for kind in (strategies.complete_profiles(tree), strategies.partial_profiles(tree)):
        profile = data.draw(kind)
        extras = dict.fromkeys(data.draw(EXTRAS), True)
        agrees(compiled, profile)
        agrees(compiled, {**profile, **extras})
        agrees(compiled, {**extras, **_as_floats(profile)})


def _as_floats(profile: Known) -> Known:
    """The profile with numbers written with a point."""
    return {name: float(value) if type(value) is int else value for name, value in profile.items()}
