"""Worksheets: how to work out the answer to a numeric input from quantities that people know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from finetune_advisor.engine.model.formulas import Expression, parse_formula
from finetune_advisor.engine.model.references import Reference


@dataclass(frozen=True)
class WorksheetQuantity:
    """A number that a person gives, within a range. Without a `default` it has to be given."""

    name: str
    label: str
    minimum: int | float
    maximum: int | float
    help: str = ""
    unit: str = ""
    default: int | float | None = None


@dataclass(frozen=True)
class WorksheetConstant:
    """A figure that the formula uses, with its source."""

    name: str
    label: str
    value: int | float
    unit: str = ""
    references: tuple[Reference, ...] = ()


@dataclass(frozen=True)
class Worksheet:
    """Quantities and a formula over them.

    The result is rounded to `decimals`, which are 0 if they are None. `analysis.worksheet_proof` proves that
    it lies in the input's range and has the input's unit, whatever the quantities.
    """

    summary: str
    quantities: Mapping[str, WorksheetQuantity]
    formula: str
    constants: Mapping[str, WorksheetConstant] = field(default_factory=dict)
    decimals: int | None = None
    references: tuple[Reference, ...] = ()

    @cached_property
    def expression(self) -> Expression:
        """The formula as an expression. Raises FormulaError if it can't be read."""
        return parse_formula(self.formula)
