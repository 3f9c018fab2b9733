"""Sound trees that grow with a number: rows of questions, branches side by side, comparisons, and questions
that are asked again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations, pairwise

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
from finetune_advisor.engine.model.tree import Branch, Question, Recommendation, Tree

YES, NO = InChoices((True,)), InChoices((False,))
Edges = Sequence[tuple[Test, str]]


def row_of_questions(count: int) -> Tree:
    """Yes/no questions in a row: a no goes on, a yes ends at once."""
    nodes = [f"q{number:03}" for number in range(count)]
    asked = {node: f"x{number:03}" for number, node in enumerate(nodes)}
    questions: dict[str, Edges] = {
        node: [(YES, "some"), (NO, onwards)]
        for node, onwards in zip(nodes, [*nodes[1:], "none_of_them"], strict=True)
    }
    return _tree([_boolean(name) for name in asked.values()], asked, questions)


def row_of_comparisons(count: int) -> Tree:
    """Each number is compared with the next one: below goes on, otherwise it ends."""
    nodes = [f"q{number:03}" for number in range(count)]
    asked = {node: f"x{number:03}" for number, node in enumerate(nodes)}
    questions: dict[str, Edges] = {
        node: [(ComparedWith("lt", f"x{number + 1:03}"), onwards), (Otherwise(), "ab"[number % 2])]
        for number, (node, onwards) in enumerate(zip(nodes, [*nodes[1:], "ascending"], strict=True))
    }
    return _tree([_number(f"x{number:03}") for number in range(count + 1)], asked, questions)


def side_by_side(count: int, ends: int) -> Tree:
    """One question whose many branches lead to some recommendations."""
    limits = [Bound(limit, inclusive=False) for limit in range(1, count)]
    tests: list[Test] = [InRange(upper=limits[0])]
    tests += [InRange(replace(lower, inclusive=True), upper) for lower, upper in pairwise(limits)]
    edges = [(test, f"r{place % ends:03}") for place, test in enumerate([*tests, Otherwise()])]
    return _tree([_number("x")], {"q": "x"}, {"q": edges})


def all_pairs(count: int) -> Tree:
    """Every pair of numbers is compared; one bit of what came out goes along."""
    pairs = [*combinations(range(count), 2)]
    asked: dict[str, str] = {}
    questions: dict[str, Edges] = {}
    for place, (one, other) in enumerate(pairs):
        for row in "ab" if place else "a":
            last = place == len(pairs) - 1
            ends = ["even", "odd"] if last else [f"a{place + 1:03}", f"b{place + 1:03}"]
            first, second = ends if row == "a" else reversed(ends)
            asked[f"{row}{place:03}"] = f"x{one:03}"
            questions[f"{row}{place:03}"] = [
                (ComparedWith("lt", f"x{other:03}"), first),
                (Otherwise(), second),
            ]
    return _tree([_number(f"x{number:03}") for number in range(count)], asked, questions)


def asked_again(count: int) -> Tree:
    """Yes/no questions whose answers make detours, and then all of them once more."""
    asked: dict[str, str] = {}
    questions: dict[str, Edges] = {}
    for number in range(count):
        onwards = f"q{number + 1:03}" if number < count - 1 else "c000"
        again = f"c{number + 1:03}" if number < count - 1 else "all"
        asked |= {f"q{number:03}": f"x{number:03}", f"c{number:03}": f"x{number:03}"}
        asked[f"m{number:03}"] = f"y{number:03}"
        questions[f"q{number:03}"] = [(YES, f"m{number:03}"), (NO, onwards)]
        questions[f"m{number:03}"] = [(YES, onwards), (NO, "ab"[number % 2])]
        questions[f"c{number:03}"] = [(YES, again), (NO, "ab"[number % 2])]
    return _tree([_boolean(name) for name in dict.fromkeys(asked.values())], asked, questions)


def ladder(count: int) -> Tree:
    """Two rows of yes/no questions, between which each answer chooses: paths double with each."""
    asked: dict[str, str] = {}
    questions: dict[str, Edges] = {}
    for number in range(count):
        for row in "ab" if number else "a":
            last = number == count - 1
            ends = ["even", "odd"] if last else [f"a{number + 1:03}", f"b{number + 1:03}"]
            first, second = ends if row == "a" else reversed(ends)
            asked[f"{row}{number:03}"] = f"x{number:03}"
            questions[f"{row}{number:03}"] = [(YES, first), (NO, second)]
    return _tree([_boolean(name) for name in dict.fromkeys(asked.values())], asked, questions)


def one_limit(limit: float, *, low: bool) -> Tree:
    """One number, below a limit or not, or above it or not."""
    test = (
        InRange(upper=Bound(limit, inclusive=False))
        if low
        else InRange(lower=Bound(limit, inclusive=False))
    )
    return _tree([_number("x")], {"q": "x"}, {"q": [(test, "within"), (Otherwise(), "outside")]})


def _boolean(name: str) -> Input:
    return Input(name, "boolean", name)


def _number(name: str) -> Input:
    return Input(name, "number", name, unit="points", minimum=0, maximum=1000)


def _tree(inputs: Sequence[Input], asked: Mapping[str, str], questions: Mapping[str, Edges]) -> Tree:
    leaves = dict.fromkeys(to for edges in questions.values() for _, to in edges if to not in questions)
    return Tree(
        version="1.2.3",
        status="current",
        released="2026-11-22",
        title="Title",
        source=Reference("Source", "https://example.org/"),
        inputs={one.name: one for one in inputs},
        root=next(iter(questions)),
        questions={
            node: Question(
                node,
                f"{node}?",
                asked[node],
                tuple(Branch(test, to, "Because." if to in leaves else "") for test, to in edges),
            )
            for node, edges in questions.items()
        },
        recommendations={leaf: Recommendation(leaf, leaf, "no", "Summary") for leaf in leaves},
    )
