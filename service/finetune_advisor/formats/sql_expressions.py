"""Expressions of SQL about the answers in a row, in the grammar of each dialect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from finetune_advisor.engine.evaluation.path_table import PathSet
from finetune_advisor.engine.model.conditions import OPERATOR_SYMBOLS, InChoices, InRange
from finetune_advisor.engine.model.inputs import Input, normalize_number
from finetune_advisor.formats.explicit_branches import ComparedBySymbol
from finetune_advisor.formats.numbers import format_decimal
from finetune_advisor.formats.path_words import AnswerMasks, AnswerTest

ROW_ALIAS = "p"
"""The alias of the table that has the answers."""
COMPARISONS: Mapping[str, type[exp.Binary]] = {
    "<": exp.LT,
    "<=": exp.LTE,
    "=": exp.EQ,
    ">=": exp.GTE,
    ">": exp.GT,
    "!=": exp.NEQ,
}
SQLITE_TYPES = {
    "boolean": ("integer",),
    "enum": ("text",),
    "integer": ("integer", "real"),
    "number": ("integer", "real"),
}
"""The types of values that an input's column may have in SQLite, where a column takes values of any type."""
MAX_DECIMAL_DIGITS, MAX_DECIMAL_PLACES = 15, 22
"""Sizes up to which a decimal becomes the nearest double in every database, whichever way it is read."""
SQLITE_DIVISOR_BITS = 62


@dataclass(frozen=True)
class ExpressionWriter:
    """Writes expressions in a dialect of sqlglot."""

    dialect: str

    def write(self, expression: exp.Expr) -> str:
        """Write an expression in one line."""
        return expression.sql(dialect=self.dialect)

    def is_valid(self, input_: Input) -> str:
        """Write the condition that an answer is unknown, or one that its input can have.

        It is empty if a column of the right type has no other values.
        """
        column = self._column(input_.name)
        conditions = [*self._validity_conditions(input_, column)]
        if not conditions:
            return ""
        # NULL is asked for by itself: every comparison with it is unknown, and the row would be invalid.
        return self.write(exp.paren(exp.or_(column.is_(exp.null()), exp.and_(*conditions))))

    def paths_left(self, masks: AnswerMasks, all_paths: PathSet) -> str:
        """Write the paths of a word that an answer leaves, as a number."""
        column, case = self._column(masks.name), exp.Case()
        for test, paths in masks.cases:
            case = case.when(self._condition(column, test), exp.Literal.number(paths))
        return self.write(case.else_(exp.Literal.number(all_paths)))

    def bitwise_and(self, terms: Sequence[str]) -> str:
        """Write the AND of some numbers, each in a line of its own."""
        # Dialects write AND as an operator or as a function. One call gives the form, and the terms are
        # filled in as text: sqlglot would put each of them in one line.
        first_and_rest = exp.BitwiseAnd(this=exp.var("{0}"), expression=exp.var("{1}"))
        template = self.write(first_and_rest)
        *others, last = terms
        text = f"\n{last}"
        for term in reversed(others):
            text = template.format(f"\n{term}", text)
        return text.lstrip("\n")

    def has_paths(self, paths_by_word: Mapping[str, PathSet]) -> str:
        """Write the condition that some word, by the name of its column, has one of its paths."""
        masked = (
            exp.BitwiseAnd(this=exp.column(word), expression=exp.Literal.number(paths))
            for word, paths in paths_by_word.items()
        )
        return self.write(exp.or_(*(exp.paren(paths).neq(0) for paths in masked)))

    def text(self, text: str) -> str:
        """Write a text literal."""
        return self.write(exp.Literal.string(text))

    def is_one_of(self, expression: str, texts: Sequence[str]) -> str:
        """Write the condition that an expression is one of some texts."""
        return f"{expression} IN ({', '.join(map(self.text, texts))})"

    def without_first_character(self, text: str) -> str:
        """Write the rest of a text behind its first character."""
        return self.write(exp.Substring(this=exp.var(text), start=exp.Literal.number(2)))

    def all_columns_except(self, names: Sequence[str]) -> str:
        """Write the columns of a query in FROM without some of them."""
        return self.write(exp.Star(except_=[exp.to_identifier(name) for name in names]))

    def _column(self, name: str) -> exp.Column:
        # Snowflake stores a name in upper case unless the table's author quoted it.
        written = name.upper() if self.dialect == "snowflake" else name
        return exp.Column(
            this=exp.to_identifier(written, quoted=True), table=exp.to_identifier(ROW_ALIAS)
        )

    def _condition(self, column: exp.Column, test: AnswerTest) -> exp.Expr:
        match test:
            # A boolean column is a condition by itself.
            case InChoices((bool(value),)):
                return column if value else column.not_()
            case InChoices((choice,)):
                return column.eq(choice)
            case InChoices(choices):
                return column.isin(*choices)
            case ComparedBySymbol(symbol, other):
                return COMPARISONS[symbol](this=column, expression=self._column(other))
            case InRange():
                comparisons = [
                    COMPARISONS[OPERATOR_SYMBOLS[operator]](this=column, expression=self._number(value))
                    for operator, value in test.ends
                ]
                return exp.and_(*comparisons)

    def _validity_conditions(self, input_: Input, column: exp.Column) -> Iterator[exp.Expr]:
        if self.dialect == "sqlite":
            yield exp.func("TYPEOF", column).isin(*SQLITE_TYPES[input_.type])
            if input_.type == "boolean":
                yield column.isin(0, 1)
        if input_.type == "enum":
            yield column.isin(*input_.choices)
        if input_.is_numeric:
            # NaN is outside of every range: databases take it for the greatest number, or for NULL.
            yield column.between(self._number(input_.lowest), self._number(input_.highest))
        if input_.type == "integer":
            # SQLite has FLOOR only if it was built with it.
            is_sqlite = self.dialect == "sqlite"
            yield column.eq(exp.cast(column, "int") if is_sqlite else exp.Floor(this=column))

    def _number(self, number: int | float) -> exp.Expr:
        """Write a number so that it is the same double as in Python."""
        magnitude = normalize_number(abs(number))
        literal = self._magnitude(magnitude)
        return exp.Neg(this=literal) if number < 0 else literal

    def _magnitude(self, magnitude: int | float) -> exp.Expr:
        decimal = format_decimal(magnitude)
        places = len(decimal.partition(".")[2])
        digits = len(decimal.replace(".", "").lstrip("0"))
        if isinstance(magnitude, int) or (digits <= MAX_DECIMAL_DIGITS and places <= MAX_DECIMAL_PLACES):
            return exp.Literal.number(decimal)
        if self.dialect == "sqlite":
            return _quotient(magnitude)
        # With an exponent, a literal is a double rather than an exact decimal.
        scientific = repr(magnitude)
        return exp.Literal.number(scientific if "e" in scientific else f"{scientific}e0")


def _quotient(number: float) -> exp.Expr:
    """Write a double as an integer that is divided by powers of two.

    SQLite reads long decimals inexactly, before 3.43; each of these divisions is exact.
    """
    numerator, denominator = number.as_integer_ratio()
    quotient: exp.Expr = exp.Literal.number(f"{numerator}.0")
    while denominator > 1:
        divisor = min(denominator, 1 << SQLITE_DIVISOR_BITS)
        quotient = exp.Div(this=quotient, expression=exp.Literal.number(divisor))
        denominator //= divisor
    return exp.paren(quotient)
