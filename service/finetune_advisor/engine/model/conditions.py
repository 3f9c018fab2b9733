"""Tests of answers, as tree documents write them, and the exact conditions that they stand for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Literal

from finetune_advisor.engine.model.domain import Domain
from finetune_advisor.engine.model.inputs import Input

Operator = Literal["lt", "lte", "gt", "gte"]
OPERATOR_SYMBOLS: Mapping[Operator, str] = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">="}

BELOW, EQUAL, ABOVE = "<", "=", ">"
ALL_RELATIONS = frozenset({BELOW, EQUAL, ABOVE})
OPERATOR_RELATIONS: Mapping[Operator, frozenset[str]] = {
    "lt": frozenset({BELOW}),
    "lte": frozenset({BELOW, EQUAL}),
    "gt": frozenset({ABOVE}),
    "gte": frozenset({ABOVE, EQUAL}),
}


@dataclass(frozen=True)
class InChoices:
    """`is` and `in`: the answer to a boolean or enum input is one of these values."""

    values: tuple[bool | str, ...]

    def __str__(self) -> str:
        return " or ".join(str(v).lower() if isinstance(v, bool) else v for v in self.values)


@dataclass(frozen=True)
class Bound:
    """One end of a range: a number that is in the range if the bound is `inclusive`."""

    value: int | float
    inclusive: bool


@dataclass(frozen=True)
class InRange:
    """`lt`, `lte`, `gt`, `gte` with numbers: the answer lies above `lower` and below `upper`."""

    lower: Bound | None = None
    upper: Bound | None = None

    @property
    def ends(self) -> Iterator[tuple[Operator, int | float]]:
        """The ends of the range as operators with numbers, the lower end first."""
        if self.lower:
            yield "gte" if self.lower.inclusive else "gt", self.lower.value
        if self.upper:
            yield "lte" if self.upper.inclusive else "lt", self.upper.value

    def __str__(self) -> str:
        return " and ".join(f"{OPERATOR_SYMBOLS[operator]} {value}" for operator, value in self.ends)


@dataclass(frozen=True)
class ComparedWith:
    """`lt`, `lte`, `gt`, `gte` with another input: the answer compares so with the answer to `input`."""

    operator: Operator
    input: str

    def __str__(self) -> str:
        return f"{OPERATOR_SYMBOLS[self.operator]} {self.input}"


@dataclass(frozen=True)
class Otherwise:
    """`otherwise`: no other branch of the question takes the answer."""

    def __str__(self) -> str:
        return "otherwise"


Test = InChoices | InRange | ComparedWith | Otherwise


@dataclass(frozen=True, slots=True)
class InDomain:
    """The condition that an input's position lies in a domain."""

    input: str
    domain: Domain


@dataclass(frozen=True, slots=True)
class InRelation:
    """The condition that an input has one of some relations (`<`, `=`, `>`) to another input."""

    input: str
    relations: frozenset[str]
    other: str


Condition = InDomain | InRelation


def domain_of_test(input_: Input, test: Test) -> Domain:
    """Return the positions of an input that pass a test.

    `otherwise` and comparisons with another input pass no position by themselves. Raises ValueError or
    TypeError for a value that the input can't have.
    """
    match test:
        case InChoices(values):
            return Domain.of(input_.position(value) for value in values)
        case InRange(lower, upper):
            domain = input_.axis
            if lower:
                domain = domain.from_(lower.value, strict=not lower.inclusive)
            if upper:
                domain = domain.up_to(upper.value, strict=not upper.inclusive)
            return domain
        case _:
            # exclusive_conditions() gives `otherwise` the rest of the axis, which depends on the siblings.
            return Domain((), input_.axis.dense)


def relations_of_test(test: Test) -> frozenset[str]:
    """Return the relations to the other input that pass a test; `otherwise` has none by itself."""
    return OPERATOR_RELATIONS[test.operator] if isinstance(test, ComparedWith) else frozenset()


def exclusive_conditions(
    input_: Input, other: str | None, tests: Sequence[Test]
) -> tuple[Condition, ...]:
    """Return the condition of each of a question's tests, in their order.

    The condition of `otherwise` is what the other tests leave. `other` is the name of the input that the
    question compares with, if any. The tests must be sound: they have the right types and are disjoint, and
    each has an answer.
    """
    if other is not None:
        related = [relations_of_test(test) for test in tests]
        remaining_relations = ALL_RELATIONS.difference(*related)
        # In a sound question, only `otherwise` has no relation or position by itself.
        return tuple(
            InRelation(input_.name, relations or remaining_relations, other) for relations in related
        )
    domains = [domain_of_test(input_, test) for test in tests]
    remaining = reduce(Domain.__sub__, domains, input_.axis)
    return tuple(InDomain(input_.name, domain or remaining) for domain in domains)
