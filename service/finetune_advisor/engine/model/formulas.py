"""Formulas: arithmetic expressions over named quantities, and the parser that reads them.

    expression = term {("+" | "-") term}
    term       = factor {("*" | "/") factor}
    factor     = "-" factor | number [unit] | name | function "(" expression {"," expression} ")"
               | "(" expression ")"

A number has digits and perhaps decimals. Its unit is one word, as in `600 months`. The functions are min,
max, ceil, floor and round. Nothing else can be written, and every formula is short, so no formula is slow.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from finetune_advisor.engine.errors import FinetuneAdvisorError
from finetune_advisor.engine.model.units import MAX_UNIT_LENGTH

MAX_FORMULA_LENGTH = 500
MAX_OPERATIONS = 50
"""Operators and function calls of a formula."""
MAX_NESTING = 20
"""How deep brackets, functions and signs may be nested."""
MAX_DIGITS = 16

FORMULA_FUNCTIONS = ("min", "max", "ceil", "floor", "round")
CHOOSING_FUNCTIONS = ("min", "max")
"""The functions that take two or more arguments; the others take one."""

TOKEN_PATTERN = re.compile(
    r"(?P<number>[0-9]+(?:\.[0-9]+)?)|(?P<word>[A-Za-z][A-Za-z0-9_]*)|(?P<symbol>[-+*/(),])"
)


class FormulaError(FinetuneAdvisorError):
    """A formula can't be used: `problem` says why, and `remedy` what to do about it."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}; {remedy}")
        self.problem, self.remedy = problem, remedy


@dataclass(frozen=True)
class NumberLiteral:
    """A number as it is written, with the word that is its unit or an empty text."""

    text: str
    unit: str = ""

    def __str__(self) -> str:
        return f"{self.text} {self.unit}".strip()


@dataclass(frozen=True)
class QuantityName:
    """The name of a quantity or a constant."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class UnaryMinus:
    """An expression with its sign changed."""

    operand: Expression

    def __str__(self) -> str:
        return f"-{_bracketed(self.operand, isinstance(self.operand, BinaryOperation))}"


@dataclass(frozen=True)
class BinaryOperation:
    """A sum, difference, product or quotient: `operator` is one of `+ - * /`."""

    operator: str
    left: Expression
    right: Expression

    @property
    def is_sum(self) -> bool:
        """Whether the operator binds loosely: + or -."""
        return self.operator in "+-"

    @property
    def needs_brackets(self) -> tuple[bool, bool]:
        """Whether the left and the right operand need brackets where the operation is written out."""
        left, right = self.left, self.right
        # Operators of the same strength go from left to right.
        return (
            isinstance(left, BinaryOperation) and left.is_sum and not self.is_sum,
            isinstance(right, BinaryOperation) and (right.is_sum or not self.is_sum),
        )

    def __str__(self) -> str:
        left_needs, right_needs = self.needs_brackets
        left, right = _bracketed(self.left, left_needs), _bracketed(self.right, right_needs)
        return f"{left} {self.operator} {right}"


@dataclass(frozen=True)
class FunctionCall:
    """A function of one or more expressions."""

    function: str
    arguments: tuple[Expression, ...]

    def __str__(self) -> str:
        return f"{self.function}({', '.join(map(str, self.arguments))})"


Expression = NumberLiteral | QuantityName | UnaryMinus | BinaryOperation | FunctionCall


def _bracketed(expression: Expression, needed: bool) -> str:
    return f"({expression})" if needed else str(expression)


def names_in(expression: Expression) -> Iterator[str]:
    """Yield the names of the quantities and constants in an expression, in order, as often as they occur."""
    match expression:
        case QuantityName(name):
            yield name
        case UnaryMinus(operand):
            yield from names_in(operand)
        case BinaryOperation(_, left, right):
            yield from names_in(left)
            yield from names_in(right)
        case FunctionCall(_, arguments):
            for argument in arguments:
                yield from names_in(argument)


def parse_formula(text: str) -> Expression:
    """Parse a formula. Raises FormulaError with the character at which it can't be read."""
    if len(text) > MAX_FORMULA_LENGTH:
        problem = f"the formula has more than {MAX_FORMULA_LENGTH} characters"
        raise FormulaError(problem, "shorten it, or work out two inputs instead of one")
    return _Parser(text).parse()


@dataclass(frozen=True)
class _Token:
    """A piece of a formula, and the index of its first character. `kind` is empty at the end."""

    kind: str
    text: str
    start: int


def _tokens(text: str) -> Iterator[_Token]:
    position = 0
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        match = TOKEN_PATTERN.match(text, position)
        if not match:
            raise _error_at(position, f"there is {text[position]!r}")
        yield _Token(str(match.lastgroup), match.group(), position)
        position = match.end()
    yield _Token("", "the end", len(text))


def _error_at(position: int, problem: str, remedy: str = "") -> FormulaError:
    known = f"use numbers, names, + - * / ( ) and {', '.join(FORMULA_FUNCTIONS)}"
    # People count characters from 1.
    return FormulaError(f"at character {position + 1} of the formula {problem}", remedy or known)


class _Parser:
    """A recursive-descent parser with a method for each rule of the grammar."""

    def __init__(self, text: str) -> None:
        self.tokens = [*_tokens(text)]
        self.index = 0
        self.operations = 0
        self.nesting = 0

    @property
    def token(self) -> _Token:
        return self.tokens[self.index]

    def parse(self) -> Expression:
        expression = self.expression()
        if self.token.kind:
            raise _error_at(self.token.start, f"there is {self.token.text} after the formula's end")
        return expression

    def take(self) -> _Token:
        """Return the token and go to the next one."""
        token = self.token
        self.index += 1
        return token

    def take_symbol(self, symbols: str) -> str:
        """Return the symbol and go to the next token if it is one of `symbols`, else an empty text."""
        is_symbol = self.token.kind == "symbol" and self.token.text in symbols
        return self.take().text if is_symbol else ""

    def require_symbol(self, symbol: str) -> None:
        if not self.take_symbol(symbol):
            problem = f"there is {self.token.text} where {symbol} belongs"
            raise _error_at(self.token.start, problem, f"write {symbol}, or correct what comes before")

    def count_operation(self) -> None:
        self.operations += 1
        if self.operations > MAX_OPERATIONS:
            problem = f"the formula has more than {MAX_OPERATIONS} operators and functions"
            raise FormulaError(problem, "shorten it")

    def expression(self) -> Expression:
        expression = self.term()
        while operator := self.take_symbol("+-"):
            self.count_operation()
            expression = BinaryOperation(operator, expression, self.term())
        return expression

    def term(self) -> Expression:
        expression = self.factor()
        while operator := self.take_symbol("*/"):
            self.count_operation()
            expression = BinaryOperation(operator, expression, self.factor())
        return expression

    def factor(self) -> Expression:
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            problem = f"brackets are nested more than {MAX_NESTING} deep"
            raise _error_at(self.token.start, problem, "make the formula flatter")
        factor = self.unnested_factor()
        self.nesting -= 1
        return factor

    def unnested_factor(self) -> Expression:
        if self.take_symbol("-"):
            self.count_operation()
            return UnaryMinus(self.factor())
        if self.take_symbol("("):
            expression = self.expression()
            self.require_symbol(")")
            return expression
        if self.token.kind == "number":
            return self.number()
        if self.token.kind == "word":
            word = self.take()
            return self.call(word) if self.take_symbol("(") else QuantityName(word.text)
        raise _error_at(self.token.start, f"there is {self.token.text} where a number or a name belongs")

    def number(self) -> NumberLiteral:
        number = self.take()
        if len(number.text.replace(".", "")) > MAX_DIGITS:
            raise _error_at(number.start, f"a number has more than {MAX_DIGITS} digits", "round it")
        if self.token.kind != "word":
            return NumberLiteral(number.text)
        if self.token.start == number.start + len(number.text):
            problem = f"{self.token.text} follows a number without a space"
            remedy = "write numbers in digits, without an exponent, and a space before a unit"
            raise _error_at(self.token.start, problem, remedy)
        unit = self.take()
        if len(unit.text) > MAX_UNIT_LENGTH:
            problem = f"a unit has more than {MAX_UNIT_LENGTH} characters"
            raise _error_at(unit.start, problem, "shorten it")
        return NumberLiteral(number.text, unit.text)

    def call(self, function: _Token) -> FunctionCall:
        """Parse the arguments of a function, whose opening bracket has been taken."""
        if function.text not in FORMULA_FUNCTIONS:
            problem = f"there is no function {function.text}"
            raise _error_at(function.start, problem, f"use one of {', '.join(FORMULA_FUNCTIONS)}")
        self.count_operation()
        arguments = [self.expression()]
        while self.take_symbol(","):
            arguments.append(self.expression())
        self.require_symbol(")")
        is_choice = function.text in CHOOSING_FUNCTIONS
        if is_choice == (len(arguments) == 1):
            takes = "two or more values" if is_choice else "one value"
            problem = f"{function.text} has {len(arguments)}, and takes {takes}"
            raise _error_at(function.start, problem, f"give it {takes}")
        return FunctionCall(function.text, tuple(arguments))
