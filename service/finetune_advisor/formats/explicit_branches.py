"""Branches with `otherwise` spelt out, for notations where a missing input would take it, too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf
from typing import Literal

from finetune_advisor.engine.model.conditions import (
    ABOVE,
    ALL_RELATIONS,
    BELOW,
    EQUAL,
    Bound,
    InChoices,
    InRange,
    Test,
    domain_of_test,
    relations_of_test,
)
from finetune_advisor.engine.model.inputs import Input
from finetune_advisor.engine.model.tree import Branch, Question, Tree

ComparisonSymbol = Literal["<", "<=", "=", ">=", ">", "!="]
SYMBOL_BY_RELATIONS: dict[frozenset[str], ComparisonSymbol] = {
    frozenset({BELOW}): "<",
    frozenset({BELOW, EQUAL}): "<=",
    frozenset({EQUAL}): "=",
    frozenset({ABOVE, EQUAL}): ">=",
    frozenset({ABOVE}): ">",
    frozenset({BELOW, ABOVE}): "!=",
}


@dataclass(frozen=True)
class InRanges:
    """The answer lies in one of these ranges."""

    ranges: tuple[InRange, ...]


@dataclass(frozen=True)
class ComparedBySymbol:
    """How the answer relates to another input."""

    symbol: ComparisonSymbol
    other: str


ExplicitTest = InChoices | InRanges | ComparedBySymbol


def list_explicit_branches(tree: Tree, question: Question) -> list[tuple[ExplicitTest, Branch]]:
    """The branches of a question of a sound tree, each with its test by itself."""
    return [(spell_out_test(tree, question, branch.test), branch) for branch in question.branches]


def spell_out_test(tree: Tree, question: Question, test: Test) -> ExplicitTest:
    """The test of one branch of a question of a sound tree, with `otherwise` spelled out."""
    one = tree.inputs[question.input]
    tests = (branch.test for branch in question.branches)
    if question.compared_to is not None:
        relations = relations_of_test(test) or ALL_RELATIONS.difference(*map(relations_of_test, tests))
        return ComparedBySymbol(SYMBOL_BY_RELATIONS[relations], question.compared_to)
    if isinstance(test, InChoices):
        return test
    if isinstance(test, InRange):
        return InRanges((test,))
    if one.is_numeric:
        return InRanges(tuple(_gaps(one, [other for other in tests if isinstance(other, InRange)])))
    taken = {value for other in tests if isinstance(other, InChoices) for value in other.values}
    return InChoices(tuple(value for value in one.choices or (False, True) if value not in taken))


def _gaps(one: Input, ranges: Sequence[InRange]) -> Iterator[InRange]:
    """What disjoint ranges leave of an input's axis, with the ends that the ranges have."""
    start: Bound | None = None
    gaps = []
    for taken in sorted(ranges, key=_start_sort_key):
        if taken.lower:
            gaps.append(InRange(start, _complement_bound(taken.lower)))
        start = taken.upper and _complement_bound(taken.upper)
    if start:
        gaps.append(InRange(start))
    return (gap for gap in gaps if domain_of_test(one, gap))


def _start_sort_key(taken: InRange) -> tuple[float, bool]:
    return (taken.lower.value, not taken.lower.inclusive) if taken.lower else (-inf, False)


def _complement_bound(end: Bound) -> Bound:
    return Bound(end.value, not end.inclusive)
