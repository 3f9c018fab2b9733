"""Branching: the tests of a question's branches, and the exact conditions that they stand for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Literal

from finetune_advisor.engine.model.domain import Domain
from finetune_advisor.engine.model.inputs import Input

Operator = Literal["lt", "lte", "gt", "gte"]
SYMBOLS: Mapping[Operator, str] = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">="}

BELOW, EQUAL, ABOVE = "<", "=", ">"
EVERY_RELATION = frozenset({BELOW, EQUAL, ABOVE})
RELATIONS: Mapping[Operator, frozenset[str]] = {
    "lt": frozenset({BELOW}),
    "lte": frozenset({BELOW, EQUAL}),
    "gt": frozenset({ABOVE}),
    "gte": frozenset({ABOVE, EQUAL}),
}


@dataclass(frozen=True)
class OneOf:
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
class Between:
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
        return " and ".join(f"{SYMBOLS[operator]} {value}" for operator, value in self.ends)


@dataclass(frozen=True)
class Against:
    """`lt`, `lte`, `gt`, `gte` against another input."""

    operator: Operator
    input: str

    def __str__(self) -> str:
        return f"{SYMBOLS[self.operator]} {self.input}"


@dataclass(frozen=True)
class Otherwise:
    """Every answer that no other branch of the question takes."""

    def __str__(self) -> str:
        return "otherwise"


Test = OneOf | Between | Against | Otherwise


@dataclass(frozen=True, slots=True)
class Within:
    """The condition that an input's position lies in a domain."""

    input: str
    domain: Domain


@dataclass(frozen=True, slots=True)
class Related:
    """The condition that an input lies below, at or above another one."""

    input: str
    relations: frozenset[str]
    other: str


Condition = Within | Related


def domain_of(one: Input, test: Test) -> Domain:
    """The positions of an input that pass a test of it alone; `otherwise` passes none by itself."""
    match test:
        case OneOf(values):
            return Domain.of(one.position(value) for value in values)
        case Between(lower, upper):
            domain = one.axis
            if lower:
                domain = domain.from_(lower.value, strict=not lower.inclusive)
            if upper:
                domain = domain.up_to(upper.value, strict=not upper.inclusive)
            return domain
        case _:
            return Domain((), one.axis.dense)


def relations_of(test: Test) -> frozenset[str]:
    """How an input that passes a test may relate to the other one; `otherwise` adds nothing by itself."""
    return RELATIONS[test.operator] if isinstance(test, Against) else frozenset()


def conditions(one: Input, other: str | None, tests: Sequence[Test]) -> tuple[Condition, ...]:
    """The condition behind each of a question's tests, with `otherwise` worked out.

    The tests must be sound: of the right type, disjoint, none of them without an answer.
    """
    if other is not None:
        related = [relations_of(test) for test in tests]
        rest = EVERY_RELATION.difference(*related)
        return tuple(Related(one.name, relations or rest, other) for relations in related)
    domains = [domain_of(one, test) for test in tests]
    left = reduce(Domain.__sub__, domains, one.axis)
    return tuple(Within(one.name, domain or left) for domain in domains)
