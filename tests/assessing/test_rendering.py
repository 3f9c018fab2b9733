"""Rendered answers, byte for byte those of the plain evaluator."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune_advisor.assessing import rendering
from finetune_advisor.assessing.advisor import Advisor
from finetune_advisor.assessing.assessor import Assessor, NullRecorder
from finetune_advisor.engine.evaluation.compiled import CompiledTree
from finetune_advisor.engine.evaluation.exact import evaluate
from finetune_advisor.engine.model.canonical import sha256_digest
from finetune_advisor.engine.model.inputs import Value, normalize_number
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.trees import catalog
from tests import strategies
from tests.api import guide
from tests.strategies import Known

EXTRAS = st.sets(st.sampled_from(("zzz", "a_name", "M")), max_size=2)


def assessor(tree: Tree) -> Assessor:
    return Assessor(Advisor(tree), NullRecorder())


def agrees(served: Assessor, profile: Known) -> None:
    """The first time, which may leave something prepared, and the second; alone and in a batch."""
    assessment = evaluate(served.tree, profile)
    body = rendering.render_assessment(assessment)
    assert [served.assess(profile, "/assess") for _ in range(2)] == [body, body]
    result = rendering.batch_result(assessment)
    assert result["receipt"] == assessment.receipt
    found = [served.batch_results.answer(profile)[0] for _ in range(2)]
    assert found == [orjson.dumps(result), orjson.dumps(result)]


@pytest.mark.exhaustive
def test_every_complete_profile_of_the_guide(tree: Tree) -> None:
    """All 2,048, each on a path."""
    compiled, served = CompiledTree(tree), assessor(tree)
    for profile in guide.complete_profiles():
        known: dict[str, Value] = {**profile}
        assert compiled.path(known) is not None
        agrees(served, known)


@pytest.mark.exhaustive
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


def test_only_so_many_answers_are_kept(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what isn't kept any more is made anew."""
    monkeypatch.setattr("finetune_advisor.assessing.assessor.CACHE_SIZE", 3)
    served = assessor(tree)
    for profile in [*guide.complete_profiles()][:200:5] * 2:
        agrees(served, {**profile})
        assert len(served._assessments._cache) <= 3


def test_an_answer_is_kept_for_any_order_of_the_profile(tree: Tree) -> None:
    """Of one that leaves a question open. Maps of other languages have no order."""
    served, (*_, last_but_one, last) = assessor(tree), guide.INPUTS
    for names in ((last_but_one, last), (last, last_but_one)):
        agrees(served, dict.fromkeys(names, True))
    assert len(served._assessments._cache) == len(served.batch_results._cache) == 1


@given(st.floats(-1e9, 1e9) | st.floats(-1e-4, 1e-4))
@settings(deadline=None)
def test_receipts_are_those_of_the_engine(number: float) -> None:
    """Numbers of any size, as msgspec writes some of the tiny ones in another way."""
    tree = next(iter(catalog.load_catalog().trees.values()))
    answers = {"share": normalize_number(number), "is_known": True, "kind": "some_kind"}
    assert rendering.receipt_of(tree, answers) == sha256_digest(
        {"answers": answers, "digest": tree.digest}
    )
