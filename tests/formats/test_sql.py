"""Trees as SQL queries, which DuckDB and SQLite answer exactly as this engine."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from operator import itemgetter
from random import Random
from typing import Any

import duckdb
import pytest
import sqlglot
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from finetune_advisor.engine.analysis.validation import find_faults
from finetune_advisor.engine.model.inputs import Profile
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.formats import sql
from finetune_advisor.formats.sql_dialects import SQL_DIALECTS
from tests import families, mutants, strategies
from tests.formats import decided_rows
from tests.formats.databases import Database, DuckDb, Sqlite
from tests.formats.decided_rows import BUNDLED_VERSIONS, INVALID, Decision, bundled

ROWS = 2_000
"""Random profiles of each tree in the usual suite; `make engines` takes 50,000."""
DATABASES = {
    "duckdb": DuckDb(),
    "duckdb with doubles": DuckDb("double"),
    "sqlite": Sqlite(),
    "sqlite with floats": Sqlite("REAL"),
    "sqlite without types": Sqlite("", ""),
}


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest) -> Database:
    """Each database that runs in this process, with each kind of column for numbers."""
    return DATABASES[request.param]


@cache
def decided(version: str) -> tuple[list[Profile], list[Decision]]:
    """Random profiles of a bundled tree, and what the engine says of them."""
    rows = decided_rows.partial_profiles(bundled(version), ROWS)
    return rows, decided_rows.expected(bundled(version), rows)


def differences(
    database: Database, tree: Tree, rows: list[Profile], decisions: list[Decision], query: str = ""
) -> list[Any]:
    """The rows for which the exported query and the engine differ, with what each says."""
    found = database.decide(tree, query or sql.render_sql(tree, database.dialect), rows)
    pairs = zip(rows, decisions, found, strict=True)
    return [pair for pair in pairs if pair[1] != pair[2]]


@pytest.mark.parametrize("version", BUNDLED_VERSIONS)
def test_every_row_of_a_decision_table_is_decided_alike(version: str, database: Database) -> None:
    """The released decision tables: every complete profile of 1.0.0, the edges of each path of the others."""
    rows, decisions = decided_rows.decision_table(version)
    assert len(rows) > 2000
    assert [] == differences(database, bundled(version), rows, decisions)


@pytest.mark.parametrize("version", BUNDLED_VERSIONS)
def test_partial_profiles_are_decided_alike(version: str, database: Database) -> None:
    """Status, recommendation, verdict and candidates of random profiles, at thresholds and next to them."""
    tree = bundled(version)
    rows, decisions = decided(version)
    found = {recommendation for _, recommendation, _, _ in decisions} - {None}
    assert len(tree.recommendations) / 2 < len(found)
    assert ROWS / 4 < sum(status == "undecided" for status, *_ in decisions) < ROWS * 3 / 4
    assert [] == differences(database, tree, rows, decisions)


@pytest.mark.parametrize("name", ["typed", "awkward"])
def test_other_trees_are_decided_alike(
    name: str, database: Database, request: pytest.FixtureRequest
) -> None:
    """Every type of input, test and comparison, and names that are keywords of SQL."""
    tree: Tree = request.getfixturevalue(name)
    rows = decided_rows.partial_profiles(tree, ROWS)
    assert [] == differences(database, tree, rows, decided_rows.expected(tree, rows))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(generated=st.one_of(strategies.trees(), strategies.gapped_trees()), seed=st.integers(0, 99))
def test_generated_trees_are_decided_alike(generated: Tree, seed: int) -> None:
    """Every kind of test, ranges of a few neighbouring doubles, and compared inputs with gaps."""
    assume(all(len(names) < 3 for names in generated.input_groups))
    random = Random(seed)
    complete = random.choices(list(strategies.profiles_of(generated)), k=60)
    rows: list[Profile] = [
        {name: value for name, value in one.items() if random.random() < 0.6} for one in complete
    ]
    decisions = decided_rows.expected(generated, rows)
    for database in DuckDb("double"), Sqlite():
        assert [] == differences(database, generated, rows, decisions)


@pytest.mark.parametrize("limit", [0.1 + 0.2, 5e-324, 1e-5, 0.1, 123456789.12345679, 1e-300, 2.5])
@pytest.mark.parametrize("low", [True, False])
def test_a_number_is_the_same_double(limit: float, low: bool, database: Database) -> None:
    """The limit itself and its neighbours come to the right side of it."""
    tree = families.one_limit(limit, low=low)
    tree = replace(tree, inputs={"x": replace(tree.inputs["x"], maximum=1e9)})
    rows: list[Profile] = [{"x": number} for number in strategies.steps(limit, 2, 2) if number >= 0]
    assert [] == differences(database, tree, rows, decided_rows.expected(tree, rows))


@pytest.mark.parametrize("version", [*BUNDLED_VERSIONS, "typed", "awkward"])
def test_an_invalid_answer_makes_a_row_invalid(
    version: str, database: Database, request: pytest.FixtureRequest
) -> None:
    """Unknown choices, numbers out of range, fractions in integers, NaN and infinity."""
    tree = bundled(version) if "." in version else request.getfixturevalue(version)
    if isinstance(database, DuckDb):
        database = DuckDb("double")  # a column of integers carries none of them
    rows = decided_rows.with_invalid_answers(tree, nan_is_null=isinstance(database, Sqlite))
    assert [] == differences(database, tree, rows, [INVALID] * len(rows))


@pytest.mark.parametrize(
    "answer",
    [
        {"if": 2},
        {"if": "1"},
        {"if": 1.5},
        {"in": 3},
        {"in": b"or"},
        {"not": "1"},
        {"true": "2.5"},
        {"true": b""},
    ],
)
def test_sqlite_takes_no_value_of_another_type(awkward: Tree, answer: Profile) -> None:
    """A column of SQLite carries any value; one of the wrong type is invalid, as it is for the service."""
    database = Sqlite("", "")
    database.types |= {"boolean": "", "enum": ""}
    assert [] == differences(database, awkward, [answer], [INVALID])


@pytest.mark.parametrize("version", BUNDLED_VERSIONS)
def test_a_swapped_branch_is_noticed(version: str) -> None:
    """The proofs above see it if a query has two branches of a question swapped."""
    tree, database = bundled(version), DuckDb()
    rows, decisions = decided(version)
    for question in [*tree.questions.values()][:: len(tree.questions) // 8]:
        first, *others, last = question.branches
        swapped = replace(first, to=last.to, reason="."), *others, replace(last, to=first.to, reason=".")
        broken = mutants.with_question(tree, replace(question, branches=swapped))
        if first.to == last.to or find_faults(broken):
            continue
        query = sql.render_sql(broken, database.dialect)
        assert [] != differences(database, tree, rows, decisions, query), question.id


@pytest.mark.parametrize("version", BUNDLED_VERSIONS)
def test_a_changed_rule_for_null_is_noticed(version: str) -> None:
    """The proofs above see it if NULL counts as one of the answers to an input."""
    tree, database = bundled(version), DuckDb()
    query = sql.render_sql(tree, database.dialect)
    rows, decisions = decided(version)
    asked = dict.fromkeys(question.input for question in tree.questions.values())
    for name in [*asked][:: len(asked) // 8]:
        rule = rf'(CASE WHEN (?:NOT )?p."{name}".* THEN (\d+)) ELSE \d+ END'
        broken, count = re.subn(rule, r"\1 ELSE \2 END", query)
        assert count
        assert [] != differences(database, tree, rows, decisions, broken), name


@pytest.mark.parametrize(
    ("version", "condition", "changed"),
    [
        ("typed", '<= p."change_days"', '< p."change_days"'),
        ("typed", '< p."needed_score"', '<= p."needed_score"'),
        ("typed", '"examples" < 500', '"examples" <= 500'),
        ("2.0.0", '> p."best_prompt_score"', '>= p."best_prompt_score"'),
        ("3.0.0", '"corpus_tokens" < ', '"corpus_tokens" <= '),
    ],
)
def test_a_changed_comparison_is_noticed(
    version: str, condition: str, changed: str, request: pytest.FixtureRequest
) -> None:
    """The proofs above see it if a relation of two inputs, or a limit, takes the value in between."""
    tree = bundled(version) if "." in version else request.getfixturevalue(version)
    database = DuckDb()
    query = sql.render_sql(tree, database.dialect)
    assert condition in query
    rows = decided_rows.partial_profiles(tree, ROWS)
    broken = query.replace(condition, changed)
    assert [] != differences(database, tree, rows, decided_rows.expected(tree, rows, exact=0), broken)


@pytest.mark.parametrize("dialect", SQL_DIALECTS)
@pytest.mark.parametrize("version", [*BUNDLED_VERSIONS, "typed", "awkward"])
def test_a_query_follows_the_grammar_of_its_dialect(
    dialect: str, version: str, request: pytest.FixtureRequest
) -> None:
    """sqlglot reads one statement, whose columns are those of the table and the four of the answer."""
    tree = bundled(version) if "." in version else request.getfixturevalue(version)
    [statement] = sqlglot.parse(sql.render_sql(tree, dialect, "a.b"), read=dialect)
    assert isinstance(statement, sqlglot.exp.Select)
    rows, *added = statement.selects
    assert rows.is_star
    assert ["status", "recommendation", "finetune", "candidates"] == [one.alias for one in added]
    read = {
        column.name.lower() for column in statement.find_all(sqlglot.exp.Column) if column.table == "p"
    }
    asked = {name for question in tree.questions.values() for name in question.inputs}
    assert asked <= read - {"*"} <= {*tree.inputs}


def test_other_columns_pass_through() -> None:
    """A row keeps all its columns, in their order; a table of another name can be read."""
    tree = bundled("1.0.0")
    names = ", ".join(f"NULL::BOOLEAN AS {name}" for name in tree.inputs)
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA sales")
        connection.execute(
            f'CREATE TABLE sales."my profiles" AS SELECT 7 AS id, {names}, 8 AS "Other One"'
        )
        found = connection.execute(sql.render_sql(tree, "duckdb", 'sales."my profiles"'))
        columns = [name for name, *_ in found.description or ()]
        [row] = found.fetchall()
    added = ["status", "recommendation", "finetune", "candidates"]
    assert ["id", *tree.inputs, "Other One", *added] == columns
    assert (7, 8) == (row[0], row[-5])


def test_columns_with_names_that_are_taken_change_nothing(database: Database, tree: Tree) -> None:
    """A table may have columns with the names of those that the query adds or works with."""
    rows = decided_rows.partial_profiles(tree, 50)
    taken = "'x' AS status, 'y' AS candidates, 'z' AS outcome, 1 AS value, 2 AS words"
    query = sql.render_sql(tree, database.dialect, "wider")
    found = database.run(tree, f"WITH wider AS (SELECT profiles.*, {taken} FROM profiles) {query}", rows)
    assert decided_rows.expected(tree, rows) == [row[-4:] for row in sorted(found, key=itemgetter(0))]


def test_an_input_may_have_the_name_of_a_column(database: Database) -> None:
    """The query names its own columns otherwise; the answer stands in the last four."""
    tree = families.row_of_questions(3)
    names = dict(zip(tree.inputs, ("advisor_paths_1", "advisor_is_valid", "status"), strict=True))
    renamed = replace(
        tree,
        inputs={new: replace(tree.inputs[old], name=new) for old, new in names.items()},
        questions={n: replace(q, input=names[q.input]) for n, q in tree.questions.items()},
    )
    rows = decided_rows.partial_profiles(renamed, 30)
    found = database.run(renamed, sql.render_sql(renamed, database.dialect), rows)
    assert decided_rows.expected(renamed, rows) == [row[-4:] for row in sorted(found, key=itemgetter(0))]


def test_texts_of_a_tree_stay_in_comments_and_literals(typed: Tree) -> None:
    """No title and no label can end a comment, and so become a part of the query."""
    hostile = "x\n; DROP TABLE profiles; --\r\x0b\x85\u2028/* */ \0 {{ 1 }}"
    inputs = {name: replace(input_, label=hostile) for name, input_ in typed.inputs.items()}
    tree = replace(typed, title=hostile, inputs=inputs)
    for dialect in SQL_DIALECTS:
        statements = sqlglot.parse(sql.render_sql(tree, dialect), read=dialect)
        assert statements == sqlglot.parse(sql.render_sql(typed, dialect), read=dialect)


def test_three_compared_inputs_are_refused() -> None:
    """The message names them."""
    with pytest.raises(sql.InexpressibleTreeError, match="x000, x001, x002 leave open"):
        sql.render_sql(families.row_of_comparisons(2), "duckdb")


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        (families.ladder(13), "more than 4,000 paths"),
        (families.row_of_questions(401), "401 inputs"),
        (families.side_by_side(600, 401), "401 recommendations"),
    ],
    ids=["paths", "inputs", "recommendations"],
)
def test_a_tree_that_is_too_large_is_refused(tree: Tree, message: str) -> None:
    """The message says what there is too much of."""
    with pytest.raises(sql.InexpressibleTreeError, match=message):
        sql.render_sql(tree, "duckdb")


@pytest.mark.parametrize(
    "tree",
    [families.row_of_questions(400), families.side_by_side(600, 400), families.asked_again(10)],
    ids=["inputs", "recommendations", "paths"],
)
def test_a_large_tree_is_decided_alike(tree: Tree) -> None:
    """Databases take the largest queries that are exported."""
    rows = decided_rows.partial_profiles(tree, 20)
    decisions = decided_rows.expected(tree, rows, exact=0)
    for database in DuckDb(), Sqlite():
        assert [] == differences(database, tree, rows, decisions)


@pytest.mark.parametrize(
    "name", ["", "a b.", "'", "profiles x", "profiles AS x", "profiles; DROP TABLE x", "(SELECT 1 AS a)"]
)
def test_what_is_no_table_is_refused(tree: Tree, name: str) -> None:
    """The message has the name, and one that would do."""
    with pytest.raises(sql.TableNameError, match="give one such as profiles"):
        sql.render_sql(tree, "duckdb", name)


def test_limits_are_written_as_in_the_document(typed: Tree) -> None:
    """A query has the author's own limits, and a comment for each input."""
    query = sql.render_sql(typed, "postgres")
    for condition in (
        '"examples" < 500',
        '"examples" <= 3000',
        '"drift" <= 0.1',
        '"drift" < -0.30000000000000004e0',
    ):
        assert condition in query
    assert "-- Labelled examples\n" in query


@pytest.mark.parametrize("dialect", SQL_DIALECTS)
def test_each_label_stands_above_its_case(tree: Tree, dialect: str) -> None:
    """Whoever reads the query sees which input a number belongs to."""
    lines = [line.strip() for line in sql.render_sql(tree, dialect).splitlines()]
    for name, input_ in tree.inputs.items():
        below = lines[lines.index(f"-- {input_.label}") + 1]
        assert below.startswith("CASE")
        assert (name.upper() if dialect == "snowflake" else name) in below
