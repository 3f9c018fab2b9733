"""Databases in this process that run exported queries."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import duckdb
import pyarrow as pa

from finetune_advisor.engine.model.inputs import Profile
from finetune_advisor.engine.model.tree import Tree
from tests.formats.decided_rows import Decision

DECIDE = (
    "SELECT status, recommendation, finetune, candidates FROM (\n{query}\n) AS decided ORDER BY row_id"
)
ROW_ID = "row_id"
"""A column that isn't an input and passes through."""
ColumnTypes = dict[str, Any]


class Database(Protocol):
    """A database, in whose dialect trees are exported."""

    dialect: str

    def decide(self, tree: Tree, query: str, rows: Sequence[Profile]) -> list[Decision]:
        """What a query says of each row of a table `profiles`."""

    def run(self, tree: Tree, query: str, rows: Sequence[Profile]) -> list[tuple[Any, ...]]:
        """What a query gives for a table `profiles` with these rows."""


def column_types(tree: Tree, types: ColumnTypes) -> dict[str, Any]:
    """The type of the column of each input."""
    return {name: types[input_.type] for name, input_ in tree.inputs.items()}


class DuckDb:
    """DuckDB; integers are in columns of a type of one's choice."""

    dialect = "duckdb"

    def __init__(self, integer: str = "int64") -> None:
        self.types = {
            "boolean": pa.bool_(),
            "enum": pa.string(),
            "integer": integer,
            "number": pa.float64(),
        }

    def decide(self, tree: Tree, query: str, rows: Sequence[Profile]) -> list[Decision]:
        return self.run(tree, DECIDE.format(query=query), rows)

    def run(self, tree: Tree, query: str, rows: Sequence[Profile]) -> list[tuple[Any, ...]]:
        with duckdb.connect() as connection:
            connection.register("profiles", self.table(tree, rows))
            return connection.execute(query).fetchall()

    def table(self, tree: Tree, rows: Sequence[Profile]) -> pa.Table:
        """The rows as a table in Arrow's format."""
        columns = {ROW_ID: pa.array(range(len(rows)))}
        for name, type_ in column_types(tree, self.types).items():
            columns[name] = pa.array([row.get(name) for row in rows], type_)
        return pa.table(columns)


class Sqlite:
    """The SQLite that Python brings. A REAL column turns whole numbers into floats."""

    dialect = "sqlite"

    def __init__(self, integer: str = "INTEGER", number: str = "REAL") -> None:
        self.types = {"boolean": "BOOLEAN", "enum": "TEXT", "integer": integer, "number": number}

    def decide(self, tree: Tree, query: str, rows: Sequence[Profile]) -> list[Decision]:
        return self.run(tree, DECIDE.format(query=query), rows)

    def run(self, tree: Tree, query: str, rows: Sequence[Profile]) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(":memory:")
        try:
            fill_table(connection, tree, self.types, rows)
            return connection.execute(query).fetchall()
        finally:
            connection.close()


def create_table(tree: Tree, types: ColumnTypes, quote: str = '"') -> str:
    """The statement that creates the table of profiles."""
    columns = [f"{quote}{n}{quote} {type_}" for n, type_ in column_types(tree, types).items()]
    return f"CREATE TABLE profiles ({ROW_ID} INTEGER, {', '.join(columns)})"


def cells(tree: Tree, rows: Iterable[Profile]) -> list[tuple[Any, ...]]:
    """The cells of each row, with its number first."""
    return [(n, *(row.get(name) for name in tree.inputs)) for n, row in enumerate(rows)]


def fill_table(
    connection: sqlite3.Connection, tree: Tree, types: ColumnTypes, rows: Sequence[Profile]
) -> None:
    """Create the table of profiles in SQLite, with these rows."""
    connection.execute(create_table(tree, types))
    places = ", ".join("?" for _ in range(len(tree.inputs) + 1))
    connection.executemany(f"INSERT INTO profiles VALUES ({places})", cells(tree, rows))
