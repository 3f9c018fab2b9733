"""Formulas: what is read, what is refused, and that both are quick."""

from __future__ import annotations

import time

import pytest
from hypothesis import given

from finetune_advisor.engine.model.formulas import (
    MAX_FORMULA_LENGTH,
    MAX_NESTING,
    MAX_OPERATIONS,
    BinaryOperation,
    Expression,
    FormulaError,
    FunctionCall,
    NumberLiteral,
    QuantityName,
    UnaryMinus,
    names_in,
    parse_formula,
)
from tests.formulas import expressions

A, B, C = map(QuantityName, "abc")


@given(expressions)
def test_a_formula_that_is_written_is_read_as_itself(expression: Expression) -> None:
    """Brackets stand where they are needed, so the tree of operations is the same."""
    assert expression == parse_formula(str(expression))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a - b - c", BinaryOperation("-", BinaryOperation("-", A, B), C)),
        ("a - (b - c)", BinaryOperation("-", A, BinaryOperation("-", B, C))),
        ("a + b * c", BinaryOperation("+", A, BinaryOperation("*", B, C))),
        ("a / b * c", BinaryOperation("*", BinaryOperation("/", A, B), C)),
        ("-a * b", BinaryOperation("*", UnaryMinus(A), B)),
        ("--a", UnaryMinus(UnaryMinus(A))),
        ("600 months", NumberLiteral("600", "months")),
        (
            "2 * 600 months / b",
            BinaryOperation(
                "/", BinaryOperation("*", NumberLiteral("2"), NumberLiteral("600", "months")), B
            ),
        ),
        ("min(a,\n b, c)", FunctionCall("min", (A, B, C))),
        ("0.50", NumberLiteral("0.50")),
    ],
)
def test_a_formula_is_read_by_the_rules_of_arithmetic(text: str, expected: Expression) -> None:
    """Products before sums, from left to right; a word behind a number is its unit."""
    assert expected == parse_formula(text)


def test_the_names_of_a_formula() -> None:
    """Each as often as it occurs, and neither functions nor units."""
    assert ["a", "b", "a"] == [*names_in(parse_formula("max(-a, b * 2 months + ceil(a))"))]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("__import__('os')", "at character 1 of the formula there is '_'"),
        ("a.b", "at character 2 of the formula there is '.'"),
        ("a ** b", "at character 4 of the formula there is * where a number or a name belongs"),
        ("lambda", "lambda"),
        ("eval(a)", "at character 1 of the formula there is no function eval"),
        ("9" * 10**9, "the formula has more than 500 characters"),
        ("5 " + "m" * 65, "at character 3 of the formula a unit has more than 64 characters"),
        ("9" * 17, "at character 1 of the formula a number has more than 16 digits"),
        ("1e400", "at character 2 of the formula e400 follows a number without a space"),
        ("(" * 200 + "a" + ")" * 200, "at character 21 of the formula brackets are nested more than 20"),
        ("-" * 400 + "a", "at character 21 of the formula brackets are nested more than 20"),
        ("+".join("a" * 52), "the formula has more than 50 operators and functions"),
        ("\N{FULLWIDTH LATIN SMALL LETTER A}", "at character 1 of the formula there is"),
        ("\N{ARABIC-INDIC DIGIT THREE}", "at character 1 of the formula there is"),
        ("a)", "at character 2 of the formula there is ) after the formula's end"),
        ("min(a b)", "at character 7 of the formula there is b where ) belongs"),
        ("", "at character 1 of the formula there is the end where a number or a name belongs"),
    ],
    ids=lambda text: text[:20],
)
def test_what_is_no_formula_is_refused_at_once(text: str, problem: str) -> None:
    """With its place; a name of Python's means nothing."""
    started = time.perf_counter()
    if problem == text:
        assert QuantityName(text) == parse_formula(text)
        return
    with pytest.raises(FormulaError) as caught:
        parse_formula(text)

    assert caught.value.problem.startswith(problem)
    assert time.perf_counter() - started < 0.5


def test_the_largest_formulas_are_read() -> None:
    """At each bound, a formula is still one."""
    parse_formula("+".join("a" * (MAX_OPERATIONS + 1)))
    parse_formula("(" * (MAX_NESTING - 1) + "a" + ")" * (MAX_NESTING - 1))
    parse_formula("a".ljust(MAX_FORMULA_LENGTH))
    parse_formula("9" * 16)
