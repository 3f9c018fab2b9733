"""Hypothesis strategies: sound trees of every kind of test, and profiles for them.

The axes are so small that every completion of a profile can be listed: an integer has at most four values,
and a number's range holds at most five doubles, neighbours of each other. Wide axes are stood for by
their ends, the thresholds of the tree and the neighbours of both; their inputs are compared with no
other, so that those values stand for all.

Question by question, a tree is drawn with branches that cover every answer; questions with a branch that
no profile takes, because the way there contradicts it, are then bypassed. `walk` interprets a tree
plainly, for one complete profile, and is what makes the difference: it shares no code with the engine.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise, product
from math import inf, nextafter

from hypothesis import assume
from hypothesis import strategies as st

from finetune_advisor.engine.model.conditions import (
    Bound,
    ComparedWith,
    InChoices,
    InRange,
    Otherwise,
    Test,
)
from finetune_advisor.engine.model.domain import MAX_SAFE_INTEGER
from finetune_advisor.engine.model.inputs import Input, Value
from finetune_advisor.engine.model.references import Reference
from finetune_advisor.engine.model.tree import (
    Branch,
    Question,
    Recommendation,
    Tree,
    WarningCondition,
    WarningRule,
)
from finetune_advisor.engine.model.worksheets import Worksheet, WorksheetConstant, WorksheetQuantity

Known = dict[str, Value]
Draw = st.DrawFn

COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    name: getattr(operator, {"lt": "lt", "lte": "le", "gt": "gt", "gte": "ge"}[name])
    for name in ("lt", "lte", "gt", "gte")
}
COMPARISONS: tuple[tuple[Test, ...], ...] = tuple(
    tuple(ComparedWith(one, "") if one in COMPARE else Otherwise() for one in line.split())
    for line in (
        "lt gte",
        "gt lte",
        "lt otherwise",
        "lte otherwise",
        "gt otherwise",
        "gte otherwise",
        "lt gt otherwise",
    )
)
WIDE_THRESHOLDS = (0, 0.1 + 0.2, 0.3, 1, 7)
MOST_PROFILES = 500


def walk(tree: Tree, profile: Known) -> tuple[tuple[tuple[str, int], ...], str]:
    """The questions that a complete profile answers, each with its branch's index, and the leaf."""
    way = []
    node = tree.root
    while node in tree.questions:
        question = tree.questions[node]
        index = taken(question, profile)
        way.append((node, index))
        node = question.branches[index].to
    return tuple(way), node


def taken(question: Question, profile: Known) -> int:
    """The index of the one branch that a complete profile takes at a question."""
    tests = [branch.test for branch in question.branches]
    passed = [i for i, test in enumerate(tests) if _passes(test, profile[question.input], profile)]
    if not passed:
        passed = [i for i, test in enumerate(tests) if isinstance(test, Otherwise)]
    (index,) = passed
    return index


def _passes(test: Test, value: Value, profile: Known) -> bool:
    match test:
        case InChoices(values):
            return value in values
        case InRange(lower, upper):
            assert isinstance(value, int | float)
            above = not lower or value > lower.value or (lower.inclusive and value == lower.value)
            below = not upper or value < upper.value or (upper.inclusive and value == upper.value)
            return above and below
        case ComparedWith(how, other):
            assert isinstance(value, int | float)
            return COMPARE[how](value, profile[other])
    return False


def steps(value: float, down: int, up: int) -> list[float]:
    """A double with some of its neighbours, ascending."""
    before, after = [value], [value]
    for _ in range(down):
        before.insert(0, nextafter(before[0], -inf))
    for _ in range(up):
        after.append(nextafter(after[-1], inf))
    return [*before, *after[1:]]


def is_wide(one: Input) -> bool:
    """Whether an input has too many values to list them all."""
    return one.is_numeric and one.minimum is None


def values(tree: Tree, one: Input) -> list[Value]:
    """Every value of a small input; of a wide one, those that stand for all in this tree."""
    if one.type == "boolean":
        return [False, True]
    if one.type == "enum":
        return list(one.choices)
    if is_wide(one):
        return _standing_for_all(tree, one)
    assert one.minimum is not None
    assert one.maximum is not None
    if one.type == "integer":
        return list(range(int(one.minimum), int(one.maximum) + 1))
    found = [float(one.minimum)]
    while found[-1] < one.maximum:
        found.append(nextafter(found[-1], inf))
    return list(found)


def _standing_for_all(tree: Tree, one: Input) -> list[Value]:
    ends = {
        end.value
        for question in tree.questions.values()
        for branch in question.branches
        if question.input == one.name and isinstance(branch.test, InRange)
        for end in (branch.test.lower, branch.test.upper)
        if end
    }
    found: set[int | float] = {-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER}
    for end in ends:
        found |= {end - 1, end, end + 1} if one.type == "integer" else set(steps(float(end), 1, 1))
    return sorted(found)


def profiles_of(tree: Tree) -> Iterator[Known]:
    """Every complete profile of a tree, with a wide input's values stood for by some."""
    return completions(tree, {})


def completions(tree: Tree, profile: Known) -> Iterator[Known]:
    """Every way to complete a profile, with a wide input's values stood for by some."""
    options = [
        [profile[name]] if name in profile else values(tree, one) for name, one in tree.inputs.items()
    ]
    return (dict(zip(tree.inputs, answers, strict=True)) for answers in product(*options))


@st.composite
def inputs(draw: Draw, name: str, *, wide: bool = True) -> Input:
    """An input of any type, with few values unless it is wide; a numeric one may have a worksheet."""
    one = draw(_inputs(name, wide=wide))
    if one.is_numeric and draw(st.integers(0, 2)) == 0:
        return replace(one, worksheet=draw(worksheets(one)))
    return one


FORMULAS = ("a / b", "a * 2 / b - a / b", "ceil(a / b)", "-a / b + high", "round(-(a + a) / b)")


@st.composite
def worksheets(draw: Draw, one: Input) -> Worksheet:
    """A worksheet whose answers lie in an input's range, however narrow that is."""
    source = Reference("Source", "https://example.org/")
    unit = f"{one.unit}*day" if one.unit else "day"
    low, more = draw(st.integers(-3, 3)), draw(st.integers(1, 9))
    default = draw(st.sampled_from((None, low)))
    return Worksheet(
        summary="How",
        quantities={
            "a": WorksheetQuantity("a", "Label of a", low, low + more, "Help of a", unit, default),
            "b": WorksheetQuantity("b", "Label of b", 0.5, 0.5 + more, unit="days"),
        },
        formula=f"max(min({draw(st.sampled_from(FORMULAS))}, high), low)",
        constants={
            "low": WorksheetConstant("low", "The lowest", one.lowest, one.unit),
            "high": WorksheetConstant("high", "The highest", one.highest, one.unit, (source,)),
        },
        decimals=draw(st.integers(1, 6)) if one.type == "number" else None,
        references=draw(st.sampled_from(((), (source,)))),
    )


@st.composite
def _inputs(draw: Draw, name: str, *, wide: bool) -> Input:
    kind = draw(st.sampled_from(("boolean", "enum", "integer", "integer", "number", "number")))
    if kind == "boolean":
        words = draw(
            st.sampled_from(
                ({}, {"true_label": "It is so"}, {"true_label": "<So>", "false_label": 'no, "not"'})
            )
        )
        return Input(name, "boolean", f"Label of {name}", **words)
    if kind == "enum":
        choices = draw(st.permutations(("red", "green", "blue")))[: draw(st.integers(2, 3))]
        own_words = {
            field: {choice: f"{field} of {choice}" for choice in choices if draw(st.booleans())}
            for field in ("choice_labels", "choice_help")
        }
        return Input(name, "enum", f"Label of {name}", choices=tuple(choices), **own_words)
    if wide and draw(st.integers(0, 4)) == 0:
        return Input(name, kind, f"Label of {name}", unit="wide")
    if kind == "integer":
        low, more = draw(st.integers(-1, 1)), draw(st.integers(1, 3))
        return Input(name, "integer", f"Label of {name}", minimum=low, maximum=low + more)
    down, up = draw(st.sampled_from(((0, 1), (1, 0), (1, 1), (2, 1), (1, 2), (2, 2))))
    doubles = steps(draw(st.sampled_from((0.0, 0.5, 1.0))), down, up)
    return Input(name, "number", f"Label of {name}", minimum=doubles[0], maximum=doubles[-1])


@st.composite
def _ranges(draw: Draw, one: Input) -> list[Test]:
    """Ranges that cover an axis, cut in one or two places."""
    if is_wide(one):
        thresholds = [t for t in WIDE_THRESHOLDS if one.type == "number" or t == int(t)]
        chosen = sorted(draw(st.sets(st.sampled_from(thresholds), min_size=1, max_size=2)))
        cuts = [(threshold, threshold) for threshold in chosen]
        even = [draw(st.booleans()) for _ in cuts]
        ends = [(Bound(t, not e), Bound(t, e)) for (t, _), e in zip(cuts, even, strict=True)]
    else:
        axis = values(_bare(one), one)
        neighbours = list(pairwise(axis))
        count = draw(st.integers(1, min(2, len(neighbours))))
        places = draw(st.permutations(range(len(neighbours))))[:count]
        ends = [draw(_ends(*neighbours[place])) for place in sorted(places)]
    lowers = [None, *(after for _, after in ends)]
    uppers = [*(before for before, _ in ends), None]
    return [InRange(lower, upper) for lower, upper in zip(lowers, uppers, strict=True)]


@st.composite
def _ends(draw: Draw, before: int | float, after: int | float) -> tuple[Bound, Bound]:
    """Where one range ends and the next begins, between two neighbours of an axis."""
    upper = draw(st.sampled_from((Bound(before, inclusive=True), Bound(after, inclusive=False))))
    lower = draw(st.sampled_from((Bound(before, inclusive=False), Bound(after, inclusive=True))))
    return upper, lower


@st.composite
def _choices(draw: Draw, one: Input) -> list[Test]:
    """Tests that share out the values of a boolean or an enum."""
    answers: Sequence[bool | str] = draw(st.permutations(one.choices or (False, True)))
    groups = [answers[:1], answers[1:]]
    if len(answers) > 2 and draw(st.booleans()):
        groups = [answers[:1], answers[1:2], answers[2:]]
    return [InChoices(tuple(group)) for group in groups]


@st.composite
def _tests(draw: Draw, one: Input, others: Sequence[Input]) -> list[Test]:
    """The tests of a question about an input, or comparing it with one of the others."""
    if others and draw(st.booleans()):
        other = draw(st.sampled_from(others)).name
        chosen = draw(st.sampled_from(COMPARISONS))
        return [
            replace(test, input=other) if isinstance(test, ComparedWith) else test for test in chosen
        ]
    tests = draw(st.permutations(draw(_ranges(one) if one.is_numeric else _choices(one))))
    return [*tests[:-1], Otherwise()] if draw(st.integers(0, 2)) == 0 else list(tests)


@st.composite
def trees(draw: Draw, *, wide: bool = True) -> Tree:
    """A sound tree of up to eight questions about up to four inputs."""
    asked = [draw(inputs(name, wide=wide)) for name in "vxyz"[: draw(st.integers(2, 4))]]
    count = draw(st.integers(3, 8))
    questions = []
    for place in range(count):
        one = draw(st.sampled_from(asked))
        others = [i for i in asked if i != one and one.is_numeric and i.is_numeric and not is_wide(i)]
        tests = draw(_tests(one, [] if is_wide(one) else others))
        later = [f"q{later}" for later in range(place + 1, min(place + 4, count))]
        targets = st.sampled_from([*later, *later, *later, "a", "b", "c"])
        branches = tuple(Branch(test, draw(targets)) for test in tests)
        questions.append(Question(f"q{place}", f"Question {place}?", one.name, branches))
    return _pruned(_assembled(asked, "q0", questions))


def _assembled(asked: Sequence[Input], root: str, questions: Sequence[Question]) -> Tree:
    reasoned = [
        replace(q, branches=tuple(_reasoned(q, i, branch) for i, branch in enumerate(q.branches)))
        for q in questions
    ]
    leaves = {branch.to for q in questions for branch in q.branches} - {q.id for q in questions}
    named = {name for question in questions for name in question.inputs}
    return Tree(
        version="1.2.3",
        status="current",
        released="2026-11-22",
        title="Title",
        source=Reference("Source", "https://example.org/"),
        inputs={one.name: one for one in asked if one.name in named},
        root=root,
        questions={question.id: question for question in reasoned},
        recommendations={leaf: Recommendation(leaf, leaf, "no", "Summary") for leaf in sorted(leaves)},
    )


def _reasoned(question: Question, index: int, branch: Branch) -> Branch:
    return replace(branch, reason="" if branch.to.startswith("q") else f"{question.id}.{index}")


def _bare(one: Input) -> Tree:
    return _assembled([one], "", [])


def _pruned(tree: Tree) -> Tree:
    """The tree without the questions that nothing reaches or that have a branch that nothing takes."""
    sizes = 1
    for one in tree.inputs.values():
        sizes *= len(values(tree, one))
    assume(sizes <= MOST_PROFILES)
    while True:
        assume(tree.root in tree.questions)
        reached = {step for profile in profiles_of(tree) for step in walk(tree, profile)[0]}
        kept = [q for q in tree.questions.values() if any(q.id == node for node, _ in reached)]
        idle = next(
            (q for q in kept if any((q.id, i) not in reached for i, _ in enumerate(q.branches))), None
        )
        if idle is None:
            return _assembled([*tree.inputs.values()], tree.root, kept)
        onwards = next(b.to for i, b in enumerate(idle.branches) if (idle.id, i) in reached)
        tree = _assembled(
            [*tree.inputs.values()],
            onwards if tree.root == idle.id else tree.root,
            [_redirected(q, idle.id, onwards) for q in tree.questions.values() if q is not idle],
        )


def _redirected(question: Question, gone: str, onwards: str) -> Question:
    branches = (replace(b, to=onwards) if b.to == gone else b for b in question.branches)
    return replace(question, branches=tuple(branches))


@st.composite
def complete_profiles(draw: Draw, tree: Tree) -> Known:
    """A value for every input of a tree."""
    return {name: draw(st.sampled_from(values(tree, one))) for name, one in tree.inputs.items()}


@st.composite
def partial_profiles(draw: Draw, tree: Tree) -> Known:
    """Values for some of the inputs of a tree."""
    complete = draw(complete_profiles(tree))
    return {name: value for name, value in complete.items() if draw(st.integers(0, 2)) == 0}


@st.composite
def trees_and_profiles(draw: Draw, *, complete: bool = False) -> tuple[Tree, Known]:
    """A sound tree and a profile for it."""
    tree = draw(trees())
    return tree, draw(complete_profiles(tree) if complete else partial_profiles(tree))


@st.composite
def gapped_trees(draw: Draw) -> Tree:
    """A sound tree that takes a range about 0 out of each of two integers, and compares what is left."""
    asked = [Input(name, "integer", f"Label of {name}", minimum=-3, maximum=3) for name in "xy"]
    questions = []
    for place, one in enumerate(asked):
        low, high = (Bound(draw(st.integers(*ends)), inclusive=True) for ends in ((-2, 0), (0, 2)))
        branches = (Branch(InRange(low, high), "a"), Branch(Otherwise(), f"q{place + 1}"))
        questions.append(Question(f"q{place}", f"Question {place}?", one.name, branches))
    tests = ComparedWith("lt", "y"), ComparedWith("gt", "y"), Otherwise()
    ends = tuple(Branch(test, end) for test, end in zip(tests, "bcd", strict=True))
    questions.append(Question("q2", "Question 2?", "x", ends))
    return _assembled(asked, "q0", questions)


@st.composite
def warned_trees(draw: Draw) -> Tree:
    """A sound tree with up to two warnings, for some outcome or all."""
    tree = draw(trees())
    rules = []
    for number in range(draw(st.integers(0, 2))):
        when = draw(st.lists(_circumstances(tree), min_size=1, max_size=2))
        only = draw(st.sets(st.sampled_from(sorted(tree.recommendations)), max_size=1))
        text = f"Mind “{number}”."
        rules.append(WarningRule(f"w{number}", tuple(when), text, recommendations=tuple(only)))
    return replace(tree, warnings=tuple(rules))


@st.composite
def _circumstances(draw: Draw, tree: Tree) -> WarningCondition:
    """A circumstance of one input, or of two that are compared."""
    one = tree.inputs[draw(st.sampled_from(sorted(tree.inputs)))]
    others = [other.name for other in tree.inputs.values() if other.is_numeric and other != one]
    if one.is_numeric and others and draw(st.booleans()):
        return WarningCondition(
            one.name, ComparedWith(draw(st.sampled_from(sorted(COMPARE))), draw(st.sampled_from(others)))
        )
    value = draw(st.sampled_from(values(tree, one)))
    if isinstance(value, str) or one.type == "boolean":
        return WarningCondition(one.name, InChoices((value,)))
    return WarningCondition(one.name, InRange(lower=Bound(value, inclusive=draw(st.booleans()))))
