"""Predicates: tests of answers as plain functions, several times as fast as exact regions of profiles."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from finetune_advisor.engine.model.conditions import (
    ABOVE,
    BELOW,
    EQUAL,
    ComparedWith,
    Condition,
    InDomain,
    InRelation,
    exclusive_conditions,
)
from finetune_advisor.engine.model.inputs import Input, Profile, Value
from finetune_advisor.engine.model.tree import Tree, WarningCondition, WarningRule

Predicate = Callable[[Profile], bool]
WarningPredicates = tuple[tuple[WarningRule, Predicate], ...]

SIGN_BY_RELATION = {EQUAL: 0, ABOVE: 1, BELOW: -1}
"""How one number relates to another, as the sign of their difference."""


def warning_predicates(tree: Tree) -> WarningPredicates:
    """The warnings of a tree, each with what tells whether all its circumstances are known to hold."""
    return tuple([(rule, _all_hold([_holds(tree, one) for one in rule.when])) for rule in tree.warnings])


def comparison_sign(name: str, other: str) -> Callable[[Profile], int]:
    """The sign of the difference of two answers."""

    def sign(profile: Profile) -> int:
        one, two = profile[name], profile[other]
        return (one > two) - (one < two)  # type: ignore[operator]  # compared inputs are numbers

    return sign


def signs_of_condition(condition: Condition) -> Iterator[int]:
    """The signs of a comparison that meet a condition."""
    return map(
        SIGN_BY_RELATION.__getitem__, condition.relations if isinstance(condition, InRelation) else ()
    )


def values_of_condition(input_: Input, condition: Condition) -> Iterator[Value]:
    """The values of a boolean or an enum that meet a condition."""
    for low, high in condition.domain.spans if isinstance(condition, InDomain) else ():
        yield from map(input_.value, range(int(low), int(high) + 1))


def _all_hold(tests: list[Predicate]) -> Predicate:
    return tests[0] if len(tests) == 1 else lambda answers: all(test(answers) for test in tests)


def _holds(tree: Tree, circumstance: WarningCondition) -> Predicate:
    input_, name = tree.inputs[circumstance.input], circumstance.input
    other = circumstance.test.input if isinstance(circumstance.test, ComparedWith) else None
    [condition] = exclusive_conditions(input_, other, [circumstance.test])
    if other is not None:
        sign, allowed_signs = comparison_sign(name, other), {*signs_of_condition(condition)}
        return lambda answers: name in answers and other in answers and sign(answers) in allowed_signs
    if input_.is_numeric and isinstance(condition, InDomain):
        [(low, high)] = condition.domain.spans  # a test of a number takes one span
        return lambda answers: name in answers and low <= answers[name] <= high  # type: ignore[operator]
    allowed = {*values_of_condition(input_, condition)}
    return lambda answers: name in answers and answers[name] in allowed
