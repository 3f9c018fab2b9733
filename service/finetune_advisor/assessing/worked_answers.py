"""Answers that are worked out from the quantities of a worksheet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from finetune_advisor.engine.errors import FinetuneAdvisorError
from finetune_advisor.engine.evaluation.worksheets import fill_in_defaults, work_out
from finetune_advisor.engine.model.inputs import Input
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.engine.model.worksheets import Worksheet
from finetune_advisor.schemas.worksheets import WorkedAnswerSchema


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
    """Work out the answer to an input. `quantities` are valid; those with a default may be left out.

    Raises UnknownWorksheetError.
    """
    input_, worksheet = find_worksheet(tree, name)
    filled = fill_in_defaults(worksheet, quantities)
    return WorkedAnswer(tree, input_, worksheet, filled, work_out(worksheet, filled))


def describe_worked_answer(answer: WorkedAnswer) -> dict[str, Any]:
    """Return an answer as plain data in the shape of the API."""
    dumped: dict[str, Any] = WorkedAnswerSchema().dump(
        {
            "input": answer.input.name,
            "value": answer.value,
            "unit": answer.input.unit or None,
            "formula": answer.worksheet.formula,
            "quantities": answer.quantities,
            "tree": {"version": answer.tree.version, "digest": answer.tree.digest},
        }
    )
    return dumped
