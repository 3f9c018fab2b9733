"""Predicates: tests of answers as plain functions, several times as fast as exact regions of profiles."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from finetune_advisor.engine.model.conditions import (
    ABOVE,
    BELOW,
    EQUAL,
    Against,
    Condition,
    Related,
    Within,
    conditions,
)
from finetune_advisor.engine.model.inputs import Input, Profile, Value
from finetune_advisor.engine.model.tree import Circumstance, Tree, WarningRule

Predicate = Callable[[Profile], bool]
WarningPredicates = tuple[tuple[WarningRule, Predicate], ...]

SIGNS = {EQUAL: 0, ABOVE: 1, BELOW: -1}
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


def signs(condition: Condition) -> Iterator[int]:
    """The signs of a comparison that meet a condition."""
    return map(SIGNS.__getitem__, condition.relations if isinstance(condition, Related) else ())


def values(input_: Input, condition: Condition) -> Iterator[Value]:
    """The values of a boolean or an enum that meet a condition."""
    for low, high in condition.domain.spans if isinstance(condition, Within) else ():
        yield from map(input_.value, range(int(low), int(high) + 1))


def _all_hold(tests: list[Predicate]) -> Predicate:
    return tests[0] if len(tests) == 1 else lambda answers: all(test(answers) for test in tests)


def _holds(tree: Tree, circumstance: Circumstance) -> Predicate:
    input_, name = tree.inputs[circumstance.input], circumstance.input
    other = circumstance.test.input if isinstance(circumstance.test, Against) else None
    [condition] = conditions(input_, other, [circumstance.test])
    if other is not None:
        sign, allowed_signs = comparison_sign(name, other), {*signs(condition)}
        return lambda answers: name in answers and other in answers and sign(answers) in allowed_signs
    if input_.numeric and isinstance(condition, Within):
        [(low, high)] = condition.domain.spans  # a test of a number takes one span
        return lambda answers: name in answers and low <= answers[name] <= high  # type: ignore[operator]
    allowed = {*values(input_, condition)}
    return lambda answers: name in answers and answers[name] in allowed
