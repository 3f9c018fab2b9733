"""The words of answers, as people read them: the author's own, or those that follow from the value."""

from __future__ import annotations

from finetune_advisor.engine.model.inputs import Input, Value
from finetune_advisor.formats.numbers import group_digits


def list_choices(input_: Input) -> tuple[bool | str, ...]:
    """The values of a boolean or an enum, in the order in which people are offered them."""
    return input_.choices or (True, False)


def describe_choice(input_: Input, value: bool | str) -> str:
    """A value of a boolean or an enum in words: the author's, or `Self managed` for self_managed."""
    return find_own_words(input_, value) or name_value(value).replace("_", " ").capitalize()


def describe_choice_briefly(input_: Input, value: bool | str) -> str:
    """A value of a boolean or an enum inside a sentence: the author's words, yes, no, or the choice."""
    return find_own_words(input_, value) or name_value(value)


def find_own_words(input_: Input, value: bool | str) -> str:
    """The words that the author gives to a value of a boolean or an enum; empty if there are none."""
    if isinstance(value, bool):
        return input_.true_label if value else input_.false_label
    return input_.choice_labels.get(value, "")


def find_choice_help(input_: Input, value: bool | str) -> str:
    """What the author says to explain a choice; empty if there is nothing."""
    return "" if isinstance(value, bool) else input_.choice_help.get(value, "")


def explain_own_words(input_: Input) -> str:
    """Each value that the author gives words or help to, with them, as sentences; empty if there is none.

    Other notations carry it as a description: `red: A warm colour. Like blood.`
    """
    if input_.is_numeric:
        return ""
    values = [
        (value, find_own_words(input_, value), find_choice_help(input_, value))
        for value in list_choices(input_)
    ]
    return " ".join(
        f"{str(value).lower()}: {'. '.join(filter(None, (words, help_))).removesuffix('.')}."
        for value, words, help_ in values
        if words or help_
    )


def name_value(value: bool | str) -> str:
    """A value of a boolean or an enum without the author's words: yes, no, or the choice."""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value


def describe_answer(input_: Input, value: Value) -> str:
    """An answer in words, a number with its unit."""
    if isinstance(value, bool | str):
        return describe_choice(input_, value)
    return f"{group_digits(value)} {input_.unit}".rstrip()


def describe_labelled_answer(input_: Input, value: Value) -> str:
    """An answer in words behind what it answers."""
    return f"{input_.label}: {describe_answer(input_, value)}"


def describe_range(input_: Input) -> str:
    """The numbers that an input takes: `a whole number from 0 to 10,000,000`."""
    kind = "a whole number" if input_.type == "integer" else "a number"
    low, high = input_.minimum, input_.maximum
    if low is None:
        return kind if high is None else f"{kind} up to {group_digits(high)}"
    if high is None:
        return f"{kind}, {group_digits(low)} or more"
    return f"{kind} from {group_digits(low)} to {group_digits(high)}"
