"""Amounts: exact values, and bounds that hold every value."""

from __future__ import annotations

import time
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from finetune_advisor.engine.evaluation.amounts import AmountRange, evaluate_expression, round_half_up
from finetune_advisor.engine.model.formulas import Expression, FormulaError, parse_formula
from finetune_advisor.engine.model.units import MeasurementUnit
from tests.formulas import NAMES, Range, evaluate_in_python, expressions, ranges, values_in


def bounds(expression: Expression, within: dict[str, Range]) -> AmountRange:
    amounts = {name: AmountRange.between(low, high, "") for name, (low, high) in within.items()}
    try:
        return evaluate_expression(expression, amounts)
    except FormulaError:  # a divisor that can be 0
        assume(False)
        raise


@given(st.data(), expressions, ranges())
def test_every_value_lies_within_the_bounds(
    data: st.DataObject, expression: Expression, within: dict[str, Range]
) -> None:
    """At the ends of the ranges and between them, a formula has a value between its bounds."""
    found = bounds(expression, within)
    for _ in range(5):
        value = evaluate_in_python(str(expression), data.draw(values_in(within)))
        assert found.low <= value <= found.high


@given(expressions, st.fixed_dictionaries(dict.fromkeys(NAMES, st.floats(-1000, 1000))))
def test_values_are_exact(expression: Expression, values: dict[str, int | float]) -> None:
    """Over given values, the bounds are the one value that Python finds with fractions."""
    found = bounds(expression, {name: (value, value) for name, value in values.items()})
    expected = evaluate_in_python(str(expression), values)
    assert (expected, expected) == (found.low, found.high)


@pytest.mark.parametrize(
    ("number", "decimals", "expected"),
    [
        ("0.5", 0, "1"),
        ("-0.5", 0, "-1"),
        ("2.5", 0, "3"),
        ("0.4999999999999999999999", 0, "0"),
        ("1.005", 2, "1.01"),
        ("-1.005", 2, "-1.01"),
        ("7", 3, "7"),
    ],
)
def test_halves_are_rounded_away_from_zero(number: str, decimals: int, expected: str) -> None:
    """As people do on paper, without an error in binary."""
    assert Fraction(expected) == round_half_up(Fraction(number), decimals)


@pytest.mark.parametrize(
    ("formula", "unit"),
    [
        ("cost / saving", "month"),
        ("cost + 5 USD", "USD"),
        ("-cost", "USD"),
        ("max(0 USD, cost - saving * 2 months)", "USD"),
        ("ceil(saving)", "USD/month"),
        ("cost * cost", "USD^2"),
        ("2 * 3", "1"),
    ],
)
def test_units_follow_the_operations(formula: str, unit: str) -> None:
    """They are multiplied and divided with the numbers."""
    amounts = {
        "cost": AmountRange.between(1, 2, "USD"),
        "saving": AmountRange.between(1, 2, "USD/month"),
    }
    assert MeasurementUnit.parse(unit) == evaluate_expression(parse_formula(formula), amounts).unit


@pytest.mark.parametrize("formula", ["cost + 1", "cost - saving", "min(cost, saving, 1 USD)"])
def test_units_that_differ_are_refused(formula: str) -> None:
    """In sums, differences and choices, with the part that mixes them."""
    amounts = {
        "cost": AmountRange.between(1, 2, "USD"),
        "saving": AmountRange.between(1, 2, "USD/month"),
    }
    with pytest.raises(FormulaError, match="mixes the units USD and"):
        evaluate_expression(parse_formula(formula), amounts)


@pytest.mark.parametrize(
    "formula", ["+".join(f"1/{name}" for name in "abcabcabcabcabcabcabcabca"), "/".join("abc" * 17)]
)
def test_the_slowest_formulas_are_quick(formula: str) -> None:
    """Divisions by the smallest doubles have the longest fractions, and take a few milliseconds."""
    tiny: dict[str, Range] = dict.fromkeys(NAMES, (5e-324, 0.1 + 0.2))
    started = time.perf_counter()
    bounds(parse_formula(formula), tiny)

    assert time.perf_counter() - started < 1
