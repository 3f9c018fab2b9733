"""Hypothesis strategies: formulas with quantities whose units fit, and values for them."""

from __future__ import annotations

import re
from fractions import Fraction
from math import ceil, floor
from typing import Any

from hypothesis import strategies as st

from finetune_advisor.engine.model.formulas import (
    BinaryOperation,
    Expression,
    FunctionCall,
    NumberLiteral,
    QuantityName,
    UnaryMinus,
)

NAMES = ("a", "b", "c")
Range = tuple[int | float, int | float]

numbers = st.sampled_from(("0", "1", "2", "0.5", "3.75", "10", "0.1")).map(NumberLiteral)
leaves = numbers | st.sampled_from(NAMES).map(QuantityName)


def _grow(parts: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    return st.one_of(
        st.builds(UnaryMinus, parts),
        st.builds(BinaryOperation, st.sampled_from("+-*/"), parts, parts),
        st.builds(
            FunctionCall,
            st.sampled_from(("min", "max")),
            st.lists(parts, min_size=2, max_size=3).map(tuple),
        ),
        st.builds(FunctionCall, st.sampled_from(("ceil", "floor", "round")), st.tuples(parts)),
    )


expressions: st.SearchStrategy[Expression] = st.recursive(leaves, _grow, max_leaves=8)

ends = (st.integers(-20, 20).map(lambda number: number / 4) | st.floats(-100, 100, width=32)).map(
    # Zero has one sign, so that an end isn't below itself.
    lambda number: number + 0.0
)


@st.composite
def ranges(draw: st.DrawFn) -> dict[str, Range]:
    """A range for each name."""
    drawn = {name: sorted((draw(ends), draw(ends))) for name in NAMES}
    return {name: (low, high) for name, (low, high) in drawn.items()}


@st.composite
def values_in(draw: st.DrawFn, within: dict[str, Range]) -> dict[str, int | float]:
    """A value for each name: an end of its range, or any number in it."""
    return {
        name: draw(st.sampled_from((low, high)) | st.floats(low, high))
        for name, (low, high) in within.items()
    }


def evaluate_in_python(formula: str, values: dict[str, int | float]) -> Fraction:
    """What Python makes of a formula over fractions: its syntax is Python's, but for units."""
    names: dict[str, Any] = {name: Fraction(repr(value)) for name, value in values.items()}
    names |= {"min": min, "max": max}
    # Python would divide the whole numbers of its own functions to a double.
    roundings = {"ceil": ceil, "floor": floor, "round": _round}
    names |= {
        name: lambda number, rounding=rounding: Fraction(rounding(number))
        for name, rounding in roundings.items()
    }
    # Python would read 0.1 as a double, and would divide whole numbers to one, too.
    exact = re.sub(r"[0-9]+(\.[0-9]+)?", r"Fraction('\g<0>')", formula)
    return Fraction(eval(exact, {"__builtins__": {}, "Fraction": Fraction}, names))


def _round(number: Fraction) -> int:
    """Halves away from zero; Python's own goes to the even neighbour."""
    return floor(number + Fraction(1, 2)) if number >= 0 else -_round(-number)
