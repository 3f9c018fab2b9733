"""Proofs that worksheets give valid answers: in the input's range and unit, and never a division by zero."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

from finetune_advisor.engine.analysis.validation import TreeFault
from finetune_advisor.engine.evaluation.amounts import (
    AmountRange,
    evaluate_expression,
    exact,
    round_half_up,
)
from finetune_advisor.engine.evaluation.worksheets import constant_amounts
from finetune_advisor.engine.model.formulas import FORMULA_FUNCTIONS, FormulaError, names_in
from finetune_advisor.engine.model.inputs import Input
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.engine.model.units import MAX_UNIT_LENGTH, MeasurementUnit
from finetune_advisor.engine.model.worksheets import Worksheet

MAX_ENTRIES = 20
"""Quantities, and constants, of a worksheet."""
MAX_RESULT_DECIMALS = 6
MIN_EXPONENT_NUMBER = 10**21
"""From this number on, messages write numbers with an exponent."""

Pointer = tuple[str | int, ...]


def find_worksheet_faults(tree: Tree) -> list[TreeFault]:
    """Return the faults of the worksheets of a tree.

    The formula of a worksheet is looked at only where its quantities and constants have no fault.
    """
    return [
        fault
        for input_ in tree.inputs.values()
        if input_.worksheet
        for fault in _faults_of_input(input_, input_.worksheet)
    ]


def _faults_of_input(input_: Input, worksheet: Worksheet) -> list[TreeFault]:
    pointer = ("inputs", input_.name, "worksheet")
    if not input_.is_numeric:
        return [TreeFault(pointer, f"{input_.type} inputs have no worksheet", "remove worksheet")]
    faults = [
        *_unit_faults(("inputs", input_.name), input_.unit),
        *_decimals_faults(pointer, input_, worksheet),
        *_entry_faults(pointer, worksheet),
    ]
    # A quantity with a wrong unit or range would only bring faults of the formula that go away with it.
    return faults or [*_formula_faults(pointer, input_, worksheet)]


def _unit_faults(pointer: Pointer, unit: str) -> Iterator[TreeFault]:
    try:
        MeasurementUnit.parse(unit)
    except ValueError as error:
        remedy = f"write words with * and /, such as USD/month, in {MAX_UNIT_LENGTH} characters at most"
        yield TreeFault((*pointer, "unit"), f"{error} that a worksheet can work with", remedy)


def _decimals_faults(pointer: Pointer, input_: Input, worksheet: Worksheet) -> Iterator[TreeFault]:
    decimals = worksheet.decimals
    if input_.type == "integer" and decimals:
        yield TreeFault((*pointer, "decimals"), "an integer has no decimals", "remove decimals")
    elif input_.type == "number" and decimals is None:
        yield TreeFault(pointer, "a number needs decimals", "say to how many the result is rounded")
    elif decimals is not None and decimals not in range(MAX_RESULT_DECIMALS + 1):
        problem = f"{decimals} are not the decimals of a result"
        remedy = f"write a whole number from 0 to {MAX_RESULT_DECIMALS}"
        yield TreeFault((*pointer, "decimals"), problem, remedy)


def _entry_faults(pointer: Pointer, worksheet: Worksheet) -> Iterator[TreeFault]:
    """Yield the faults of quantities and constants without the formula."""
    for field, entries in (("quantities", worksheet.quantities), ("constants", worksheet.constants)):
        if len(entries) > MAX_ENTRIES:
            problem = f"there are more than {MAX_ENTRIES} {field}"
            yield TreeFault((*pointer, field), problem, "leave some out")
        for name, entry in entries.items():
            yield from _unit_faults((*pointer, field, name), entry.unit)
            # The formula could not say whether `max` is called or named.
            if name in FORMULA_FUNCTIONS:
                yield TreeFault((*pointer, field, name), f"{name} is a function", "use another name")
    for name in worksheet.constants:
        if name in worksheet.quantities:
            problem = f"{name} is also the name of a quantity"
            yield TreeFault((*pointer, "constants", name), problem, "rename one of them")
    for name, quantity in worksheet.quantities.items():
        quantity_pointer = (*pointer, "quantities", name)
        if quantity.minimum >= quantity.maximum:
            problem = "the range holds fewer than two values"
            yield TreeFault(quantity_pointer, problem, "set minimum below maximum")
        elif (
            quantity.default is not None and not quantity.minimum <= quantity.default <= quantity.maximum
        ):
            problem = f"the default {quantity.default} is out of the quantity's range"
            yield TreeFault((*quantity_pointer, "default"), problem, "choose one within it")


def _formula_faults(pointer: Pointer, input_: Input, worksheet: Worksheet) -> Iterator[TreeFault]:
    formula_pointer = (*pointer, "formula")
    try:
        result = evaluate_expression(worksheet.expression, _all_amounts(worksheet))
    except FormulaError as error:
        yield TreeFault(formula_pointer, error.problem, error.remedy)
        return
    yield from _unused_entry_faults(pointer, worksheet)
    if result.unit != MeasurementUnit.parse(input_.unit):
        problem = f"the result's unit is {result.unit}, and the input's is {input_.unit or '1'}"
        yield TreeFault(formula_pointer, problem, "correct the formula or the units of its quantities")
        return
    for problem, remedy in _range_problems(input_, worksheet, result):
        yield TreeFault(formula_pointer, problem, remedy)


def _all_amounts(worksheet: Worksheet) -> dict[str, AmountRange]:
    quantities = {
        name: AmountRange.between(quantity.minimum, quantity.maximum, quantity.unit)
        for name, quantity in worksheet.quantities.items()
    }
    return quantities | constant_amounts(worksheet)


def _unused_entry_faults(pointer: Pointer, worksheet: Worksheet) -> Iterator[TreeFault]:
    used = {*names_in(worksheet.expression)}
    for field, entries in (("quantities", worksheet.quantities), ("constants", worksheet.constants)):
        for name in entries:
            if name not in used:
                problem = "the formula doesn't use it"
                yield TreeFault((*pointer, field, name), problem, "use it or remove it")


def _range_problems(
    input_: Input, worksheet: Worksheet, result: AmountRange
) -> Iterator[tuple[str, str]]:
    """Yield a problem and a remedy for each end of the input's range that the result can exceed."""
    # The ends are rounded as the answer will be: -0.4 rounds to 0, which is not below a minimum of 0.
    low, high = (round_half_up(end, worksheet.decimals or 0) for end in (result.low, result.high))
    unit = f" {input_.unit}" if input_.unit not in ("", "1") else ""
    if low < exact(input_.lowest):
        problem = f"the result can be as low as {_write(low)}, below the input's minimum {input_.lowest}"
        yield problem, f"put it into max(…, {input_.lowest}{unit}), or narrow the quantities' ranges"
    if high > exact(input_.highest):
        problem = (
            f"the result can be as high as {_write(high)}, above the input's maximum {input_.highest}"
        )
        yield problem, f"put it into min(…, {input_.highest}{unit}), or narrow the quantities' ranges"


def _write(number: Fraction) -> str:
    decimal = (Decimal(number.numerator) / Decimal(number.denominator)).normalize()
    return f"{decimal:f}" if abs(number) < MIN_EXPONENT_NUMBER else f"{decimal:.3g}"
