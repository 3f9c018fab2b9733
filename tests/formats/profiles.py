"""Complete profiles for any tree, with numbers at its thresholds, next to them and at the ends."""

from __future__ import annotations

from collections.abc import Collection
from itertools import chain
from math import inf, nextafter
from random import Random

from finetune_advisor.engine.model.conditions import InRange
from finetune_advisor.engine.model.inputs import Input, Value, normalize_number
from finetune_advisor.engine.model.tree import Tree


def some(tree: Tree, count: int) -> list[dict[str, Value]]:
    """The same profiles each time."""
    random = Random(tree.digest)  # not for secrets
    options = {name: answers(tree, one) for name, one in tree.inputs.items()}
    return [{name: random.choice(values) for name, values in options.items()} for _ in range(count)]


def answers(tree: Tree, one: Input, among: Collection[str] | None = None) -> list[Value]:
    """Answers to an input; numbers are the same for all numeric inputs, or those `among` some names, so that
    some compare as equal.
    """
    if not one.is_numeric:
        return [one.value(position) for position in range(one.axis.greatest + 1)]
    others = [name for name, other in tree.inputs.items() if other.is_numeric]
    ends = set(
        chain.from_iterable(_ends(tree, name) for name in others if among is None or name in among)
    )
    near = {place for end in ends for place in _neighbours(one, end)}
    return [normalize_number(place) for place in sorted(near) if place in one.axis]


def _ends(tree: Tree, name: str) -> list[float]:
    tests = [b.test for q in tree.questions.values() if q.input == name for b in q.branches]
    bounds = chain.from_iterable((t.lower, t.upper) for t in tests if isinstance(t, InRange))
    axis = tree.inputs[name].axis
    return [axis.least, axis.greatest, *(bound.value for bound in bounds if bound)]


def _neighbours(one: Input, end: float) -> tuple[float, ...]:
    if one.type == "integer":
        return (int(end) - 1, int(end), int(end) + 1)
    return nextafter(end, -inf), float(end), nextafter(end, inf)
