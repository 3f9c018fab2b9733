"""Which types of Arrow columns answer which inputs, and their values in the form that profiles have."""

from __future__ import annotations

from math import isnan
from typing import Any

import pyarrow as pa
from pyarrow import compute, types

from finetune_advisor.engine.model.inputs import Input

TEXT_TYPES = (types.is_string, types.is_large_string, types.is_string_view)
NUMBER_TYPES = (types.is_integer, types.is_floating, types.is_decimal)


def describe_type_fault(column: str, type_: pa.DataType, input_: Input) -> str | None:
    """Describe why a column of a type can't answer an input, and what to do; None if it can.

    A column of type null answers any input: every answer is unknown.
    """
    # A dictionary is only another way to store values.
    value_type = type_.value_type if types.is_dictionary(type_) else type_
    if types.is_null(type_) or _accepts(input_, value_type):
        return None
    expected, remedy = {
        "boolean": ("booleans", "bool"),
        "enum": (f"text, one of {', '.join(input_.choices)}", "string"),
        "integer": ("whole numbers", "int64"),
        "number": ("numbers", "double"),
    }[input_.type]
    return (
        f"the column {column!r} is of type {type_}, and the input takes {expected}; cast it to {remedy}"
    )


def _accepts(input_: Input, type_: pa.DataType) -> bool:
    accepted = {"boolean": (types.is_boolean,), "enum": TEXT_TYPES}.get(input_.type, NUMBER_TYPES)
    return any(is_type(type_) for is_type in accepted)


def convert_answers(column: pa.Array, input_: Input) -> pa.Array:
    """Convert a column of an accepted type to booleans, text, 64-bit integers or doubles.

    Values that the input can't have stay, and integers may have another width if one of them is too large.
    """
    if types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if types.is_null(column.type) or input_.type == "boolean":
        return column
    if input_.type == "enum":
        return column.cast(pa.string())
    column = convert_decimals(column)
    if not types.is_integer(column.type):
        column = column.cast(pa.float64())
    # Pandas makes doubles of integers where one is missing.
    return _try_integers(column) if input_.type == "integer" or types.is_integer(column.type) else column


def is_nan(value: Any) -> bool:
    """Return whether a value of a column is NaN, which JSON can't say."""
    return isinstance(value, float) and isnan(value)


def convert_decimals(column: pa.Array) -> pa.Array:
    """Convert decimals to the nearest doubles; any other column stays as it is."""
    if not types.is_decimal(column.type):
        return column
    # Arrow's own cast gives 0.09999999999999999 for 0.1.
    return column.cast(pa.string()).cast(pa.float64())


def _try_integers(column: pa.Array) -> pa.Array:
    """Convert numbers to 64-bit integers; a column with any other value stays as it is."""
    try:
        return column.cast(pa.int64())
    except pa.ArrowInvalid:
        return column


def has_only_answers(column: pa.Array, input_: Input) -> bool:
    """Return whether each value of a converted column is null or an answer to the input, by a quick check.

    It may return False for a column of answers, but never True for a column with another value.
    """
    if types.is_null(column.type) or input_.type == "boolean":
        return True
    if input_.type == "enum":
        is_answer = compute.is_in(column.drop_null(), pa.array(input_.choices))
    elif column.type == pa.int64() or (column.type == pa.float64() and input_.type == "number"):
        # NaN isn't in any range.
        is_answer = compute.and_(
            compute.greater_equal(column, input_.lowest), compute.less_equal(column, input_.highest)
        )
    else:
        # Integers that need more than 64 bits, and fractions in an integer: the schema says what is wrong.
        return False
    return bool(compute.all(is_answer, min_count=0).as_py())
