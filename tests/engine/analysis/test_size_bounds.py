"""Bounds: work that ends for every tree, and is counted in steps, so that it ends alike on any machine."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from types import FrameType

import pytest

from finetune_advisor.engine.analysis.comparison import compare_trees, comparison_is_truncated
from finetune_advisor.engine.analysis.explanation import Explainer
from finetune_advisor.engine.analysis.size_bounds import describe_exceeded_bounds
from finetune_advisor.engine.analysis.validation import find_faults
from finetune_advisor.engine.evaluation import exact
from finetune_advisor.engine.evaluation.exact import affects_outcome, evaluate
from finetune_advisor.engine.evaluation.path_table import PathTable
from finetune_advisor.engine.model.inputs import Profile
from finetune_advisor.engine.model.region import region_of_completions
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.trees import catalog
from tests.families import all_pairs, asked_again, ladder, row_of_comparisons, row_of_questions

MAX_CALLS = 8_000_000
"""Calls of Python functions that something bounded may take; those take some seconds."""

FAMILIES: dict[str, Callable[[], Tree]] = {
    "6 comparisons": partial(row_of_comparisons, 6),
    "12 comparisons": partial(row_of_comparisons, 12),
    "40 comparisons": partial(row_of_comparisons, 40),
    "5 numbers, all pairs": partial(all_pairs, 5),
    "8 asked again": partial(asked_again, 8),
    "100 questions": partial(row_of_questions, 100),
    "ladder of 60": partial(ladder, 60),
}


@contextmanager
def bounded() -> Iterator[None]:
    """Fails once a block has taken too many calls."""
    left = MAX_CALLS

    def seen(_: FrameType, event: str, __: object) -> None:
        nonlocal left
        left -= event == "call"
        assert left > 0, "too much work"

    before = sys.getprofile()
    sys.setprofile(seen)
    try:
        yield
    finally:
        sys.setprofile(before)


MEASURED = ("6 comparisons", "5 numbers, all pairs")
"""The families by which coverage is measured; the others take longer and lead to the same places."""


@pytest.fixture(
    params=[
        pytest.param(name, marks=() if name in MEASURED else pytest.mark.exhaustive) for name in FAMILIES
    ]
)
def family(request: pytest.FixtureRequest) -> Tree:
    """A sound tree of each family."""
    tree = FAMILIES[request.param]()
    assert not find_faults(tree)
    return tree


def profiles(tree: Tree) -> Iterator[Profile]:
    """A profile without answers, one with every other, and two with all."""
    complete: dict[str, bool | int] = {
        name: bool(place % 2) if one.type == "boolean" else 3 * place
        for place, (name, one) in enumerate(tree.inputs.items())
    }
    yield {}
    yield {name: value for place, (name, value) in enumerate(complete.items()) if place % 2}
    yield complete
    yield {name: False if one.type == "boolean" else 7 for name, one in tree.inputs.items()}


def swapped_at_the_end(tree: Tree) -> Tree:
    """A tree whose last question's first two branches lead where the other one did."""
    last = tree.ordered_questions[-1]
    first, second, *others = last.branches
    branches = (replace(first, to=second.to), replace(second, to=first.to), *others)
    questions = {**tree.questions, last.id: replace(last, branches=branches)}
    return replace(tree, version="1.2.4", questions=questions)


@pytest.mark.exhaustive
def test_explanations_are_bounded_and_right(family: Tree) -> None:
    """Each ends; every counterfactual leads where it says, and a reason forces the outcome."""
    explainer = Explainer(family, PathTable.of(family))
    for profile in profiles(family):
        with bounded():
            explanation = explainer.explain(profile, limit=20)
        for one in explanation.counterfactuals:
            changed = {**profile, **{change.input: change.after for change in one.changes}}
            assert (one.recommendation,) == evaluate(family, changed).candidates
        outcome = evaluate(family, profile).candidates
        if explanation.sufficient_reason is not None:
            kept = {name: profile[name] for name in explanation.sufficient_reason}
            assert outcome == evaluate(family, kept).candidates
        elif len(outcome) == 1:
            assert explanation.truncated
        for name, outcomes in explanation.sensitivity.items():
            for answer in outcomes[:5]:
                alone = evaluate(family, {**profile, name: answer.answer})
                assert answer.candidates == alone.candidates
        assert explanation.truncated or explanation.sensitivity.keys() == family.inputs.keys()


@pytest.mark.exhaustive
def test_comparisons_are_bounded(family: Tree) -> None:
    """Each ends, and counts no more profiles than there are."""
    with bounded():
        comparison = compare_trees(family, swapped_at_the_end(family))
        truncated = comparison_is_truncated(family)

    moved = sum(move.profiles for move in comparison.moves) + comparison.undecided
    assert moved <= comparison.profiles
    assert truncated or not comparison.truncated


def test_assessments_are_bounded(family: Tree) -> None:
    """Each ends, with or without a table of paths."""
    for profile in profiles(family):
        with bounded():
            evaluate(family, profile)


@pytest.mark.parametrize(
    "tree",
    [all_pairs(8), pytest.param(asked_again(18), marks=pytest.mark.exhaustive)],
    ids=["8 numbers, all pairs", "18 asked again"],
)
def test_what_cannot_be_proven_in_time_is_refused(tree: Tree) -> None:
    """A tree that takes too many steps to prove has a fault that says so."""
    with bounded():
        [fault] = find_faults(tree)

    assert ("questions",) == fault.pointer
    assert "can't be proven sound" in fault.problem


def test_an_input_matters_where_that_takes_too_long_to_refute(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An input that makes no difference is taken to make one, once its two walks are cut short."""
    profile = {"prompt_engineering_sufficient": True}
    region = region_of_completions(tree, profile)
    assert not affects_outcome(tree, region, "narrow_specific_task")
    monkeypatch.setattr(exact, "MAX_TWIN_WALK_STEPS", 0)

    assert affects_outcome(tree, region, "narrow_specific_task")


@pytest.mark.parametrize("version", [path.stem for path in catalog.BUNDLED_TREES_DIR.glob("*.yaml")])
def test_bundled_trees_meet_no_bound(version: str) -> None:
    """Nothing about them is cut short."""
    assert [] == [*describe_exceeded_bounds(catalog.load_catalog().trees[version])]


@pytest.mark.parametrize(
    ("tree", "cut"),
    [
        (row_of_comparisons(6), []),
        (row_of_comparisons(7), ["explanations of some profiles leave out x000", "comparisons"]),
        (row_of_comparisons(40), ["explanations of some profiles leave out x000", "comparisons"]),
        (ladder(60), ["explanations have no", "comparisons"]),
    ],
    ids=["6 comparisons", "7 comparisons", "40 comparisons", "ladder of 60"],
)
def test_trees_that_meet_a_bound_are_told_apart(tree: Tree, cut: list[str]) -> None:
    """What is cut short is named before anybody meets it."""
    found = [*describe_exceeded_bounds(tree)]
    assert len(cut) == len(found)
    for beginning, warning in zip(cut, found, strict=True):
        assert warning.startswith(beginning)


def test_without_a_table_every_input_is_limited() -> None:
    """An explainer without a table leaves out all inputs."""
    tree = ladder(3)
    assert [*tree.inputs] == Explainer(tree, None).limited_inputs({})


@pytest.mark.parametrize(
    "count", [4, 6, 7, *(pytest.param(count, marks=pytest.mark.exhaustive) for count in (10, 13))]
)
def test_no_profile_of_a_family_meets_a_bound_without_a_warning(count: int) -> None:
    """What explanations leave out depends on the profile; the profiles that are tried are the worst."""
    tree = row_of_comparisons(count)
    explainer = Explainer(tree, PathTable.of(tree))
    spread = [
        {name: place * step % 101 + 1.5 for place, name in enumerate(tree.inputs)}
        for step in (3, 7, 100)
    ]
    limited = {name for profile in spread for name in explainer.limited_inputs(profile)}
    [*warnings] = (one for one in describe_exceeded_bounds(tree) if one.startswith("explanations"))

    assert bool(limited) == bool(warnings)
    assert all(name in warning for name in limited for warning in warnings)
