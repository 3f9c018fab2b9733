"""Trees as SQL queries, held to this engine with many rows in the databases of this process."""

from __future__ import annotations

import pytest

from finetune_advisor.formats import sql
from tests.engines.conftest import DecideRows, differing
from tests.formats.databases import Database, DuckDb, Sqlite
from tests.formats.decided_rows import BUNDLED_VERSIONS, bundled


@pytest.mark.parametrize("version", BUNDLED_VERSIONS)
@pytest.mark.parametrize("database", [DuckDb(), Sqlite()], ids=["duckdb", "sqlite"])
def test_partial_profiles_are_decided_alike(
    version: str, decided: DecideRows, database: Database
) -> None:
    """50,000 random profiles, complete and partial, with numbers at thresholds and next to them."""
    rows, decisions = decided(version)
    found = database.decide(bundled(version), sql.render_sql(bundled(version), database.dialect), rows)
    assert 0 == differing(decisions, found)
