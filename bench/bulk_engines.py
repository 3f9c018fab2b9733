"""The ways to decide a Parquet file in one process: `python -m bench.bulk_engines WAY VERSION FILE OUTPUT`.

Each reads a table with a column for each input, and writes Parquet with a column `recommendation`.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from finetune_advisor import ArrowAdvisor, Tree, load_catalog
from finetune_advisor.formats.sql import render_sql

SPARK_CORES = 2
SPARK_MEMORY = "4g"
POLARS_ROWS = 1 << 16
COLUMNS = "status, recommendation, finetune, candidates"


def duckdb_sql(version: str, file: Path, output: Path) -> None:
    """DuckDB runs the exported SQL."""
    import duckdb  # noqa: PLC0415  # each way imports its own engine

    query = render_sql(_load(version), "duckdb", f"read_parquet('{file}')")
    duckdb.sql(f"COPY (SELECT {COLUMNS} FROM ({query})) TO '{output}' (FORMAT parquet)")


def spark_sql(version: str, file: Path, output: Path) -> None:
    """Spark runs the exported SQL, on all cores."""
    spark = _spark()
    spark.read.parquet(str(file)).createOrReplaceTempView("profiles")
    decided = spark.sql(render_sql(_load(version), "spark")).select(*COLUMNS.split(", "))
    decided.write.parquet(str(output))
    spark.stop()


def spark_library(version: str, file: Path, output: Path) -> None:
    """Spark runs the library in its Python workers, on all cores."""
    spark = _spark()
    advisor = spark.sparkContext.broadcast(_make_advisor(version))

    def assess(batches: Iterator[Any]) -> Iterator[Any]:
        for batch in batches:
            yield advisor.value.assess(batch).select(COLUMNS.split(", "))

    schema = "status string, recommendation string, finetune string, candidates array<string>"
    spark.read.parquet(str(file)).mapInArrow(assess, schema).write.parquet(str(output))
    spark.stop()


def polars_library(version: str, file: Path, output: Path) -> None:
    """Polars reads, and the library assesses batch by batch, on one core."""
    import polars  # noqa: PLC0415  # as above
    import pyarrow as pa  # noqa: PLC0415

    advisor = _make_advisor(version)

    def assess(frame: polars.DataFrame) -> polars.DataFrame:
        results = [
            advisor.assess(batch).select(COLUMNS.split(", "))
            for batch in frame.to_arrow().to_batches(max_chunksize=POLARS_ROWS)
        ]
        return polars.DataFrame(pa.Table.from_batches(results))

    schema = {
        **dict.fromkeys(("status", "recommendation", "finetune"), polars.String()),
        "candidates": polars.List(polars.String()),
    }
    polars.scan_parquet(file).map_batches(assess, schema=schema, streamable=True).sink_parquet(output)


WAYS: dict[str, Callable[[str, Path, Path], None]] = {
    "duckdb-sql": duckdb_sql,
    "spark-sql": spark_sql,
    "spark-library": spark_library,
    "polars-library": polars_library,
}


def _load(version: str) -> Tree:
    return load_catalog().pick(version)


def _make_advisor(version: str) -> ArrowAdvisor:
    catalog = load_catalog()
    return ArrowAdvisor(catalog.pick(version), catalog)


def _spark() -> Any:
    # Spark starts its Python workers by this name, which may be another Python than this one.
    os.environ["PYSPARK_PYTHON"] = sys.executable
    from pyspark.sql import SparkSession  # noqa: PLC0415  # as above

    return (
        SparkSession.builder.master(f"local[{SPARK_CORES}]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.memory", SPARK_MEMORY)
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .getOrCreate()
    )


def main() -> None:
    """Decide a file in one of the ways."""
    parser = argparse.ArgumentParser(prog="python -m bench.bulk_engines", description=__doc__)
    parser.add_argument("way", choices=sorted(WAYS))
    parser.add_argument("version")
    parser.add_argument("file", type=Path)
    parser.add_argument("output", type=Path)
    options = parser.parse_args()
    WAYS[options.way](options.version, options.file, options.output)


if __name__ == "__main__":
    main()
