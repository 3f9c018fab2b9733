"""Spark in local mode, with Java of this machine."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from pyspark.sql import SparkSession

from finetune_advisor.engine.model.inputs import Profile
from finetune_advisor.engine.model.tree import Tree
from tests.formats.databases import DECIDE, DuckDb
from tests.formats.decided_rows import Decision

SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
}


@dataclass(frozen=True)
class Spark:
    """A session of Spark."""

    session: Any
    dialect = "spark"
    integer_type, double_type = "int64", "double"

    def decide(
        self, tree: Tree, query: str, rows: Sequence[Profile], *, integer: str = "int64"
    ) -> list[Decision]:
        """What a query says of each row of a view `profiles`, which has two partitions."""
        table = DuckDb(integer).table(tree, rows)
        self.session.createDataFrame(table).repartition(2).createOrReplaceTempView("profiles")
        return [tuple(row) for row in self.session.sql(DECIDE.format(query=query)).collect()]


@contextmanager
def running() -> Iterator[Spark]:
    """Start a session, and stop it afterwards. Skips where there is no Java."""
    if not shutil.which("java"):
        pytest.skip("Java isn't installed here, which Spark needs")
    builder = SparkSession.builder.master("local[2]").appName("finetune-advisor")
    for name, value in SETTINGS.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    try:
        yield Spark(session)
    finally:
        session.stop()
