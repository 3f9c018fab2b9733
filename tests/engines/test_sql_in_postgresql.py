"""Trees as SQL queries, which PostgreSQL answers exactly as this engine."""

from __future__ import annotations

import pytest

from finetune_advisor.formats import sql
from tests.engines.conftest import DecideRows, differing, other_tree
from tests.engines.postgresql import PostgreSql
from tests.formats import decided_rows
from tests.formats.decided_rows import BUNDLED_VERSIONS, INVALID, bundled

OTHER_TREES = ("typed", "awkward")


@pytest.mark.parametrize("version", BUNDLED_VERSIONS)
def test_every_row_of_a_decision_table_is_decided_alike(version: str, postgres: PostgreSql) -> None:
    """The released decision tables: every complete profile of 1.0.0, the edges of each path of the others."""
    rows, decisions = decided_rows.decision_table(version)
    assert decisions == postgres.decide(
        bundled(version), sql.render_sql(bundled(version), "postgres"), rows
    )


@pytest.mark.parametrize("version", BUNDLED_VERSIONS)
def test_partial_profiles_are_decided_alike(
    version: str, decided: DecideRows, postgres: PostgreSql
) -> None:
    """50,000 random profiles, complete and partial, with numbers at thresholds and next to them."""
    rows, decisions = decided(version)
    found = postgres.decide(bundled(version), sql.render_sql(bundled(version), "postgres"), rows)
    assert 0 == differing(decisions, found)


@pytest.mark.parametrize("integer", ["BIGINT", "DOUBLE PRECISION"])
@pytest.mark.parametrize("name", OTHER_TREES)
def test_other_trees_are_decided_alike(name: str, integer: str, postgres: PostgreSql) -> None:
    """Every type of input, test and comparison, and names that are keywords of SQL."""
    tree = other_tree(name)
    rows = decided_rows.partial_profiles(tree, 3_000)
    found = postgres.decide(tree, sql.render_sql(tree, "postgres"), rows, integer=integer)
    assert 0 == differing(decided_rows.expected(tree, rows), found)


@pytest.mark.parametrize("name", OTHER_TREES)
def test_an_invalid_answer_makes_a_row_invalid(name: str, postgres: PostgreSql) -> None:
    """Unknown choices, numbers out of range, fractions in integers, NaN and infinity."""
    tree = other_tree(name)
    rows = decided_rows.with_invalid_answers(tree)
    found = postgres.decide(tree, sql.render_sql(tree, "postgres"), rows, integer="DOUBLE PRECISION")
    assert [INVALID] * len(rows) == found


def test_a_changed_rule_for_null_is_noticed(decided: DecideRows, postgres: PostgreSql) -> None:
    """The proofs above see a query in which NULL counts as an answer."""
    rows, decisions = decided("1.0.0")
    query = sql.render_sql(bundled("1.0.0"), "postgres")
    broken = query.replace("ELSE 4095", "ELSE 4094", 1)
    assert 0 < differing(decisions, postgres.decide(bundled("1.0.0"), broken, rows))
