"""Trees as SQL queries, which PostgreSQL and Spark answer exactly as this engine."""

from __future__ import annotations

import pytest

from finetune_advisor.formats import sql
from tests.engines.conftest import DecideRows, SqlEngine, differing, other_tree
from tests.formats import decided_rows
from tests.formats.decided_rows import BUNDLED_VERSIONS, INVALID, bundled

OTHER_TREES = ("typed", "awkward")


@pytest.mark.parametrize("version", BUNDLED_VERSIONS)
def test_every_row_of_a_decision_table_is_decided_alike(version: str, engine: SqlEngine) -> None:
    """The released decision tables: every complete profile of 1.0.0, the edges of each path of the others."""
    rows, decisions = decided_rows.decision_table(version)
    query = sql.render_sql(bundled(version), engine.dialect)
    assert decisions == engine.decide(bundled(version), query, rows)


@pytest.mark.parametrize("version", BUNDLED_VERSIONS)
def test_partial_profiles_are_decided_alike(
    version: str, decided: DecideRows, engine: SqlEngine
) -> None:
    """50,000 random profiles, complete and partial, with numbers at thresholds and next to them."""
    rows, decisions = decided(version)
    query = sql.render_sql(bundled(version), engine.dialect)
    assert 0 == differing(decisions, engine.decide(bundled(version), query, rows))


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("name", OTHER_TREES)
def test_other_trees_are_decided_alike(name: str, whole: bool, engine: SqlEngine) -> None:
    """Every type of input, test and comparison, names that are keywords, integers in columns of doubles."""
    tree = other_tree(name)
    rows = decided_rows.partial_profiles(tree, 3_000)
    integer = engine.integer_type if whole else engine.double_type
    found = engine.decide(tree, sql.render_sql(tree, engine.dialect), rows, integer=integer)
    assert 0 == differing(decided_rows.expected(tree, rows), found)


@pytest.mark.parametrize("name", OTHER_TREES)
def test_an_invalid_answer_makes_a_row_invalid(name: str, engine: SqlEngine) -> None:
    """Unknown choices, numbers out of range, fractions in integers, NaN and infinity."""
    tree = other_tree(name)
    rows = decided_rows.with_invalid_answers(tree)
    query = sql.render_sql(tree, engine.dialect)
    assert [INVALID] * len(rows) == engine.decide(tree, query, rows, integer=engine.double_type)


def test_a_changed_rule_for_null_is_noticed(decided: DecideRows, engine: SqlEngine) -> None:
    """The proofs above see a query in which NULL counts as an answer."""
    rows, decisions = decided("1.0.0")
    query = sql.render_sql(bundled("1.0.0"), engine.dialect)
    broken = query.replace("ELSE 4095", "ELSE 4094", 1)
    assert 0 < differing(decisions, engine.decide(bundled("1.0.0"), broken, rows))
