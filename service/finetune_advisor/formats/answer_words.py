"""Answers in words, as people read them."""

from __future__ import annotations

from finetune_advisor.engine.evaluation.exact import Step
from finetune_advisor.engine.model.inputs import Input, Value
from finetune_advisor.engine.model.tree import Branch, Question, Tree
from finetune_advisor.formats.explicit_branches import ComparedBySymbol, spell_out_test
from finetune_advisor.formats.labels import COMPARISON_WORDS, describe_branch
from finetune_advisor.formats.numbers import group_digits


def list_choices(input_: Input) -> tuple[bool | str, ...]:
    """The values of a boolean or an enum, in the order in which people are offered them."""
    return input_.choices or (True, False)


def describe_choice(value: bool | str) -> str:
    """A value of a boolean or an enum in words: `Self managed` for self_managed."""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return value.replace("_", " ").capitalize()


def describe_answer(input_: Input, value: Value) -> str:
    """An answer in words, a number with its unit."""
    if isinstance(value, bool | str):
        return describe_choice(value)
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


def describe_test(tree: Tree, question: Question, branch: Branch) -> str:
    """The answers that take a branch, in words; a compared input goes by its label."""
    if question.compared_to is None:
        values = getattr(spell_out_test(tree, question, branch.test), "values", None)
        if values is None:
            return describe_branch(tree, question, branch)
        return " or ".join(describe_choice(value) for value in values)
    test = spell_out_test(tree, question, branch.test)
    symbol = test.symbol if isinstance(test, ComparedBySymbol) else "="
    return f"{COMPARISON_WORDS[symbol]}: {tree.inputs[question.compared_to].label}"


def describe_step(tree: Tree, step: Step) -> str:
    """The answer of a step, and the branch that it takes where that isn't the answer itself."""
    (name, value), *others = step.answers
    given = describe_answer(tree.inputs[name], value)
    if isinstance(value, bool | str):
        return given
    if step.question.compared_to is None:
        return f"{given} ({describe_branch(tree, step.question, step.branch)})"
    test = spell_out_test(tree, step.question, step.branch.test)
    symbol = test.symbol if isinstance(test, ComparedBySymbol) else "="
    compared = "".join(f" {describe_answer(tree.inputs[other], number)}" for other, number in others)
    return f"{given} ({COMPARISON_WORDS[symbol]}{compared or ' the other'})"
