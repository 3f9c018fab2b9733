"""Works out the answer to an input from the quantities of its worksheet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from finetune_advisor.engine.errors import FinetuneAdvisorError
from finetune_advisor.engine.evaluation.amounts import AmountRange, evaluate_expression, round_half_up
from finetune_advisor.engine.model.inputs import Input, normalize_number
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.engine.model.worksheets import Worksheet


class UnknownWorksheetError(FinetuneAdvisorError):
    """The input of a tree has no worksheet; the message names those that have one."""


@dataclass(frozen=True)
class WorkedAnswer:
    """An answer that was worked out, with all the quantities that it follows from."""

    tree: Tree
    input: Input
    worksheet: Worksheet
    quantities: Mapping[str, int | float]
    value: int | float


def find_worksheet(tree: Tree, name: str) -> tuple[Input, Worksheet]:
    """Return an input of a tree and its worksheet. Raises UnknownWorksheetError."""
    input_ = tree.inputs.get(name)
    if input_ is None or input_.worksheet is None:
        names = [input_.name for input_ in tree.inputs.values() if input_.worksheet]
        listed = f"these inputs have one: {', '.join(names)}" if names else "no input has one"
        problem = "has no worksheet for" if input_ else "has no input"
        raise UnknownWorksheetError(f"tree {tree.version} {problem} {name}; {listed}")
    return input_, input_.worksheet


def work_out_answer(tree: Tree, name: str, quantities: Mapping[str, int | float]) -> WorkedAnswer:
    """Work out the answer to an input of a tree. Quantities without a default must be given, in their range.

    Raises UnknownWorksheetError.
    """
    input_, worksheet = find_worksheet(tree, name)
    filled = _fill_in_defaults(worksheet, quantities)
    return WorkedAnswer(tree, input_, worksheet, filled, work_out(worksheet, filled))


def _fill_in_defaults(
    worksheet: Worksheet, quantities: Mapping[str, int | float]
) -> dict[str, int | float]:
    """Return all quantities in the worksheet's order, with defaults for those that aren't given."""
    filled = {name: quantities.get(name, item.default) for name, item in worksheet.quantities.items()}
    return {name: normalize_number(value) for name, value in filled.items() if value is not None}


def work_out(worksheet: Worksheet, quantities: Mapping[str, int | float]) -> int | float:
    """Return the answer for all quantities of a worksheet, each of which lies in its range.

    The arithmetic is exact until the result is rounded, so that every machine gives the same answer.
    """
    amounts = {
        name: AmountRange.between(quantities[name], quantities[name], quantity.unit)
        for name, quantity in worksheet.quantities.items()
    } | constant_amounts(worksheet)
    result = evaluate_expression(worksheet.expression, amounts).low
    return normalize_number(float(round_half_up(result, worksheet.decimals or 0)))


def constant_amounts(worksheet: Worksheet) -> dict[str, AmountRange]:
    """Return the constants of a worksheet as amounts of one number each."""
    return {
        name: AmountRange.between(constant.value, constant.value, constant.unit)
        for name, constant in worksheet.constants.items()
    }
