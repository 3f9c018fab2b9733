"""The proof that worksheets give valid answers; `tests/trees/faults.yaml` has each fault with its message."""

from __future__ import annotations

from dataclasses import replace

import pytest

from finetune_advisor.engine.analysis.worksheet_proof import MAX_ENTRIES, find_worksheet_faults
from finetune_advisor.engine.model.inputs import Input
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.engine.model.worksheets import Worksheet, WorksheetConstant, WorksheetQuantity
from tests import families

A = WorksheetQuantity("a", "A", 0, 10)
WORKSHEET = Worksheet("How", {"a": A}, "a", decimals=1)


def faults(worksheet: Worksheet, **fields: object) -> list[str]:
    """The problems of a tree whose one input has a worksheet."""
    one = Input("x", "number", "X", minimum=0, maximum=10, worksheet=worksheet)
    tree: Tree = replace(families.row_of_questions(1), inputs={"x": replace(one, **fields)})
    return [fault.problem for fault in find_worksheet_faults(tree)]


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("a", []),
        ("10 - a", []),
        ("a * a", ["the result can be as high as 100, above the input's maximum 10"]),
        ("min(a * a, 10)", []),
        ("a - a", ["the result can be as low as -10, below the input's minimum 0"]),
        ("a / (a + 1)", []),
        ("10 / a", ["a can be 0, and divides 10"]),
        ("max(a, 0.05) / max(a, 5)", []),
        ("a + 0.04", []),
        ("a + 0.05", ["the result can be as high as 10.1, above the input's maximum 10"]),
    ],
)
def test_bounds_are_found_after_rounding(formula: str, expected: list[str]) -> None:
    """Of the result as it is given; a quantity that occurs twice counts as two."""
    assert expected == faults(replace(WORKSHEET, formula=formula))


def test_an_input_without_a_range_has_that_of_json() -> None:
    """The greatest numbers that JSON carries bound it."""
    large = WorksheetQuantity("a", "A", 0, 2**53 - 1)
    problem = "the result can be as high as {}, above the input's maximum 9007199254740991"
    for formula, high in (("a + 0.5", "9007199254740991.5"), ("a * a * 2", "1.62e+32"), ("a / 2", "")):
        worksheet = replace(WORKSHEET, quantities={"a": large}, formula=formula)
        expected = [problem.format(high)] if high else []
        assert expected == faults(worksheet, minimum=None, maximum=None)


def test_a_worksheet_has_few_entries() -> None:
    """Of quantities and of constants, so that none takes long."""
    names = [f"a{number}" for number in range(MAX_ENTRIES + 1)]
    worksheet = Worksheet(
        "How",
        {name: replace(A, name=name) for name in names},
        "a0",
        {f"c{name}": WorksheetConstant(name, "C", 1) for name in names},
        decimals=1,
    )
    expected = [f"there are more than 20 {field}" for field in ("quantities", "constants")]
    assert expected == faults(worksheet)
