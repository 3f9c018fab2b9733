"""Branching: the tests of a question's branches, and the exact conditions that they stand for."""

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
    """`is` and `in`: the answer is one of these values of a boolean or enum input."""

    values: tuple[bool | str, ...]

    def __str__(self) -> str:
        return " or ".join(str(v).lower() if isinstance(v, bool) else v for v in self.values)


@dataclass(frozen=True)
class Bound:
    """One end of a range: a number, itself included or not."""

    value: int | float
    inclusive: bool


@dataclass(frozen=True)
class InRange:
    """`lt`, `lte`, `gt`, `gte` against numbers: the answer lies above `lower` and below `upper`."""

    lower: Bound | None = None
    upper: Bound | None = None

    @property
    def ends(self) -> Iterator[tuple[Operator, int | float]]:
        """Its ends as operators with their numbers, the lower one first."""
        if self.lower:
            yield "gte" if self.lower.inclusive else "gt", self.lower.value
        if self.upper:
            yield "lte" if self.upper.inclusive else "lt", self.upper.value

    def __str__(self) -> str:
        return " and ".join(f"{OPERATOR_SYMBOLS[operator]} {value}" for operator, value in self.ends)


@dataclass(frozen=True)
class ComparedWith:
    """`lt`, `lte`, `gt`, `gte` against another input."""

    operator: Operator
    input: str

    def __str__(self) -> str:
        return f"{OPERATOR_SYMBOLS[self.operator]} {self.input}"


@dataclass(frozen=True)
class Otherwise:
    """Every answer that no other branch of the question takes."""

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
    """The condition that an input lies below, at or above another one."""

    input: str
    relations: frozenset[str]
    other: str


Condition = InDomain | InRelation


def domain_of_test(one: Input, test: Test) -> Domain:
    """The positions of an input that pass a test of it alone; `otherwise` passes none by itself."""
    match test:
        case InChoices(values):
            return Domain.of(one.position(value) for value in values)
        case InRange(lower, upper):
            domain = one.axis
            if lower:
                domain = domain.from_(lower.value, strict=not lower.inclusive)
            if upper:
                domain = domain.up_to(upper.value, strict=not upper.inclusive)
            return domain
        case _:
            return Domain((), one.axis.dense)


def relations_of_test(test: Test) -> frozenset[str]:
    """How an input that passes a test may relate to the other one; `otherwise` adds nothing by itself."""
    return OPERATOR_RELATIONS[test.operator] if isinstance(test, ComparedWith) else frozenset()


def exclusive_conditions(one: Input, other: str | None, tests: Sequence[Test]) -> tuple[Condition, ...]:
    """The condition behind each of a question's tests, with `otherwise` worked out.

    The tests must be sound: of the right type, disjoint, none of them without an answer.
    """
    if other is not None:
        related = [relations_of_test(test) for test in tests]
        rest = ALL_RELATIONS.difference(*related)
        return tuple(InRelation(one.name, relations or rest, other) for relations in related)
    domains = [domain_of_test(one, test) for test in tests]
    left = reduce(Domain.__sub__, domains, one.axis)
    return tuple(InDomain(one.name, domain or left) for domain in domains)
