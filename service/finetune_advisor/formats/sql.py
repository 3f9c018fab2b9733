"""A tree as a SQL query, which decides each row of a table as the service decides a profile.

Each path of the tree is a bit of a word. An answer leaves some paths, and an unknown answer leaves all. So
the words of a row are the AND of one number for each input, and the row's candidates are the recommendations
at the ends of the paths that remain.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from textwrap import indent

from sqlglot import exp
from sqlglot.errors import SqlglotError

from finetune_advisor.engine.errors import FinetuneAdvisorError
from finetune_advisor.engine.evaluation.path_table import PathTable
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.formats.path_words import PathWord, split_into_words
from finetune_advisor.formats.plain_text import one_line
from finetune_advisor.formats.sql_dialects import DEFAULT_TABLE, STAR_EXCEPT_DIALECTS
from finetune_advisor.formats.sql_expressions import ROW_ALIAS, ExpressionWriter

PLAIN_NAME, QUOTES = re.compile(r"[\w$-]+"), ('"', "`", "[")
MAX_PATHS = 4_000
"""Paths up to which a tree is exported. Databases take seconds to plan larger queries."""
MAX_NESTED_EXPRESSIONS = 400
"""Inputs and recommendations up to which a tree is exported: SQLite takes expressions in 1,000 levels."""
COLUMN_PREFIX = "advisor_"
"""How the names of columns begin that the query computes on its way."""
HEADER_TEMPLATE = """\
-- {title}
-- Tree version {version}, {digest}, for {dialect}.
--
-- The table has a column for each input; NULL is an unknown answer. The query adds four columns: status
-- (decided, undecided or invalid), recommendation, finetune, and candidates, with commas between them.
-- Each bit of {prefix}paths_1 and so on is a path of the tree. An answer's number has those that it leaves.
"""


class InexpressibleTreeError(FinetuneAdvisorError):
    """A query can't say what the tree says."""


class TableNameError(FinetuneAdvisorError):
    """The name isn't the name of a table."""


def render_sql(tree: Tree, dialect: str, table: str = DEFAULT_TABLE) -> str:
    """Render a sound tree as a query in one of SQL_DIALECTS, without a semicolon at its end.

    The table, or a function that gives one, has a column for each input; NULL is unknown. The query gives the
    columns of the table, and `status`, `recommendation`, `finetune` and `candidates`.

    Raises InexpressibleTreeError and TableNameError.
    """
    query = _Query(tree, ExpressionWriter(dialect), _parse_table_name(table, dialect))
    header = HEADER_TEMPLATE.format(
        title=one_line(tree.title),
        version=tree.version,
        digest=tree.digest,
        dialect=dialect,
        prefix=query.prefix,
    )
    lines = (line.rstrip() for line in query.render().splitlines())
    return header + "\n".join(lines) + "\n"


def _parse_table_name(name: str, dialect: str) -> str:
    problem = f"{name!r} is not the name of a table in {dialect}"
    error = TableNameError(f"{problem}; give one such as {DEFAULT_TABLE} or sales.profiles")
    try:
        table = exp.to_table(name, dialect=dialect)
    except SqlglotError as cause:
        raise error from cause
    # sqlglot quotes whatever isn't a name, such as an alias: only what the caller has quoted may look so.
    is_quoted = any(quote in name for quote in QUOTES)
    if not is_quoted and not all(
        PLAIN_NAME.fullmatch(part.name) for part in table.parts if isinstance(part, exp.Identifier)
    ):
        raise error
    return table.sql(dialect=dialect)


def _split_paths(tree: Tree) -> Sequence[PathWord]:
    """Return the words of a tree's paths. Raises InexpressibleTreeError."""
    for names in tree.input_groups:
        if len(names) > 2:
            raise InexpressibleTreeError(
                f"SQL can't say what some of {', '.join(names)} leave open, because questions compare all of "
                "them; compare an input with one other only"
            )
    for noun, count in ("inputs", len(tree.inputs)), ("recommendations", len(tree.recommendations)):
        if count > MAX_NESTED_EXPRESSIONS:
            problem = (
                f"the tree has {count} {noun}; databases nest no more than {MAX_NESTED_EXPRESSIONS}"
            )
            raise InexpressibleTreeError(f"{problem} in an expression")
    table = PathTable.of(tree)
    if table is None or table.all_paths.bit_length() > MAX_PATHS:
        raise InexpressibleTreeError(
            f"the tree has more than {MAX_PATHS:,} paths, too many for a query; share fewer questions"
        )
    return split_into_words(table)


class _Query:
    def __init__(self, tree: Tree, writer: ExpressionWriter, table: str) -> None:
        self._tree, self._writer, self._table = tree, writer, table
        self._words = _split_paths(tree)
        self.prefix = COLUMN_PREFIX
        # An input may have the name of such a column.
        while any(name.startswith(self.prefix) for name in tree.inputs):
            self.prefix += "_"
        self._word_columns = [
            f"{self.prefix}paths_{number}" for number in range(1, len(self._words) + 1)
        ]
        self._validity_column = f"{self.prefix}is_valid"

    def render(self) -> str:
        if self._writer.dialect in STAR_EXCEPT_DIALECTS:
            return self._render_nested()
        return self._render_joined()

    def _render_nested(self) -> str:
        candidates = f"{self.prefix}candidates"
        # The outer queries show only what the table has and what was decided, and not the steps on the way.
        hidden = [self._validity_column, *self._word_columns]
        words = _select([f"{ROW_ALIAS}.*", *self._word_expressions()], f"{self._table} AS {ROW_ALIAS}")
        step = _select(
            [self._writer.all_columns_except(hidden), f"{self._candidates()} AS {candidates}"],
            _subquery(words, "words"),
        )
        return _select(
            [self._writer.all_columns_except([candidates]), *self._output(candidates)],
            _subquery(step, "outcome"),
        )

    def _render_joined(self) -> str:
        # Without it, PostgreSQL computes a word again wherever the word is used.
        fence = "\nOFFSET 0" if self._writer.dialect == "postgres" else ""
        words = _select(self._word_expressions()) + fence
        candidates = _select([f"{self._candidates()} AS candidates"], _subquery(words, "words"))
        column = "outcome.candidates"
        if self._writer.dialect == "sqlite":
            # SQLite has no LATERAL; JSON_EACH gives a row with the only item of an array.
            joined = f"JSON_EACH(JSON_ARRAY((\n{indent(candidates, '  ')}\n))) AS outcome"
            column = "outcome.value"
        else:
            joined = f"LATERAL {_subquery(candidates + fence, 'outcome')}"
        source = f"{self._table} AS {ROW_ALIAS}\nCROSS JOIN {joined}"
        return _select([f"{ROW_ALIAS}.*", *self._output(column)], source)

    def _word_expressions(self) -> Iterator[str]:
        conditions = filter(None, map(self._writer.is_valid, self._tree.inputs.values()))
        are_valid = "\nAND ".join(conditions) or self._writer.write(exp.true())
        yield f"{are_valid} AS {self._validity_column}"
        for column, word in zip(self._word_columns, self._words, strict=True):
            terms = [
                self._commented(masks.name, self._writer.paths_left(masks, word.all_paths))
                for masks in word.masks
            ]
            yield f"{self._writer.bitwise_and(terms)} AS {column}"

    def _commented(self, name: str, expression: str) -> str:
        return f"-- {one_line(self._tree.inputs[name].label)}\n{expression}"

    def _candidates(self) -> str:
        listed = "\n|| ".join(
            f"CASE WHEN {self._writer.has_paths(paths)} THEN {self._writer.text(f',{name}')} ELSE '' END"
            for name, paths in self._paths_by_recommendation()
        )
        # Each candidate has a comma before it, so that the text has one more than it needs.
        text = self._writer.without_first_character(f"\n{indent(listed, '  ')}\n")
        return f"CASE WHEN {self._validity_column} THEN {text} END"

    def _paths_by_recommendation(self) -> Iterator[tuple[str, Mapping[str, int]]]:
        for name in sorted(self._tree.recommendations, key=self._tree.topological_index.__getitem__):
            columns = zip(self._word_columns, self._words, strict=True)
            yield (
                name,
                {c: paths for c, word in columns if (paths := word.paths_by_recommendation[name])},
            )

    def _output(self, candidates: str) -> Iterator[str]:
        # No id has a comma, so a comma means at least two candidates.
        is_undecided = f"{candidates} LIKE '%,%'"
        yield (
            f"CASE WHEN {candidates} IS NULL THEN 'invalid' WHEN {is_undecided} THEN 'undecided' "
            "ELSE 'decided' END AS status"
        )
        yield f"CASE WHEN NOT {is_undecided} THEN {candidates} END AS recommendation"
        # There are four verdicts, and any number of recommendations: one case for each verdict is enough.
        verdicts: dict[str, list[str]] = {}
        for recommendation in self._tree.recommendations.values():
            verdicts.setdefault(recommendation.finetune, []).append(recommendation.id)
        cases = (
            f"\n  WHEN {self._writer.is_one_of(candidates, ids)} THEN {self._writer.text(verdict)}"
            for verdict, ids in verdicts.items()
        )
        yield f"CASE{''.join(cases)}\nEND AS finetune"
        yield f"{candidates} AS candidates"


def _select(columns: Iterable[str], source: str = "") -> str:
    listed = ",\n".join(indent(column, "  ") for column in columns)
    return f"SELECT\n{listed}" + (f"\nFROM {source}" if source else "")


def _subquery(query: str, alias: str) -> str:
    return f"(\n{indent(query, '  ')}\n) AS {alias}"
