"""Inputs in words for language models: which answers they take, written as the tools take them."""

from __future__ import annotations

from collections.abc import Iterator

from finetune_advisor.assessing.answer_reading import write_answer
from finetune_advisor.engine.model.inputs import Input
from finetune_advisor.formats.answer_words import (
    describe_choice,
    describe_range,
    find_choice_help,
    list_choices,
)
from finetune_advisor.formats.assessment_text import format_list


def describe_answers(input_: Input) -> str:
    """The answers that an input takes: a range with the unit, or a line for each choice with its meaning."""
    if input_.is_numeric:
        return f"Answer with {describe_range_in_unit(input_)}."
    return format_list("Answer with one of", [*_describe_choices(input_)])


def describe_range_in_unit(input_: Input) -> str:
    """The numbers that an input takes, with its unit: `a whole number, 0 or more, in examples`."""
    return f"{describe_range(input_)}{f', in {input_.unit}' if input_.unit else ''}"


def _describe_choices(input_: Input) -> Iterator[str]:
    for value in list_choices(input_):
        words, help_ = describe_choice(input_, value), find_choice_help(input_, value)
        yield f"{write_answer(value)}: {f'{words}. {help_}' if help_ else words}"
