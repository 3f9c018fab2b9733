"""Writes results of batches as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import IO, Any

import orjson

from finetune_advisor.assessing.column_names import RESULT_COLUMNS
from finetune_advisor.assessing.result_rows import flatten_result


class CsvWriter:
    """Writes results as CSV, in UTF-8: the columns that are copied, and those of the result.

    An empty cell has no value. The items of a list are separated by commas.
    """

    def __init__(self, out: IO[bytes], copied: Sequence[str]) -> None:
        self._out, self._copied = out, copied
        self._write_rows([[*copied, *RESULT_COLUMNS]])

    def write(self, lines: bytes) -> None:
        """Write results that are JSON Lines."""
        results = [orjson.loads(line) for line in lines.splitlines()]
        self._write_rows(
            [*(as_text(result.get(name)) for name in self._copied), *map(_cell, flatten_result(result))]
            for result in results
        )

    def _write_rows(self, rows: Iterable[Sequence[str | None]]) -> None:
        # In memory first: the csv module writes text, and the output takes bytes.
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        self._out.write(text.getvalue().encode())


def as_text(value: Any) -> str | None:
    """Return a scalar of JSON as text: text as it is, and anything else as in JSON."""
    return value if value is None or isinstance(value, str) else orjson.dumps(value).decode()


def _cell(value: Any) -> str | None:
    # No id has a comma in it.
    return ",".join(value) if isinstance(value, list) else value
