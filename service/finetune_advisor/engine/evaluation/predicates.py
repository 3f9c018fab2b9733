"""Tests of answers as plain functions, which are several times as fast as exact regions."""

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
"""The sign of the difference of two numbers that have a relation."""


def warning_predicates(tree: Tree) -> WarningPredicates:
    """Return each warning of a tree with a predicate: whether all its conditions are known to hold."""
    return tuple(
        [
            (rule, _all_hold([_predicate(tree, condition) for condition in rule.when]))
            for rule in tree.warnings
        ]
    )


def comparison_sign(name: str, other: str) -> Callable[[Profile], int]:
    """Return a function that gives the sign of the difference of two answers: -1, 0 or 1.

    The function raises KeyError for a profile that lacks one of them.
    """

    def sign(profile: Profile) -> int:
        number, other_number = profile[name], profile[other]
        return (number > other_number) - (number < other_number)  # type: ignore[operator]  # compared inputs are numbers

    return sign


def signs_of_condition(condition: Condition) -> Iterator[int]:
    """Return the signs of a comparison that meet a condition."""
    relations = condition.relations if isinstance(condition, InRelation) else ()
    return map(SIGN_BY_RELATION.__getitem__, relations)


def values_of_condition(input_: Input, condition: Condition) -> Iterator[Value]:
    """Yield the values of a boolean or an enum that meet a condition."""
    for low, high in condition.domain.spans if isinstance(condition, InDomain) else ():
        yield from map(input_.value, range(int(low), int(high) + 1))


def _all_hold(predicates: list[Predicate]) -> Predicate:
    if len(predicates) == 1:
        return predicates[0]
    return lambda answers: all(predicate(answers) for predicate in predicates)


def _predicate(tree: Tree, warning_condition: WarningCondition) -> Predicate:
    """Return a function that tells whether answers are known to meet a condition of a warning."""
    name, test = warning_condition.input, warning_condition.test
    input_, other = tree.inputs[name], test.input if isinstance(test, ComparedWith) else None
    [condition] = exclusive_conditions(input_, other, [test])
    if other is not None:
        sign, allowed_signs = comparison_sign(name, other), {*signs_of_condition(condition)}
        return lambda answers: name in answers and other in answers and sign(answers) in allowed_signs
    if input_.is_numeric and isinstance(condition, InDomain):
        [(low, high)] = condition.domain.spans  # a test of a number takes one span
        return lambda answers: name in answers and low <= answers[name] <= high  # type: ignore[operator]
    allowed = {*values_of_condition(input_, condition)}
    return lambda answers: name in answers and answers[name] in allowed
