"""Branches with `otherwise` replaced by an explicit test.

Other notations need it: their default branch would be taken for a missing input, too.
"""

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
    """The answer compares to the value of another input as the symbol says."""

    symbol: ComparisonSymbol
    other: str


ExplicitTest = InChoices | InRanges | ComparedBySymbol


def list_explicit_branches(tree: Tree, question: Question) -> list[tuple[ExplicitTest, Branch]]:
    """List the branches of a question, each with a test that holds for no other branch.

    The tree must be sound.
    """
    return [(spell_out_test(tree, question, branch.test), branch) for branch in question.branches]


def spell_out_test(tree: Tree, question: Question, test: Test) -> ExplicitTest:
    """Turn the test of a branch into an explicit one: `otherwise` becomes all answers that no branch names.

    The tree must be sound.
    """
    input_ = tree.inputs[question.input]
    tests = (branch.test for branch in question.branches)
    if question.compared_to is not None:
        relations = relations_of_test(test) or ALL_RELATIONS.difference(*map(relations_of_test, tests))
        return ComparedBySymbol(SYMBOL_BY_RELATIONS[relations], question.compared_to)
    if isinstance(test, InChoices):
        return test
    if isinstance(test, InRange):
        return InRanges((test,))
    if input_.is_numeric:
        ranges = [other for other in tests if isinstance(other, InRange)]
        return InRanges(tuple(_gaps(input_, ranges)))
    taken = {value for other in tests if isinstance(other, InChoices) for value in other.values}
    return InChoices(tuple(value for value in input_.choices or (False, True) if value not in taken))


def _gaps(input_: Input, ranges: Sequence[InRange]) -> Iterator[InRange]:
    """Find the gaps between disjoint ranges that contain values of the input."""
    # The bounds are kept as authors wrote them: for integers, "> 4" and ">= 5" mean the same.
    start: Bound | None = None
    gaps = []
    for taken in sorted(ranges, key=_start_sort_key):
        if taken.lower:
            gaps.append(InRange(start, _complement_bound(taken.lower)))
        start = taken.upper and _complement_bound(taken.upper)
    if start:
        gaps.append(InRange(start))
    return (gap for gap in gaps if domain_of_test(input_, gap))


def _start_sort_key(range_: InRange) -> tuple[float, bool]:
    # At the same value, an inclusive bound begins before an exclusive one.
    return (range_.lower.value, not range_.lower.inclusive) if range_.lower else (-inf, False)


def _complement_bound(bound: Bound) -> Bound:
    return Bound(bound.value, not bound.inclusive)
