"""Paths and coverage, against brute force over all profiles of drawn trees."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune_advisor.engine.analysis.coverage import find_covering_paths, list_paths, measure_coverage
from finetune_advisor.engine.evaluation.path_table import Edge
from finetune_advisor.engine.model.conditions import Bound, ComparedWith, InChoices, InRange, Otherwise
from finetune_advisor.engine.model.inputs import Input
from finetune_advisor.engine.model.tree import Branch, Question, Tree
from tests.strategies import Known, gapped_trees, profiles_of, trees, walk

FEW = settings(max_examples=60, deadline=None)


def edges(tree: Tree) -> list[Edge]:
    """Every branch of a tree."""
    return [(q.id, place) for q in tree.questions.values() for place, _ in enumerate(q.branches)]


def holds(tree: Tree, path: object, profile: Known) -> bool:
    """Whether a path's region has a complete profile in it."""
    region = path.region  # type: ignore[attr-defined]
    positions = {name: tree.inputs[name].position(value) for name, value in profile.items()}
    within = all(position in region.domain(name) for name, position in positions.items())
    return within and all(
        positions[o.low] < positions[o.high] if o.strict else positions[o.low] <= positions[o.high]
        for o in region.orders
    )


@given(trees())
@FEW
def test_paths_partition_all_profiles(tree: Tree) -> None:
    """The paths are those that some profile takes, and each profile lies in the one that it takes."""
    found = list_paths(tree)
    assert found is not None
    taken = set()
    for profile in profiles_of(tree):
        way, end = walk(tree, profile)
        taken.add((way, end))
        assert [(way, end)] == [(one.steps, one.end) for one in found if holds(tree, one, profile)]

    assert taken == {(one.steps, one.end) for one in found}
    assert len(taken) == len(found)


@given(trees() | gapped_trees())
@FEW
def test_a_witness_takes_its_path_with_no_more_than_its_inputs(tree: Tree) -> None:
    """A witness has the inputs that its questions ask about, and however it is completed takes the path."""
    for path in list_paths(tree) or ():
        asked = {name for node in path.questions for name in tree.questions[node].inputs}
        rest = next(profiles_of(tree))

        assert asked == path.witness.keys()
        assert (path.steps, path.end) == walk(tree, {**rest, **path.witness})


@given(trees(), st.data())
@FEW
def test_coverage_is_what_profiles_take(tree: Tree, data: st.DataObject) -> None:
    """Of some complete profiles: the branches and paths that none of them takes, and no others."""
    some = data.draw(st.lists(st.sampled_from([*profiles_of(tree)]), max_size=4))
    ways = {walk(tree, profile)[0] for profile in some}
    every = list_paths(tree)
    assert every is not None
    found = measure_coverage(tree, some)

    assert found.branches == len(edges(tree))
    assert found.missed_branches == tuple(e for e in edges(tree) if all(e not in way for way in ways))
    assert found.paths == len(every)
    assert found.uncovered == tuple(path for path in every if path.steps not in ways)
    assert found.percent == pytest.approx(100 * len(ways) / len(every))


@given(trees())
@FEW
def test_the_witnesses_cover_a_tree(tree: Tree) -> None:
    """All witnesses together take every branch and path, and without one of them its path is missed."""
    every = list_paths(tree) or ()
    whole = measure_coverage(tree, [path.witness for path in every])

    assert ((), (), 100) == (whole.missed_branches, whole.uncovered, whole.percent)
    assert every[:1] == measure_coverage(tree, [path.witness for path in every[1:]]).uncovered


@given(trees(), st.data())
@FEW
def test_branches_are_covered_by_some_paths(tree: Tree, data: st.DataObject) -> None:
    """For any branches there are paths that take them all, each of them real and of use."""
    wanted = set(data.draw(st.lists(st.sampled_from(edges(tree)), unique=True)))
    found = find_covering_paths(tree, wanted)
    taken = [set(path.steps) & wanted for path in found]

    assert wanted == set().union(*taken)
    assert all(new - set().union(*taken[:place]) for place, new in enumerate(taken))
    assert {one.steps for one in found} <= {one.steps for one in list_paths(tree) or ()}


def test_a_partial_profile_covers_as_far_as_it_answers(tree: Tree) -> None:
    """Later answers cover nothing once a question is open."""
    profile = {
        "prompt_engineering_sufficient": False,
        "real_time_data_needed": True,
        "data_sensitive": True,
    }
    found = measure_coverage(tree, [profile])

    assert found.missed_branches == tuple(e for e in edges(tree) if e != ("prompt_engineering", 1))
    assert (12, 12, 0) == (found.paths, len(found.uncovered), found.percent)


def test_too_many_paths_are_not_counted(tree: Tree) -> None:
    """Past the limit only branches count, and the paths for what is missed take every missed branch."""
    found = measure_coverage(tree, [{"prompt_engineering_sufficient": True}], max_paths=11)

    assert list_paths(tree, max_paths=11) is None
    assert list_paths(tree, max_paths=12) == list_paths(tree)
    assert found.paths is None
    assert found.percent == pytest.approx(100 / 22)
    assert set(found.missed_branches) <= {edge for path in found.uncovered for edge in path.steps}


def _chain(length: int, tree: Tree) -> Tree:
    """A tree of that many questions in a row, each of which leads to the next one by both of its ways,
    after a first question that may lead past them to a last one.
    """
    names = [f"q{place}" for place in range(length)]
    onwards = {name: (following, following) for name, following in pairwise(names)}
    ends = ("use_api", "use_rag")
    onwards |= {"first": ("q0", "last"), names[-1]: ends, "last": ends}
    questions = {}
    for name, targets in onwards.items():
        tests = (InChoices((True,)), InChoices((False,)))
        branches = tuple(Branch(test, to) for test, to in zip(tests, targets, strict=True))
        questions[name] = Question(name, name, name, branches)
    inputs = {name: Input(name, "boolean", name) for name in onwards}
    return replace(tree, inputs=inputs, questions=questions, root="first", situations=())


@pytest.mark.exhaustive
def test_very_many_paths_take_no_long_time(tree: Tree) -> None:
    """With 2 to the power of 200 paths, the branches are covered by a few of them."""
    long = _chain(200, tree)
    found = measure_coverage(long, [])

    assert found.paths is None
    assert {*edges(long)} == {edge for path in found.uncovered for edge in path.steps}
    assert len(found.uncovered) <= 204


def _one(one: Input, test: InRange, tree: Tree) -> Tree:
    """A tree of a single question."""
    branches = (Branch(test, "use_api", "a"), Branch(Otherwise(), "use_rag", "b"))
    question = Question("q", "Q?", one.name, branches)
    return replace(tree, inputs={one.name: one}, questions={"q": question}, root="q")


@pytest.mark.parametrize(
    ("kind", "test", "expected"),
    [
        ("number", InRange(Bound(0.8, inclusive=False)), [1, 0]),
        ("number", InRange(Bound(0.25, inclusive=True), Bound(0.28, inclusive=True)), [0.25, 0]),
        ("number", InRange(None, Bound(-0.5, inclusive=False)), [-1, 0]),
        ("number", InRange(None, Bound(0, inclusive=True)), [0, 1]),
        ("number", InRange(Bound(5e-324, inclusive=True), Bound(1e-323, inclusive=True)), [5e-324, 0]),
        ("integer", InRange(Bound(50, inclusive=True)), [50, 0]),
        ("integer", InRange(None, Bound(-50, inclusive=False)), [-51, 0]),
    ],
)
def test_witnesses_are_plain_numbers(
    kind: str, test: InRange, expected: list[float], tree: Tree
) -> None:
    """Of all numbers on a path, the witness has the one that is written shortest, nearest to zero."""
    one = Input("x", kind, "X")  # type: ignore[arg-type]

    assert expected == [path.witness["x"] for path in list_paths(_one(one, test, tree)) or ()]


def _compared(tree: Tree) -> Tree:
    """A tree of a single question, whether x is less than y."""
    inputs = {name: Input(name, "number", name, minimum=0, maximum=1) for name in "xy"}
    branches = (Branch(ComparedWith("lt", "y"), "use_api", "a"), Branch(Otherwise(), "use_rag", "b"))
    question = Question("q", "Q?", "x", branches)
    return replace(tree, inputs=inputs, questions={"q": question}, root="q")


def test_compared_numbers_are_plain_too(tree: Tree) -> None:
    """The second number follows the first one's choice."""
    found = list_paths(_compared(tree)) or ()

    assert [{"x": 0, "y": 1}, {"x": 0, "y": 0}] == [path.witness for path in found]


def test_half_of_a_comparison_covers_nothing(tree: Tree) -> None:
    """A question that compares two inputs is answered by both."""
    compared = _compared(tree)

    assert (("q", 0), ("q", 1)) == measure_coverage(compared, [{"x": 0}, {"y": 0}]).missed_branches
    assert (("q", 0),) == measure_coverage(compared, [{"x": 0}, {"x": 0, "y": 0}]).missed_branches
