"""Works out the answer to an input from the quantities of its worksheet."""

from __future__ import annotations

from collections.abc import Mapping

from finetune_advisor.engine.evaluation.amounts import Amount, evaluate_expression, round_half_up
from finetune_advisor.engine.model.inputs import normalize_number
from finetune_advisor.engine.model.worksheets import Worksheet


def fill_in_defaults(
    worksheet: Worksheet, quantities: Mapping[str, int | float]
) -> dict[str, int | float]:
    """Return the quantities in the worksheet's order, with defaults for those that aren't given.

    Quantities that are neither given nor have a default are left out.
    """
    filled = {name: quantities.get(name, item.default) for name, item in worksheet.quantities.items()}
    return {name: value for name, value in filled.items() if value is not None}


def work_out(worksheet: Worksheet, quantities: Mapping[str, int | float]) -> int | float:
    """Return the answer for all quantities of a worksheet, each of which lies in its range.

    The arithmetic is exact until the result is rounded, so that every machine gives the same answer.
    """
    amounts = {
        name: Amount.between(quantities[name], quantities[name], quantity.unit)
        for name, quantity in worksheet.quantities.items()
    } | constant_amounts(worksheet)
    result = evaluate_expression(worksheet.expression, amounts).low
    return normalize_number(float(round_half_up(result, worksheet.decimals or 0)))


def constant_amounts(worksheet: Worksheet) -> dict[str, Amount]:
    """Return the constants of a worksheet as amounts of one number each."""
    return {
        name: Amount.between(constant.value, constant.value, constant.unit)
        for name, constant in worksheet.constants.items()
    }
