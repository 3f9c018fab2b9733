"""Which types of Arrow columns answer which inputs, and their values in the form that profiles have."""

from __future__ import annotations

import pyarrow as pa
from pyarrow import types

from finetune_advisor.engine.model.inputs import Input

TEXT_TYPES = (types.is_string, types.is_large_string, types.is_string_view)
NUMBER_TYPES = (types.is_integer, types.is_floating, types.is_decimal)


def describe_type_fault(column: str, type_: pa.DataType, input_: Input) -> str | None:
    """Describe why a column of a type can't answer an input, and what to do; None if it can.

    A column of type null answers any input: every answer is unknown.
    """
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
    """Convert a column of an accepted type to booleans, text, integers or doubles.

    Values that the input can't have stay, for the schema of profiles to refuse.
    """
    if types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if types.is_decimal(column.type):
        # Text is converted to the nearest double; Arrow's own cast gives 0.09999999999999999 for 0.1.
        column = column.cast(pa.string()).cast(pa.float64())
    if input_.type == "integer" and types.is_floating(column.type):
        return _whole_numbers(column)
    return column


def _whole_numbers(column: pa.Array) -> pa.Array:
    """Convert whole doubles to integers; a column with any other value stays as it is.

    Pandas makes doubles of integers where one is missing.
    """
    try:
        return column.cast(pa.float64()).cast(pa.int64())
    except pa.ArrowInvalid:
        return column
