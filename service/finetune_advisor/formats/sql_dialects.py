"""The dialects of SQL that a tree can be exported to, without the library that writes them."""

from __future__ import annotations

SQL_DIALECTS = ("bigquery", "duckdb", "postgres", "snowflake", "spark", "sqlite", "trino")
STAR_EXCEPT_DIALECTS = frozenset({"bigquery", "duckdb", "snowflake", "spark"})
"""The dialects that can leave columns out of `*`. In the others, each row is joined with its candidates."""
DEFAULT_TABLE = "profiles"
