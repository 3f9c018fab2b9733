"""docs/bulk.md: the recipes for one machine. Those for Polars and Spark are in tests/engines."""

from __future__ import annotations

import re
from pathlib import Path

from pyarrow import parquet

from tests.docs import recipes


def test_a_file_to_try(tmp_path: Path) -> None:
    """The file has a column for each input, and the recipe of the command line takes it."""
    recipes.run_recipe("A file to try", tmp_path)
    written = parquet.read_table(tmp_path / recipes.FILE)
    assert ["ticket", *recipes.TREE.inputs] == written.column_names
    assert ["T-1", "T-2"] == written["ticket"].to_pylist()
    rows = {row["ticket"]: row for row in written.to_pylist()}
    assert (True, None) == (rows["T-1"]["rules_sufficient"], rows["T-1"]["eval_examples"])


def test_the_command_line(tmp_path: Path) -> None:
    """A file in, a file of complete results out."""
    recipes.run_recipe("The command line", tmp_path)
    recipes.assert_complete(tmp_path)


def test_duckdb(tmp_path: Path) -> None:
    """The SQL of the tree decides as the service does; the library gives complete results."""
    recipes.run_recipe("DuckDB", tmp_path)
    recipes.assert_decided(tmp_path)
    recipes.assert_complete(tmp_path, "complete.parquet")


def test_every_recipe_has_a_test() -> None:
    """A section with code is run somewhere."""
    headings = re.findall(r"^## (.*)$", recipes.PAGE, re.MULTILINE)
    with_code = [
        heading for heading in headings if "```" in recipes.pages.section(recipes.PAGE, heading)
    ]
    here = Path(__file__)
    tests = here.read_text("utf-8") + (here.parents[1] / "engines" / "test_bulk.py").read_text("utf-8")

    assert len(with_code) >= 5
    assert [] == [heading for heading in with_code if f'run_recipe("{heading}"' not in tests]
