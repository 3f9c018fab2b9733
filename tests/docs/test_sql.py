"""docs/sql.md, whose examples run in DuckDB and SQLite."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from finetune_advisor.formats import sql
from finetune_advisor.formats.sql_dialects import SQL_DIALECTS
from tests.docs import pages

PAGE = pages.read("docs/sql.md")
EXAMPLE = re.compile(
    r"^```sh\n(finetune-advisor [^\n]*)\n```\n\n```python (\w+)\n(.*?)^```\n\n```text\n(.*?)^```",
    re.MULTILINE | re.DOTALL,
)


@pytest.mark.parametrize("database", ["duckdb", "sqlite"])
def test_an_example_prints_what_is_shown(database: str, tmp_path: Path) -> None:
    """The export and the program, as they stand in the page."""
    [(command, program, shown)] = [
        (command, program, shown)
        for command, name, program, shown in EXAMPLE.findall(PAGE)
        if name == database
    ]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = os.environ | {"PATH": path}
    subprocess.run(["bash", "-c", command], cwd=tmp_path, env=environment, check=True, timeout=60)
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert shown == done.stdout, done.stderr


def test_each_dialect_has_a_line() -> None:
    """The table of dialects has those of the command, in any order."""
    assert {*SQL_DIALECTS} == set(re.findall(r"^\| `(\w+)` \| [A-Z]", PAGE, re.MULTILINE))


def test_the_limits_are_those_of_the_code() -> None:
    """A tree beyond them is refused."""
    assert f"more than {sql.MAX_PATHS:,} paths" in PAGE
    limit = sql.MAX_NESTED_EXPRESSIONS
    assert f"{limit} inputs or {limit} recommendations" in PAGE
