"""Amounts: exact arithmetic with ranges of numbers that have a unit.

The same operations work out a formula for given values, each a range of one number, and bound it for all
values of the quantities at once. An operation on ranges gives the least range that holds the result for every
choice of numbers in them. If the same quantity occurs twice in a formula, the operations don't know that both
have the same value: the range of the result may then be wider than need be, but it never misses a value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

from finetune_advisor.engine.model.formulas import (
    BinaryOperation,
    Expression,
    FormulaError,
    FunctionCall,
    NumberLiteral,
    QuantityName,
    UnaryMinus,
)
from finetune_advisor.engine.model.units import MeasurementUnit


@dataclass(frozen=True)
class AmountRange:
    """All numbers from `low` to `high` of a unit."""

    low: Fraction
    high: Fraction
    unit: MeasurementUnit

    @classmethod
    def between(cls, low: int | float, high: int | float, unit: str) -> AmountRange:
        """Return the amount between two numbers, which count as decimals: 0.1 is 1/10."""
        return cls(exact(low), exact(high), MeasurementUnit.parse(unit))


def exact(number: int | float) -> Fraction:
    """Return the shortest decimal that a number is written as, without an error in binary."""
    return Fraction(repr(number))


def round_half_up(number: Fraction, decimals: int = 0) -> Fraction:
    """Round a number to decimals; halves go away from zero, as on paper: 2.5 to 3, -2.5 to -3."""
    scale = 10**decimals
    rounded = floor(abs(number) * scale + Fraction(1, 2))
    return Fraction(rounded if number >= 0 else -rounded, scale)


ROUNDINGS: Mapping[str, Callable[[Fraction], Fraction]] = {
    "ceil": lambda number: Fraction(ceil(number)),
    "floor": lambda number: Fraction(floor(number)),
    "round": round_half_up,
}


def evaluate_expression(expression: Expression, amounts: Mapping[str, AmountRange]) -> AmountRange:
    """Work out an expression over named amounts.

    Raises FormulaError if units don't fit, a divisor can be zero, or there is no amount of a name.
    """
    match expression:
        case NumberLiteral(text, unit):
            return AmountRange(Fraction(text), Fraction(text), MeasurementUnit.parse(unit))
        case QuantityName(name):
            if name not in amounts:
                known = ", ".join(amounts)
                problem = f"there is no quantity or constant {name}"
                raise FormulaError(problem, f"declare it, or correct the name; declared are {known}")
            return amounts[name]
        case UnaryMinus(operand):
            amount = evaluate_expression(operand, amounts)
            # The sign turns the range around.
            return AmountRange(-amount.high, -amount.low, amount.unit)
        case BinaryOperation(_, left, right):
            both = evaluate_expression(left, amounts), evaluate_expression(right, amounts)
            return _operate(expression, *both)
        case _:
            arguments = [evaluate_expression(each, amounts) for each in expression.arguments]
            return _call(expression, arguments)


def _operate(operation: BinaryOperation, left: AmountRange, right: AmountRange) -> AmountRange:
    match operation.operator:
        case "+":
            unit = _common_unit(operation, [left, right])
            return AmountRange(left.low + right.low, left.high + right.high, unit)
        case "-":
            unit = _common_unit(operation, [left, right])
            # The difference is least where as much as possible is taken away.
            return AmountRange(left.low - right.high, left.high - right.low, unit)
        case "*":
            return _multiply(left, right)
    if right.low <= 0 <= right.high:
        problem = f"{operation.right} can be 0, and divides {operation.left}"
        raise FormulaError(problem, "give its quantities ranges without 0, or divide by max(…) of it")
    return _multiply(left, AmountRange(1 / right.high, 1 / right.low, MeasurementUnit() / right.unit))


def _multiply(left: AmountRange, right: AmountRange) -> AmountRange:
    # A product is greatest or least at the ends of both ranges, but their signs decide at which.
    products = [a * b for a in (left.low, left.high) for b in (right.low, right.high)]
    return AmountRange(min(products), max(products), left.unit * right.unit)


def _call(call: FunctionCall, amounts: list[AmountRange]) -> AmountRange:
    unit = _common_unit(call, amounts)
    # Each of these functions grows with its arguments, so the ends of the ranges give the ends of the result.
    if rounding := ROUNDINGS.get(call.function):
        return AmountRange(rounding(amounts[0].low), rounding(amounts[0].high), unit)
    choose = min if call.function == "min" else max
    return AmountRange(choose(a.low for a in amounts), choose(a.high for a in amounts), unit)


def _common_unit(expression: Expression, amounts: list[AmountRange]) -> MeasurementUnit:
    units = list(dict.fromkeys(amount.unit for amount in amounts))
    if len(units) > 1:
        words = (str(unit) if unit.powers else "1 (plain numbers)" for unit in units)
        problem = f"{expression} mixes the units {' and '.join(words)}"
        raise FormulaError(problem, "give all of it the same unit; a number takes one, as in 600 months")
    return units[0]
