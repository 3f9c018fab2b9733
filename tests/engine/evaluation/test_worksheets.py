"""Answers that are worked out: rounded, valid, and with the quantities that they follow from."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune_advisor.engine.evaluation.worksheets import (
    UnknownWorksheetError,
    find_worksheet,
    work_out,
    work_out_answer,
)
from finetune_advisor.engine.model.inputs import Input
from finetune_advisor.engine.model.worksheets import Worksheet
from finetune_advisor.trees import loader
from tests import strategies

TYPED = loader.load_tree(Path(__file__).parents[2] / "api" / "typed.yaml")


@st.composite
def answered(draw: st.DrawFn) -> tuple[Input, Worksheet, dict[str, int | float]]:
    """A numeric input with a worksheet, and quantities for it."""
    one = draw(strategies.inputs("x").filter(lambda one: one.worksheet is not None))
    assert one.worksheet
    quantities = {
        name: draw(st.sampled_from((item.minimum, item.maximum)) | st.floats(item.minimum, item.maximum))
        for name, item in one.worksheet.quantities.items()
    }
    return one, one.worksheet, quantities


@given(answered())
def test_every_result_is_an_answer(drawn: tuple[Input, Worksheet, dict[str, int | float]]) -> None:
    """Whatever the quantities, the input takes the result, and it has no more decimals than it says."""
    one, worksheet, quantities = drawn
    value = work_out(worksheet, quantities)

    assert value == one.position(value)
    assert value == round(value, worksheet.decimals or 0)


def test_defaults_are_filled_in() -> None:
    """In the order of the worksheet, and whole numbers as integers."""
    answer = work_out_answer(TYPED, "corpus_length", {"documents": 3.0})

    assert [("documents", 3), ("length", 500)] == [*answer.quantities.items()]
    assert (1950, int) == (answer.value, type(answer.value))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("team", "tree 9.0.0-typed has no worksheet for team; these inputs have one: corpus_length"),
        ("nothing", "tree 9.0.0-typed has no input nothing; these inputs have one: corpus_length"),
    ],
)
def test_an_input_without_a_worksheet_is_told(name: str, message: str) -> None:
    """With those that have one."""
    with pytest.raises(UnknownWorksheetError, match=message):
        find_worksheet(TYPED, name)
