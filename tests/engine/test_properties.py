"""Evaluation against a plain interpreter and brute force, for generated trees of every kind of test."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finetune_advisor.engine.evaluation.exact import Assessment, evaluate
from finetune_advisor.engine.model.conditions import ComparedWith, Otherwise
from finetune_advisor.engine.model.inputs import Input
from finetune_advisor.engine.model.references import Reference
from finetune_advisor.engine.model.tree import Branch, Question, Recommendation, Tree
from tests.strategies import Known, completions, is_wide, trees_and_profiles, values, walk

pytestmark = pytest.mark.exhaustive

slowly = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
thoroughly = settings(slowly, max_examples=200)


def _answers(assessment: Assessment) -> list[tuple[str, dict[str, Any]]]:
    return [(step.question.id, dict(step.answers)) for step in assessment.path]


def _relevant(tree: Tree, profile: Known) -> set[str]:
    """The inputs that alone make two completions end differently, by looking at every pair."""
    ends: dict[tuple[str, tuple[Any, ...]], set[str]] = {}
    for complete in completions(tree, profile):
        leaf = walk(tree, complete)[1]
        for name in tree.inputs:
            rest = tuple(value for other, value in complete.items() if other != name)
            ends.setdefault((name, rest), set()).add(leaf)
    return {name for (name, _), leaves in ends.items() if len(leaves) > 1}


def _in_tree_order(tree: Tree, nodes: Iterable[str]) -> list[str]:
    return sorted(set(nodes), key=tree.topological_index.__getitem__)


def _way(tree: Tree, profile: Known) -> list[Question]:
    """The questions that some completion passes, in tree order."""
    passed = {node for complete in completions(tree, profile) for node, _ in walk(tree, complete)[0]}
    return [tree.questions[node] for node in _in_tree_order(tree, passed)]


def _given_on_the_way(tree: Tree, profile: Known) -> Known:
    """The answers to what some completion is asked, as whole numbers where they are whole."""
    asked = {name for question in _way(tree, profile) for name in question.inputs}
    inputs = tree.inputs
    return {
        name: inputs[name].value(inputs[name].position(v))
        for name, v in profile.items()
        if name in asked
    }


@thoroughly
@given(trees_and_profiles(complete=True))
def test_a_complete_profile_ends_where_a_plain_walk_ends(given_: tuple[Tree, Known]) -> None:
    """A complete profile is decided, with the questions, answers and reason met on a plain walk."""
    tree, profile = given_
    assessment = evaluate(tree, profile)
    way, leaf = walk(tree, profile)
    assert assessment.candidates == (leaf,)
    assert [(step.question.id, step.branch) for step in assessment.path] == [
        (node, tree.questions[node].branches[index]) for node, index in way
    ]
    asked = {node: dict.fromkeys(tree.questions[node].inputs) for node, _ in way}
    assert _answers(assessment) == [
        (node, {name: profile[name] for name in names}) for node, names in asked.items()
    ]
    last, index = way[-1]
    assert assessment.reasons == (tree.questions[last].branches[index].reason,)
    assert (assessment.next_question, assessment.not_needed) == (None, ())


@thoroughly
@given(trees_and_profiles())
def test_candidates_are_what_the_completions_end_in(given_: tuple[Tree, Known]) -> None:
    """Candidates, in tree order, are the leaves of all completions, and the reasons those of their ends."""
    tree, profile = given_
    assessment = evaluate(tree, profile)
    walks = [walk(tree, complete) for complete in completions(tree, profile)]
    assert list(assessment.candidates) == _in_tree_order(tree, (leaf for _, leaf in walks))
    ends = {tree.questions[way[-1][0]].branches[way[-1][1]].reason for way, _ in walks}
    assert set(assessment.reasons) == (ends if len(assessment.candidates) == 1 else set())


@thoroughly
@given(trees_and_profiles())
def test_the_next_question_is_the_first_that_matters(given_: tuple[Tree, Known]) -> None:
    """The next question is the first on the way with a missing input that alone changes an outcome."""
    tree, profile = given_
    following = evaluate(tree, profile).next_question
    relevant = _relevant(tree, profile)
    useful = [
        (question.id, name)
        for question in _way(tree, profile)
        for name in question.inputs
        if name in relevant
    ]
    actual = (following.question.id, following.input.name) if following else None
    assert actual == next(iter(useful), None)


@slowly
@given(trees_and_profiles())
def test_path_and_unanswered_share_out_the_way(given_: tuple[Tree, Known]) -> None:
    """The path has the questions on the way that the given answers settle, and what they lack is open."""
    tree, profile = given_
    assessment = evaluate(tree, profile)
    way = _way(tree, profile)
    branches: dict[str, set[int]] = {}
    for complete in completions(tree, profile):
        for node, index in walk(tree, complete)[0]:
            branches.setdefault(node, set()).add(index)
    answered = [
        q.id for q in way if any(name in profile for name in q.inputs) and len(branches[q.id]) == 1
    ]
    missing = [(q.id, name) for q in way for name in q.inputs if name not in profile]
    assert [step.question.id for step in assessment.path] == answered
    assert [(one.question.id, one.input.name) for one in assessment.unanswered] == missing
    not_needed = dict.fromkeys(name for _, name in missing)
    decided = len(assessment.candidates) == 1
    assert assessment.not_needed == (tuple(not_needed) if decided else ())


@slowly
@given(trees_and_profiles(), st.data())
def test_an_answer_never_adds_a_candidate(given_: tuple[Tree, Known], data: st.DataObject) -> None:
    """With one more answer the candidates stay or become fewer, and what was decided stays so."""
    tree, profile = given_
    before = evaluate(tree, profile)
    for name in [name for name in tree.inputs if name not in profile]:
        more = profile | {name: data.draw(st.sampled_from(values(tree, tree.inputs[name])))}
        after = evaluate(tree, more)
        assert set(after.candidates) <= set(before.candidates)
        assert before.recommendation in (None, after.recommendation)


@slowly
@given(trees_and_profiles())
def test_following_the_next_questions_decides(given_: tuple[Tree, Known]) -> None:
    """Whoever answers the next question each time is decided after at most one answer an input."""
    tree, profile = given_
    for _ in tree.inputs:
        following = evaluate(tree, profile).next_question
        if following:
            profile |= {following.input.name: values(tree, following.input)[-1]}
    assert evaluate(tree, profile).status == "decided"


@slowly
@given(trees_and_profiles(), st.data())
def test_the_receipt_names_tree_and_path(given_: tuple[Tree, Known], data: st.DataObject) -> None:
    """Two profiles have the same receipt exactly if they answer alike what is asked on the way."""
    tree, profile = given_
    other = data.draw(st.sampled_from(list(completions(tree, profile))))
    ours, theirs = evaluate(tree, profile), evaluate(tree, other)
    answers = [_given_on_the_way(tree, one) for one in (profile, other)]
    assert (ours.receipt == theirs.receipt) == (answers[0] == answers[1])
    form = {"answers": answers[0], "digest": tree.digest}
    text = json.dumps(form, sort_keys=True, separators=(",", ":"))
    assert ours.receipt == f"sha256:{sha256(text.encode()).hexdigest()}"


@slowly
@given(trees_and_profiles())
def test_what_is_not_asked_on_the_way_changes_nothing(given_: tuple[Tree, Known]) -> None:
    """Inputs that no question on the way asks about, or that the tree doesn't have, change nothing."""
    tree, profile = given_
    assessment = evaluate(tree, profile)
    asked = {name for question in _way(tree, profile) for name in question.inputs}
    lean = {name: value for name, value in profile.items() if name in asked}
    assert evaluate(tree, lean) == assessment
    padded = evaluate(tree, profile | {"zz": 1, "aa": "two"})
    assert padded == assessment._replace(ignored=("aa", "zz"))


@slowly
@given(trees_and_profiles(complete=True))
def test_equal_numbers_are_the_same_answer(given_: tuple[Tree, Known]) -> None:
    """1 and 1.0, or 0 and -0.0, give the same path and the same receipt."""
    tree, profile = given_
    twin = {name: _equal(value) for name, value in profile.items()}
    ours, theirs = evaluate(tree, profile), evaluate(tree, twin)
    assert theirs.receipt == ours.receipt
    assert repr(_answers(theirs)) == repr(_answers(ours))


def _equal(value: Any) -> Any:
    """The same number in the other type, or the other zero."""
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return float(value) or -0.0
    return int(value) if value == int(value) else value


@slowly
@given(trees_and_profiles(), st.randoms())
def test_the_digest_ignores_the_order_of_mappings(given_: tuple[Tree, Known], random: Any) -> None:
    """The same inputs, questions and recommendations in another order have the same digest and results."""
    tree, profile = given_
    other = replace(
        tree,
        inputs=_shuffled(tree.inputs, random),
        questions=_shuffled(tree.questions, random),
        recommendations=_shuffled(tree.recommendations, random),
    )
    ours, theirs = evaluate(tree, profile), evaluate(other, profile)
    assert other.digest == tree.digest
    assert theirs._replace(tree=tree) == ours


def _shuffled(items: Mapping[str, Any], random: Any) -> dict[str, Any]:
    return dict(random.sample(list(items.items()), len(items)))


@slowly
@given(trees_and_profiles(), st.sampled_from(("candidate", "deprecated", "retired")))
def test_the_digest_ignores_the_status(given_: tuple[Tree, Known], status: Any) -> None:
    """A tree that is deprecated or retired keeps its digest."""
    tree, _ = given_
    assert replace(tree, status=status).digest == tree.digest


@slowly
@given(trees_and_profiles())
def test_the_digest_notices_every_other_change(given_: tuple[Tree, Known]) -> None:
    """Another wording, another order of branches, another range: each makes another digest."""
    tree, _ = given_
    question = tree.questions[tree.root]
    turned = replace(question, branches=question.branches[::-1])
    one = tree.inputs[question.input]
    others = [
        replace(tree, title="Another"),
        replace(tree, version="1.2.4"),
        replace(tree, released="2026-11-23"),
        replace(tree, cautions=("Mind the gap.",)),
        replace(tree, questions={**tree.questions, question.id: turned}),
        replace(tree, inputs={**tree.inputs, one.name: replace(one, help="More.")}),
    ]
    assert len({tree.digest, *(other.digest for other in others)}) == len(others) + 1


@slowly
@given(trees_and_profiles())
def test_every_generated_tree_is_what_it_claims(given_: tuple[Tree, Known]) -> None:
    """The plain walks themselves take every branch, so the brute force has seen all of a tree."""
    tree, _ = given_
    taken = {step for profile in completions(tree, {}) for step in walk(tree, profile)[0]}
    branches = {(q.id, i) for q in tree.questions.values() for i, _ in enumerate(q.branches)}
    assert taken == branches
    assert not any(
        is_wide(tree.inputs[n]) for q in tree.questions.values() if q.compared_to for n in q.inputs
    )


def _chain(*comparisons: tuple[str, Any, str], axes: Mapping[str, Input]) -> Tree:
    """A tree that asks for one comparison after the other and ends in `all` once each holds."""
    questions = {}
    leaves = {"all": Recommendation("all", "All", "yes", "Summary")}
    for place, (one, how, other) in enumerate(comparisons):
        leaf = f"not_{place}"
        leaves[leaf] = Recommendation(leaf, leaf, "no", "Summary")
        onwards = f"q{place + 1}" if place + 1 < len(comparisons) else "all"
        branches = (
            Branch(ComparedWith(how, other), onwards, "because" if onwards == "all" else ""),
            Branch(Otherwise(), leaf, "because"),
        )
        questions[f"q{place}"] = Question(f"q{place}", "Question?", one, branches)
    return Tree(
        "1.0.0", "current", "2026-11-22", "T", Reference("S", "u"), axes, "q0", questions, leaves
    )


def _axes(**types: tuple[Any, float, float]) -> dict[str, Input]:
    return {
        name: Input(name, kind, name, minimum=low, maximum=high)
        for name, (kind, low, high) in types.items()
    }


@pytest.mark.parametrize(
    ("comparisons", "axes", "possible"),
    [
        pytest.param(
            [("x", "lt", "y"), ("y", "lt", "z")],
            _axes(x=("integer", 0, 2), y=("integer", 0, 2), z=("integer", 0, 2)),
            True,
            id="a chain of three in three integers",
        ),
        pytest.param(
            [("x", "lt", "y"), ("y", "lt", "z")],
            _axes(x=("integer", 0, 1), y=("integer", 0, 1), z=("integer", 0, 1)),
            False,
            id="a chain of three in two integers",
        ),
        pytest.param(
            [("x", "lt", "y"), ("y", "lt", "z"), ("z", "lt", "x")],
            _axes(x=("integer", 0, 9), y=("integer", 0, 9), z=("integer", 0, 9)),
            False,
            id="a strict cycle",
        ),
        pytest.param(
            [("x", "lte", "y"), ("y", "lte", "z"), ("z", "lt", "x")],
            _axes(x=("number", 0, 9), y=("number", 0, 9), z=("number", 0, 9)),
            False,
            id="a cycle with one strict step",
        ),
        pytest.param(
            [("x", "lte", "y"), ("y", "lte", "z"), ("z", "lte", "x")],
            _axes(x=("number", 0, 5), y=("integer", 4, 9), z=("number", 3.5, 9)),
            True,
            id="a cycle of equals with room for one",
        ),
        pytest.param(
            [("x", "lte", "y"), ("y", "lte", "x")],
            _axes(x=("number", 0.1, 0.9), y=("integer", 0, 1)),
            False,
            id="no integer between two doubles",
        ),
        pytest.param(
            [("x", "gt", "y"), ("y", "gt", "z")],
            _axes(x=("integer", 0, 1), y=("number", 0, 1), z=("integer", 0, 1)),
            True,
            id="a double between two integers",
        ),
        pytest.param(
            [("x", "lt", "y"), ("y", "lt", "z"), ("z", "lt", "w")],
            _axes(
                x=("number", 0, 5e-324),
                y=("number", 0, 5e-324),
                z=("number", 0, 1e-323),
                w=("number", 0, 1.5e-323),
            ),
            True,
            id="four neighbouring doubles in a row",
        ),
        pytest.param(
            [("x", "lt", "y"), ("y", "lt", "z"), ("z", "lt", "w")],
            _axes(
                x=("number", 0, 5e-324),
                y=("number", 0, 5e-324),
                z=("number", 0, 5e-324),
                w=("number", 0, 1.5e-323),
            ),
            False,
            id="no third double between two neighbours",
        ),
    ],
)
def test_chains_of_comparisons_are_exact(
    comparisons: list[tuple[str, Any, str]], axes: dict[str, Input], *, possible: bool
) -> None:
    """With nothing known, all comparisons of a chain hold for some completion exactly if numbers exist."""
    assessment = evaluate(_chain(*comparisons, axes=axes), {})
    assert ("all" in assessment.candidates) == possible


@pytest.mark.parametrize(
    ("profile", "candidates", "following"),
    [
        ({}, ["all", "not_1", "not_0"], ("q0", "x")),
        ({"x": 0}, ["all", "not_1", "not_0"], ("q0", "y")),
        ({"x": 3}, ["not_0"], None),
        ({"y": 0}, ["not_0"], None),
        ({"y": 3}, ["not_1", "not_0"], ("q0", "x")),
        ({"x": 2}, ["not_1", "not_0"], ("q0", "y")),
        ({"z": 0}, ["not_1", "not_0"], ("q0", "x")),
        ({"x": 1, "z": 2}, ["not_1", "not_0"], ("q0", "y")),
        ({"x": 1, "y": 2}, ["all", "not_1"], ("q1", "z")),
        ({"x": 0, "y": 1, "z": 2}, ["all"], None),
    ],
)
def test_what_a_chain_of_integers_still_asks(
    profile: Known, candidates: list[str], following: tuple[str, str] | None
) -> None:
    """Asked for x < y and then y < z, each from 0 to 3, a profile is decided as soon as numbers decide."""
    types = dict.fromkeys("xyz", ("integer", 0, 3))
    assessment = evaluate(_chain(("x", "lt", "y"), ("y", "lt", "z"), axes=_axes(**types)), profile)
    open_ = assessment.next_question
    assert list(assessment.candidates) == candidates
    assert (open_ and (open_.question.id, open_.input.name)) == following


@pytest.mark.parametrize("value", ["1", True, None, [1], {"a": 1}])
def test_a_number_takes_no_other_type(value: Any) -> None:
    """A value of another type than a numeric input's is refused, a boolean included."""
    tree = _chain(("x", "lt", "y"), axes=_axes(x=("number", 0, 9), y=("integer", 0, 9)))
    for name in ("x", "y"):
        with pytest.raises((TypeError, ValueError)):
            evaluate(tree, {name: value})


@pytest.mark.parametrize("value", [1.5, float("nan"), float("inf")])
def test_an_integer_takes_no_fraction(value: float) -> None:
    """A value that isn't whole is refused for an integer input, not cut down to one."""
    tree = _chain(("x", "lt", "y"), axes=_axes(x=("number", 0, 9), y=("integer", 0, 9)))
    with pytest.raises((TypeError, ValueError)):
        evaluate(tree, {"y": value})
