"""docs/bulk.md: the recipes for Polars and Spark, on real local engines."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs import recipes

SPARK_CONFIGURATION = """\
spark.master local[2]
spark.ui.enabled false
spark.sql.session.timeZone UTC
spark.driver.host 127.0.0.1
spark.driver.bindAddress 127.0.0.1
spark.sql.execution.arrow.maxRecordsPerBatch 100
"""
"""Two cores, as of two executors with one each, and batches so small that each partition has several."""


@pytest.fixture
def _two_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Spark with two cores, reachable from this machine only."""
    configuration = tmp_path / "configuration"
    configuration.mkdir()
    (configuration / "spark-defaults.conf").write_text(SPARK_CONFIGURATION)
    monkeypatch.setenv("SPARK_CONF_DIR", str(configuration))


def test_polars(tmp_path: Path) -> None:
    """A data frame in, a data frame of complete results out."""
    recipes.run_recipe("Polars", tmp_path)
    recipes.assert_complete(tmp_path)


@pytest.mark.usefixtures("_two_cores")
def test_spark_with_the_library(tmp_path: Path) -> None:
    """Four partitions on two cores give complete results, each row once."""
    recipes.run_recipe("Spark with the library", tmp_path)
    recipes.assert_complete(tmp_path)
    assert 4 == len([*(tmp_path / "results.parquet").glob("part-*.parquet")])


@pytest.mark.usefixtures("_two_cores")
def test_spark_with_sql(tmp_path: Path) -> None:
    """The SQL of the tree decides as the service does."""
    recipes.run_recipe("Spark with SQL", tmp_path)
    recipes.assert_decided(tmp_path)
