"""Whatever keeps a tree from being served is found, with its place; what is sound passes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from finetune_advisor.engine.analysis.validation import TreeFault, find_faults
from finetune_advisor.engine.model.conditions import (
    Bound,
    ComparedWith,
    InChoices,
    InRange,
    Otherwise,
    Test,
)
from finetune_advisor.engine.model.inputs import Input
from finetune_advisor.engine.model.references import Reference
from finetune_advisor.engine.model.tree import (
    Alternative,
    Branch,
    Question,
    Recommendation,
    Situation,
    Tree,
)
from tests.strategies import trees

slowly = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)

YES, NO, ELSE = InChoices((True,)), InChoices((False,)), Otherwise()


def _below(value: float, *, inclusive: bool = False) -> InRange:
    return InRange(upper=Bound(value, inclusive))


def _from(value: float, *, inclusive: bool = True) -> InRange:
    return InRange(lower=Bound(value, inclusive))


def _asks(name: str, asked: str, *branches: tuple[Test, str]) -> Question:
    """A question whose branches give a reason where they end in a or b."""
    return Question(
        name,
        f"{name}?",
        asked,
        tuple(Branch(t, to, "because" if to in "ab" else "") for t, to in branches),
    )


SMALL = Tree(
    version="1.0.0",
    status="current",
    released="2026-11-22",
    title="Small",
    source=Reference("Source", "https://example.org/"),
    inputs={
        "wanted": Input("wanted", "boolean", "Wanted"),
        "colour": Input("colour", "enum", "Colour", choices=("red", "green", "blue")),
        "count": Input("count", "integer", "Count", unit="rows", minimum=0, maximum=100),
        "limit": Input("limit", "integer", "Limit", unit="rows", minimum=0, maximum=100),
        "score": Input("score", "number", "Score", minimum=0, maximum=1),
    },
    root="start",
    questions={
        "start": _asks("start", "wanted", (YES, "pick"), (NO, "a")),
        "pick": _asks(
            "pick", "colour", (InChoices(("red", "green")), "size"), (InChoices(("blue",)), "room")
        ),
        "size": _asks("size", "count", (_below(10), "mark"), (_from(10), "b")),
        "room": _asks(
            "room", "count", (ComparedWith("lt", "limit"), "mark"), (ComparedWith("gte", "limit"), "a")
        ),
        "mark": _asks("mark", "score", (_below(0.5), "a"), (ELSE, "b")),
    },
    recommendations={
        "a": Recommendation("a", "A", "no", "Summary", alternatives=(Alternative("b", "when"),)),
        "b": Recommendation("b", "B", "yes", "Summary"),
    },
    situations=(Situation("niche", "Niche", "Text", "Caveat", ("start",)),),
)


def _asking(*questions: Question, **changes: Any) -> Tree:
    changed = {question.id: question for question in questions}
    return replace(SMALL, questions={**SMALL.questions, **changed}, **changes)


def _with_input(name: str, **changes: Any) -> Tree:
    return replace(SMALL, inputs={**SMALL.inputs, name: replace(SMALL.inputs[name], **changes)})


def _unnamed(question: str, index: int, **changes: Any) -> Tree:
    old = SMALL.questions[question]
    branches = tuple(replace(b, **changes) if i == index else b for i, b in enumerate(old.branches))
    return _asking(replace(old, branches=branches))


def _size(*branches: tuple[Test, str]) -> Tree:
    return _asking(_asks("size", "count", *branches))


def _room(*branches: tuple[Test, str], asked: str = "count") -> Tree:
    return _asking(_asks("room", asked, *branches))


def _pick(*branches: tuple[Test, str]) -> Tree:
    return _asking(_asks("pick", "colour", *branches))


FAULTS = {
    "enum without choices": (
        _with_input("colour", choices=()),
        ("inputs", "colour", "choices"),
        "an enum needs at least two choices, and none twice",
    ),
    "enum with one choice": (
        _with_input("colour", choices=("red",)),
        ("inputs", "colour", "choices"),
        "an enum needs at least two choices, and none twice",
    ),
    "enum with a choice twice": (
        _with_input("colour", choices=("red", "green", "red")),
        ("inputs", "colour", "choices"),
        "an enum needs at least two choices, and none twice",
    ),
    "boolean with choices": (
        _with_input("wanted", choices=("red", "green")),
        ("inputs", "wanted", "choices"),
        "boolean inputs have no choices",
    ),
    "boolean with a unit": (
        _with_input("wanted", unit="rows"),
        ("inputs", "wanted", "unit"),
        "boolean inputs have no unit",
    ),
    "enum with a minimum": (
        _with_input("colour", minimum=0),
        ("inputs", "colour", "minimum"),
        "enum inputs have no minimum",
    ),
    "enum with a maximum": (
        _with_input("colour", maximum=0),
        ("inputs", "colour", "maximum"),
        "enum inputs have no maximum",
    ),
    "minimum at maximum": (
        _with_input("score", minimum=1),
        ("inputs", "score"),
        "the range holds fewer than two values",
    ),
    "minimum above maximum": (
        _with_input("count", minimum=101),
        ("inputs", "count"),
        "the range holds fewer than two values",
    ),
    "one integer between two fractions": (
        _with_input("count", minimum=9.5, maximum=10.5),
        ("inputs", "count", "minimum"),
        "fraction",
    ),
    "an integer's minimum is a fraction": (
        _with_input("count", minimum=0.5),
        ("inputs", "count", "minimum"),
        "fraction",
    ),
    "question named like a recommendation": (
        _asking(_asks("a", "wanted", (YES, "b"), (NO, "b"))),
        ("recommendations", "a"),
        "a is the name of a question and of a recommendation",
    ),
    "root that isn't there": (
        replace(SMALL, root="nowhere"),
        ("root",),
        "there is no question nowhere",
    ),
    "root that is a recommendation": (
        replace(SMALL, root="a"),
        ("root",),
        "there is no question a",
    ),
    "question about an input that isn't there": (
        _asking(_asks("start", "unheard", (YES, "pick"), (NO, "a"))),
        ("questions", "start", "input"),
        "there is no input unheard",
    ),
    "branch to nowhere": (
        _unnamed("start", 0, to="nowhere"),
        ("questions", "start", "branches", 0, "to"),
        "there is no question or recommendation nowhere",
    ),
    "recommendation without a reason": (
        _unnamed("start", 1, reason=""),
        ("questions", "start", "branches", 1),
        "the branch ends in a without a reason",
    ),
    "reason that leads on": (
        _unnamed("start", 0, reason="because"),
        ("questions", "start", "branches", 0, "reason"),
        "the branch gives a reason but leads on to the question pick",
    ),
    "comparison with an input that isn't there": (
        _room((ComparedWith("lt", "unheard"), "a"), (ELSE, "b")),
        ("questions", "room", "branches", 0, "lt"),
        "there is no input unheard",
    ),
    "input that nothing asks about": (
        replace(SMALL, inputs={**SMALL.inputs, "idle": Input("idle", "boolean", "Idle")}),
        ("inputs", "idle"),
        "no question asks about this input",
    ),
    "alternative that isn't there": (
        replace(
            SMALL,
            recommendations={
                **SMALL.recommendations,
                "b": replace(SMALL.recommendations["b"], alternatives=(Alternative("nowhere", "when"),)),
            },
        ),
        ("recommendations", "b", "alternatives", 0, "id"),
        "nowhere isn't another recommendation of this tree",
    ),
    "alternative to itself": (
        replace(
            SMALL,
            recommendations={
                **SMALL.recommendations,
                "b": replace(SMALL.recommendations["b"], alternatives=(Alternative("b", "when"),)),
            },
        ),
        ("recommendations", "b", "alternatives", 0, "id"),
        "b isn't another recommendation of this tree",
    ),
    "situation asked about by nothing": (
        replace(SMALL, situations=(Situation("s", "S", "Text", "Caveat", ("start", "nowhere")),)),
        ("situations", 0, "questions", 1),
        "there is no question nowhere",
    ),
    "is for an integer": (
        _size((YES, "mark"), (ELSE, "b")),
        ("questions", "size", "branches", 0),
        "is and in can't test the integer input count",
    ),
    "a choice that isn't one": (
        _pick((InChoices(("red", "pink")), "size"), (ELSE, "room")),
        ("questions", "pick", "branches", 0),
        "pink isn't a value of colour",
    ),
    "a choice twice": (
        _pick((InChoices(("red", "red")), "size"), (ELSE, "room")),
        ("questions", "pick", "branches", 0),
        "a value of colour is listed twice",
    ),
    "true for an enum": (
        _pick((YES, "size"), (ELSE, "room")),
        ("questions", "pick", "branches", 0),
        "true isn't a value of colour",
    ),
    "a choice for a boolean": (
        _asking(_asks("start", "wanted", (InChoices(("yes",)), "pick"), (ELSE, "a"))),
        ("questions", "start", "branches", 0),
        "yes isn't a value of wanted",
    ),
    "range for an enum": (
        _pick((_below(1), "size"), (ELSE, "room")),
        ("questions", "pick", "branches", 0),
        "lt, lte, gt, gte can't test the enum input colour",
    ),
    "fraction for an integer": (
        _size((_below(9.5), "mark"), (ELSE, "b")),
        ("questions", "size", "branches", 0),
        "the integer count can't be compared with a fraction",
    ),
    "numbers and an input": (
        _room((_below(10), "mark"), (ComparedWith("lt", "limit"), "a"), (ELSE, "b")),
        ("questions", "room", "branches", 0),
        "the question compares with numbers and with an input",
    ),
    "several inputs": (
        _room((ComparedWith("lt", "limit"), "mark"), (ComparedWith("gt", "score"), "a"), (ELSE, "b")),
        ("questions", "room", "branches", 0),
        "the question compares with several inputs",
    ),
    "an input and itself": (
        _asking(
            _asks("size", "limit", (_below(10), "mark"), (ELSE, "b")),
            _asks("room", "count", (ComparedWith("lt", "count"), "mark"), (ELSE, "a")),
        ),
        ("questions", "room", "branches", 0),
        "count is compared with itself",
    ),
    "a number and an enum": (
        _asking(
            _asks("room", "count", (ComparedWith("lt", "colour"), "mark"), (ELSE, "a")),
            _asks("mark", "limit", (_below(5), "a"), (ELSE, "rest")),
            _asks("rest", "score", (_below(0.5), "a"), (ELSE, "b")),
        ),
        ("questions", "room", "branches", 0),
        "only numbers can be compared",
    ),
    "unlike units": (
        _with_input("limit", unit="tokens"),
        ("questions", "room", "branches", 0),
        "count and limit have different units",
    ),
    "otherwise first": (
        _size((ELSE, "mark"), (_from(10), "b")),
        ("questions", "size", "branches", 0),
        "otherwise comes before another branch",
    ),
    "otherwise twice": (
        _size((_below(10), "b"), (ELSE, "mark"), (ELSE, "b")),
        ("questions", "size", "branches", 1),
        "otherwise comes before another branch",
    ),
    "range without a value": (
        _size((InRange(Bound(5, inclusive=True), Bound(5, inclusive=False)), "mark"), (ELSE, "b")),
        ("questions", "size", "branches", 0),
        "no value of count takes this branch",
    ),
    "range beyond the input's": (
        _size((_from(101), "mark"), (ELSE, "b")),
        ("questions", "size", "branches", 0),
        "no value of count takes this branch",
    ),
    "nothing left for otherwise": (
        _size((_below(10), "mark"), (_from(10), "b"), (ELSE, "b")),
        ("questions", "size", "branches", 2),
        "no value of count takes this branch",
    ),
    "ranges overlap in one value": (
        _size((_below(10, inclusive=True), "mark"), (_from(10), "b")),
        ("questions", "size", "branches", 1),
        "overlaps branch 1, for example at 10",
    ),
    "choices overlap": (
        _pick((InChoices(("red", "green")), "size"), (InChoices(("green", "blue")), "room")),
        ("questions", "pick", "branches", 1),
        "overlaps branch 1, for example at green",
    ),
    "ranges leave one double out": (
        _asking(_asks("mark", "score", (_below(0.5), "a"), (_from(0.5, inclusive=False), "b"))),
        ("questions", "mark", "branches"),
        "no branch takes score = 0.5",
    ),
    "a boolean value without a branch": (
        _asking(_asks("start", "wanted", (YES, "pick"))),
        ("questions", "start", "branches"),
        "no branch takes wanted = false",
    ),
    "a choice without a branch": (
        _pick((InChoices(("red",)), "size"), (InChoices(("green",)), "room")),
        ("questions", "pick", "branches"),
        "no branch takes colour = blue",
    ),
    "comparisons overlap": (
        _room((ComparedWith("lte", "limit"), "mark"), (ComparedWith("gte", "limit"), "a")),
        ("questions", "room", "branches", 1),
        "overlaps an earlier branch",
    ),
    "comparisons leave one relation out": (
        _room((ComparedWith("lt", "limit"), "mark"), (ComparedWith("gt", "limit"), "a")),
        ("questions", "room", "branches"),
        "no branch takes count = limit",
    ),
    "no relation left for otherwise": (
        _room((ComparedWith("lt", "limit"), "mark"), (ComparedWith("gte", "limit"), "a"), (ELSE, "b")),
        ("questions", "room", "branches", 2),
        "nothing is left for otherwise",
    ),
    "a question that leads to itself": (
        _unnamed("size", 0, to="size"),
        ("questions", "size"),
        "the questions form a cycle: size -> size",
    ),
    "a cycle": (
        _unnamed("mark", 1, to="pick", reason=""),
        ("questions", "pick"),
        "the questions form a cycle: pick -> ",
    ),
    "question that nothing leads to": (
        _asking(_asks("lost", "wanted", (YES, "a"), (NO, "b"))),
        ("questions", "lost"),
        "no profile comes here",
    ),
    "recommendation that nothing leads to": (
        replace(
            SMALL,
            recommendations={**SMALL.recommendations, "c": Recommendation("c", "C", "no", "Summary")},
        ),
        ("recommendations", "c"),
        "no profile comes here",
    ),
    "branch that the way there contradicts": (
        _asking(
            _asks("start", "wanted", (YES, "again"), (NO, "a")),
            _asks("again", "wanted", (YES, "pick"), (NO, "b")),
        ),
        ("questions", "again", "branches", 1),
        "the answers that lead here contradict this branch",
    ),
    "question behind a contradiction": (
        _asking(
            _asks("size", "count", (_below(10), "mark"), (_from(10), "large")),
            _asks("large", "count", (_from(5), "b"), (ELSE, "small")),
            _asks("small", "wanted", (YES, "a"), (NO, "b")),
        ),
        ("questions", "small"),
        "no profile comes here",
    ),
    "comparison that ranges rule out": (
        _with_input("limit", minimum=101, maximum=200),
        ("questions", "room", "branches", 1),
        "the answers that lead here contradict this branch",
    ),
}


@pytest.mark.parametrize(("tree", "pointer", "problem"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_found_in_its_place(tree: Tree, pointer: tuple[str | int, ...], problem: str) -> None:
    """The first fault found names the place and the problem, and says what to do."""
    found = find_faults(tree)
    assert [fault.pointer for fault in found[:1]] == [pointer]
    assert problem in found[0].problem
    assert found[0].remedy != ""


def test_a_small_sound_tree_has_no_faults() -> None:
    """The tree that all faults are made from has none."""
    assert find_faults(SMALL) == []


def test_every_fault_of_a_kind_is_found_at_once() -> None:
    """An author is told of all dangling names in one go, in the order of the document."""
    questions = {name: replace(q, input="unheard") for name, q in SMALL.questions.items()}
    found = find_faults(replace(SMALL, root="nowhere", questions=questions))
    expected = [("root",), *(("questions", name, "input") for name in questions)]
    assert [fault.pointer for fault in found][: len(expected)] == expected


def test_a_fault_is_a_value() -> None:
    """Faults compare by what they say, so that callers can tell them apart."""
    assert find_faults(replace(SMALL, root="nowhere")) == [
        TreeFault(("root",), "there is no question nowhere", "name the first question")
    ]


def test_a_branch_that_one_of_two_ways_rules_out_is_sound() -> None:
    """A shared question may have a branch that only one of the ways to it leaves open."""
    tree = _asking(
        _asks("size", "count", (_below(10), "room"), (_from(10), "mark")),
        _asks("room", "count", (_below(10), "mark"), (_from(10), "limits")),
        _asks("limits", "limit", (_below(10), "a"), (ELSE, "b")),
    )
    assert find_faults(tree) == []


@slowly
@given(trees())
def test_generated_trees_are_sound(tree: Tree) -> None:
    """Trees of which a plain interpreter takes every branch have no faults."""
    assert find_faults(tree) == []


def _edges(tree: Tree) -> list[tuple[Question, int]]:
    return [(q, index) for q in tree.questions.values() for index, _ in enumerate(q.branches)]


def _with(tree: Tree, question: Question, branches: tuple[Branch, ...]) -> Tree:
    changed = replace(question, branches=branches)
    return replace(tree, questions={**tree.questions, question.id: changed})


def _changed(tree: Tree, question: Question, index: int, **changes: Any) -> Tree:
    branches = tuple(replace(b, **changes) if i == index else b for i, b in enumerate(question.branches))
    return _with(tree, question, branches)


@st.composite
def edges(draw: st.DrawFn) -> tuple[Tree, Question, int]:
    """A sound tree and one of its branches."""
    tree = draw(trees())
    return tree, *draw(st.sampled_from(_edges(tree)))


@slowly
@given(edges())
def test_a_branch_to_nowhere_is_found(edge: tuple[Tree, Question, int]) -> None:
    """Whichever branch leads to a name that isn't there, its target is named."""
    tree, question, index = edge
    found = find_faults(_changed(tree, question, index, to="nowhere"))
    assert found[0].pointer == ("questions", question.id, "branches", index, "to")


def _above(tree: Tree, node: str) -> Iterator[str]:
    """A question and all that some way to it passes."""
    yield node
    for question in tree.questions.values():
        if any(branch.to == node for branch in question.branches):
            yield from _above(tree, question.id)


@slowly
@given(edges(), st.data())
def test_a_cycle_is_found(edge: tuple[Tree, Question, int], data: st.DataObject) -> None:
    """A branch back to any question on the way to it closes a cycle, which is told."""
    tree, question, index = edge
    back = data.draw(st.sampled_from(sorted(set(_above(tree, question.id)))))
    found = find_faults(_changed(tree, question, index, to=back, reason=""))
    unused = [fault for fault in found if "cycle" not in fault.problem]
    assert (len(found), unused) == (1, [])
    assert back in found[0].problem


@slowly
@given(edges())
def test_a_gap_is_found(edge: tuple[Tree, Question, int]) -> None:
    """A question that loses a branch leaves answers without one, or asks about an input no more."""
    tree, question, index = edge
    last = len(question.branches) - 1
    assume(not isinstance(question.branches[last].test, Otherwise) or index == last)
    found = find_faults(
        _with(tree, question, question.branches[:index] + question.branches[index + 1 :])
    )
    expected = ("questions", question.id, "branches")
    assert found[0].pointer == expected
    assert found[0].problem.startswith(f"no branch takes {question.input} ")


@slowly
@given(edges())
def test_an_overlap_is_found(edge: tuple[Tree, Question, int]) -> None:
    """A branch that is there twice is found, whatever its test."""
    tree, question, index = edge
    twice = question.branches[: index + 1] + question.branches[index:]
    found = find_faults(_with(tree, question, twice))
    assert found[0].pointer[:3] == ("questions", question.id, "branches")
    assert found[0].pointer[3] in (index, index + 1, len(twice) - 1)


@slowly
@given(trees())
def test_an_unreachable_question_is_found(tree: Tree) -> None:
    """A copy of a question that no branch leads to is named."""
    copy = replace(tree.questions[tree.root], id="lost")
    found = find_faults(replace(tree, questions={**tree.questions, "lost": copy}))
    assert [fault.pointer for fault in found] == [("questions", "lost")]


@slowly
@given(edges())
def test_a_test_of_the_wrong_type_is_found(edge: tuple[Tree, Question, int]) -> None:
    """A range for a boolean or enum, or a boolean for a number, is named with its branch."""
    tree, question, index = edge
    assume(question.compared_to is None and question.branches[index].test != ELSE)
    wrong = YES if tree.inputs[question.input].is_numeric else _below(1)
    found = find_faults(_changed(tree, question, index, test=wrong))
    assert ("questions", question.id, "branches", index) in [fault.pointer for fault in found]


def test_words_that_metrics_use_are_not_for_names() -> None:
    """`unknown` and `otherwise` can't be choices and `none` no recommendation: they mean something else."""
    one = Input("hosting", "enum", "Hosting", choices=("unknown", "ours"))
    branches = (Branch(InChoices(("unknown",)), "a", "?"), Branch(InChoices(("ours",)), "b", "!"))
    question = Question("q", "?", "hosting", branches)
    leaves = {end: Recommendation(end, end, "no", "s") for end in ("a", "b")}
    source = Reference("t", "u")
    tree = Tree(
        "1.0.0", "current", "2026-11-22", "t", source, {"hosting": one}, "q", {"q": question}, leaves
    )
    named = replace(tree, recommendations={**leaves, "none": leaves["a"]})
    sound = replace(one, choices=("theirs", "ours"))

    assert [fault.pointer for fault in find_faults(tree)] == [("inputs", "hosting", "choices", 0)]
    assert ("recommendations", "none") in [
        fault.pointer for fault in find_faults(replace(named, inputs={"hosting": sound}))
    ]
