"""Reading answers that people type or choose, with messages that say what to type instead."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import isfinite

from finetune_advisor.engine.model.inputs import Input, Value, input_of_quantity, normalize_number
from finetune_advisor.engine.model.worksheets import Worksheet
from finetune_advisor.formats.answer_words import describe_range

BOOLEAN_BY_TEXT = {"true": True, "yes": True, "false": False, "no": False}
GROUPED_NUMBER = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
MAX_NUMBER_LENGTH = 40


class UnreadableAnswerError(ValueError):
    """A text is no answer to an input; the message says what to enter instead."""


def read_answer(input_: Input, text: str) -> Value:
    """The answer that a text gives to an input. Raises UnreadableAnswerError."""
    if input_.is_numeric:
        return _read_number(input_, text.strip())
    if input_.type == "boolean" and text.strip().lower() in BOOLEAN_BY_TEXT:
        return BOOLEAN_BY_TEXT[text.strip().lower()]
    if text in input_.choices:
        return text
    raise UnreadableAnswerError("Choose one of the answers that are listed")


def write_answer(value: Value) -> str:
    """An answer as a query carries it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _read_number(input_: Input, text: str) -> int | float:
    """The number that a text says, in digits; thousands may have commas."""
    if GROUPED_NUMBER.fullmatch(text):
        text = text.replace(",", "")
    if len(text) > MAX_NUMBER_LENGTH or not NUMBER.fullmatch(text):
        raise UnreadableAnswerError(f"Enter {describe_range(input_)}, in digits")
    number = float(text)
    if not isfinite(number) or not input_.lowest <= number <= input_.highest:
        raise UnreadableAnswerError(f"Enter {describe_range(input_)}")
    if input_.type == "integer" and number != int(number):
        raise UnreadableAnswerError(f"Enter {describe_range(input_)}, without decimals")
    return normalize_number(number)


def read_quantities(
    worksheet: Worksheet, texts: Mapping[str, str]
) -> tuple[dict[str, int | float], dict[str, str]]:
    """Read the quantities of a worksheet from texts. An empty or missing text stands for the default.

    Returns the numbers, and for each quantity that has none a message that says what to enter.
    """
    numbers: dict[str, int | float] = {}
    faults: dict[str, str] = {}
    for name, quantity in worksheet.quantities.items():
        text = texts.get(name, "").strip()
        try:
            if text or quantity.default is None:
                numbers[name] = _read_number(input_of_quantity(quantity), text)
        except UnreadableAnswerError as error:
            faults[name] = str(error)
    return numbers, faults
