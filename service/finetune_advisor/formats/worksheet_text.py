"""Worksheets in words: the formula with the labels of its quantities, and the answer that was worked out."""

from __future__ import annotations

from finetune_advisor.engine.evaluation.worksheets import WorkedAnswer
from finetune_advisor.engine.model.formulas import (
    CHOOSING_FUNCTIONS,
    BinaryOperation,
    Expression,
    FunctionCall,
    NumberLiteral,
    QuantityName,
    UnaryMinus,
)
from finetune_advisor.engine.model.inputs import input_of_quantity
from finetune_advisor.engine.model.worksheets import Worksheet, WorksheetConstant
from finetune_advisor.formats.answer_words import describe_answer, describe_labelled_answer
from finetune_advisor.formats.numbers import group_digits

SIGN_BY_OPERATOR = {"+": "+", "-": "−", "*": "×", "/": "÷"}  # noqa: RUF001 - the signs of arithmetic
CHOICE_WORDS = {"min": ("smaller", "smallest"), "max": ("larger", "largest")}
ROUNDING_WORDS = {"ceil": "rounded up", "floor": "rounded down", "round": "rounded"}


def describe_formula(worksheet: Worksheet) -> str:
    """The formula in words: `the smaller of (Bill ÷ Saving) and 600 months`."""
    return _describe(worksheet, worksheet.expression)


def _describe(worksheet: Worksheet, expression: Expression) -> str:
    match expression:
        case NumberLiteral(text, unit):
            return f"{group_digits(text)} {unit}".rstrip()
        case QuantityName(name):
            constant = worksheet.constants.get(name)
            return _describe_constant(constant) if constant else worksheet.quantities[name].label
        case UnaryMinus(operand):
            return f"{SIGN_BY_OPERATOR['-']}{_describe_operand(worksheet, operand)}"
        case BinaryOperation(operator, left, right):
            brackets = expression.needs_brackets
            left_text = _describe_operand(worksheet, left, brackets[0])
            right_text = _describe_operand(worksheet, right, brackets[1])
            return f"{left_text} {SIGN_BY_OPERATOR[operator]} {right_text}"
        case FunctionCall(function, arguments):
            texts = [_describe_operand(worksheet, argument, True) for argument in arguments]
            if function not in CHOOSING_FUNCTIONS:
                return f"{texts[0]} {ROUNDING_WORDS[function]}"
            word = CHOICE_WORDS[function][len(texts) > 2]
            return f"the {word} of {', '.join(texts[:-1])} and {texts[-1]}"


def _describe_operand(worksheet: Worksheet, expression: Expression, is_part: bool = True) -> str:
    """An operand, in brackets if it is a function, or an operation that is to be kept together."""
    text = _describe(worksheet, expression)
    needed = isinstance(expression, FunctionCall) or (
        is_part and isinstance(expression, BinaryOperation)
    )
    return f"({text})" if needed else text


def _describe_constant(constant: WorksheetConstant) -> str:
    """A constant with its value: `Surcharge (1.2)`."""
    unit = "" if constant.unit == "1" else constant.unit
    return f"{constant.label} ({f'{group_digits(constant.value)} {unit}'.rstrip()})"


def render_worked_answer_text(answer: WorkedAnswer) -> str:
    """An answer for people: the answer, the formula, and the quantities."""
    quantities = (
        describe_labelled_answer(input_of_quantity(quantity), answer.quantities[name])
        for name, quantity in answer.worksheet.quantities.items()
    )
    lines = [
        f"{answer.input.label}: {describe_answer(answer.input, answer.value)}",
        f"= {describe_formula(answer.worksheet)}",
        *(f"  {text}" for text in quantities),
    ]
    return "\n".join(lines)
