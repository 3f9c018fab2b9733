"""Prepared bodies, byte for byte those of the plain evaluator."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune_advisor.api import assessing, bodies
from finetune_advisor.api.assessing import Assessor, Unheard
from finetune_advisor.catalog import Catalog
from finetune_advisor.engine.compiled import CompiledTree
from finetune_advisor.engine.evaluation import evaluate
from finetune_advisor.engine.inputs import Value
from finetune_advisor.engine.tree import Tree
from tests import strategies
from tests.api import guide
from tests.strategies import Known

EXTRAS = st.sets(st.sampled_from(("zzz", "a_name", "M")), max_size=2)


def assessor(tree: Tree) -> Assessor:
    return Assessor(Catalog({tree.version: tree}, tree), tree, Unheard())


def agrees(served: Assessor, profile: Known) -> None:
    """The first time, which may leave something prepared, and the second; alone and in a batch."""
    assessment = evaluate(served.tree, profile)
    plain = bodies.body(assessment)
    assert [served.body(profile, "/assess") for _ in range(2)] == [plain, plain]
    trail = served._compiled.trail(profile)
    if trail:
        result = orjson.dumps(bodies.result(assessment))
        assert [bodies.trail_result(trail, profile) for _ in range(2)] == [result, result]


def test_every_complete_profile_of_the_guide(tree: Tree) -> None:
    """All 2,048, each on a trail."""
    compiled, served = CompiledTree(tree), assessor(tree)
    for profile in guide.complete_profiles():
        known: dict[str, Value] = {**profile}
        assert compiled.trail(known) is not None
        agrees(served, known)


@given(strategies.warned_trees(), st.data())
@settings(max_examples=100, deadline=None)
def test_any_profile_of_any_tree(tree: Tree, data: st.DataObject) -> None:
    """Complete and partial ones, with warnings, numbers as they come, and names that the tree lacks."""
    served = assessor(tree)
    for kind in (strategies.complete_profiles(tree), strategies.partial_profiles(tree)):
        profile = data.draw(kind)
        extras = dict.fromkeys(data.draw(EXTRAS), True)
        agrees(served, profile)
        agrees(served, {**profile, **extras})
        agrees(served, {**extras, **_as_floats(profile)})


def _as_floats(profile: Known) -> Known:
    """The profile with numbers written with a point."""
    return {name: float(value) if type(value) is int else value for name, value in profile.items()}


def test_only_so_many_bodies_are_kept(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what isn't kept any more is made anew."""
    monkeypatch.setattr(assessing, "KEPT", 3)
    served = assessor(tree)
    for profile in [*guide.complete_profiles()][:10] * 2:
        agrees(served, {**profile})
        assert len(served._rendered) <= 3
