"""The recipes of docs/bulk.md: run as a reader runs them, and compared with the service."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
from pyarrow import dataset, parquet

from finetune_advisor import Advisor, load_catalog
from finetune_advisor.assessing.column_names import RESULT_COLUMNS
from finetune_advisor.assessing.rendering import batch_result
from finetune_advisor.assessing.result_rows import flatten_result
from finetune_advisor.engine.model.inputs import Input, Value
from tests.docs import pages

PAGE = pages.read("docs/bulk.md")
FILE = "profiles.parquet"
ROWS = 1_200
CATALOG = load_catalog()
TREE = CATALOG.pick("2.0.0")
TYPES = {
    "boolean": pa.bool_(),
    "enum": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
}
DECIDED_COLUMNS = ("status", "recommendation", "finetune", "candidates")
"""The columns that SQL gives, too."""


def write_profiles(folder: Path) -> None:
    """Write complete and partial profiles, with the values of thresholds, in several row groups."""
    rng = random.Random(17)
    shares = [rng.choice((1, 1, 0.9, 0.6)) for _ in range(ROWS)]
    columns = {
        name: pa.array(
            [_value(rng, input_) if rng.random() < share else None for share in shares],
            TYPES[input_.type],
        )
        for name, input_ in TREE.inputs.items()
    }
    table = pa.table({"ticket": [f"T-{number}" for number in range(ROWS)], **columns})
    parquet.write_table(table, folder / FILE, row_group_size=ROWS // 4)


def _value(rng: random.Random, input_: Input) -> Value:
    if not input_.is_numeric:
        return rng.choice(input_.choices or (False, True))
    cells = TREE.partition[input_.name]
    return input_.value(rng.choice([end for cell in cells for span in cell.spans for end in span]))


def run_recipe(heading: str, folder: Path) -> None:
    """Run the blocks of a section in order, in a folder that has the profiles."""
    write_profiles(folder)
    python, environment = Path(sys.executable), {**os.environ, "PYTHONPATH": ""}
    environment["PATH"] = f"{python.parent}{os.pathsep}{environment['PATH']}"
    environment["PYSPARK_PYTHON"] = str(python)
    script = ""
    for language, block in pages.FENCED.findall(pages.section(PAGE, heading)):
        if language == "sh":
            _run(["sh", "-ec", block], folder, environment)
        elif language == "python":
            script += block
    if script:
        (folder / "recipe.py").write_text(script, encoding="utf-8")
        _run([str(python), "recipe.py"], folder, environment)


def _run(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def read_results(path: Path) -> dict[str, dict[str, Any]]:
    """The rows of a Parquet file, or of a folder of them, by ticket."""
    rows = dataset.dataset(path, format="parquet", exclude_invalid_files=True).to_table().to_pylist()
    return {row.get("id") or row["ticket"]: row for row in rows}


def expected_results(folder: Path) -> dict[str, dict[str, Any]]:
    """What the service gives each profile, by ticket, in the columns of a result."""
    advisor, found = Advisor(TREE, CATALOG), {}
    for row in parquet.read_table(folder / FILE).to_pylist():
        ticket = row.pop("ticket")
        profile = {name: value for name, value in row.items() if value is not None}
        result = orjson.loads(orjson.dumps(batch_result(advisor.assess(profile))))
        found[ticket] = dict(zip(RESULT_COLUMNS, flatten_result(result), strict=True))
    return found


def assert_complete(folder: Path, name: str = "results.parquet") -> None:
    """The results have everything that the service gives."""
    expected = {ticket: {"id": ticket, **row} for ticket, row in expected_results(folder).items()}
    assert ROWS == len(expected)
    assert expected == read_results(folder / name)


def assert_decided(folder: Path) -> None:
    """The results of SQL are those of the service, beside the columns of the table."""
    expected = {
        ticket: {name: row[name] for name in DECIDED_COLUMNS}
        for ticket, row in expected_results(folder).items()
    }
    rows = read_results(folder / "results.parquet")
    assert ROWS == len(rows)
    assert expected == {
        ticket: {
            "status": row["status"],
            "recommendation": row["recommendation"],
            "finetune": row["finetune"],
            "candidates": re.split(", ?", row["candidates"]),
        }
        for ticket, row in rows.items()
    }
    assert {*TREE.inputs} <= rows["T-0"].keys()
