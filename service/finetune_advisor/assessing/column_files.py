"""Assesses files of columns, as Parquet or Arrow IPC, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any

import pyarrow as pa
from pyarrow import types

from finetune_advisor.assessing.assessor import BatchSummary
from finetune_advisor.assessing.batch_files import prepend_members, require_no_input
from finetune_advisor.assessing.column_names import BadColumnsError
from finetune_advisor.assessing.column_types import is_nan
from finetune_advisor.assessing.columns import MAX_BATCH_ROWS, ArrowAdvisor, AssessedRows
from finetune_advisor.assessing.file_formats import BadFileError
from finetune_advisor.assessing.table_reading import open_parquet, report_unreadable, validate_batch

ARROW_FILE_MAGIC = b"ARROW1"
"""The beginning of Arrow's file format. A stream has none."""
INVALID_RESULT = b'{"status":"invalid",'
"""The beginning of a result, as rendered, whose profile is invalid."""


class ColumnFile:
    """Assesses the rows of a Parquet or Arrow file, and counts the results.

    `summary` counts the results so far, and `ignored` has the ignored inputs of the first profile that has
    any. `size` is the number of rows if the file tells it, and otherwise 0.

    Raises BadFileError for a file that can't be read, and for columns that don't fit the inputs.
    """

    def __init__(self, advisor: ArrowAdvisor, file: IO[bytes], name: str, file_format: str) -> None:
        require_no_input(advisor.id_column, advisor.catalog.inputs)
        self._advisor, self._name, self._format = advisor, name, file_format
        self.summary = BatchSummary()
        self.ignored: Sequence[str] = ()
        with self._report_errors():
            self._schema, self.size, self._batches = _open(file, file_format)
            self.selection = advisor.select(self._schema)

    @property
    def result_schema(self) -> pa.Schema:
        """The schema of the results as record batches."""
        return self._advisor.result_schema(self._schema)

    def iter_batches(self) -> Iterator[tuple[pa.RecordBatch, int]]:
        """Yield the results as record batches, each with its number of rows."""
        for batch, rows in self._iter_assessed():
            yield self._advisor.add_copied(batch, rows.as_batch()), len(batch)

    def iter_results(self) -> Iterator[tuple[bytes, int]]:
        """Yield the results as JSON Lines, each block with its number of rows.

        An invalid result has the number of its row, counted from 1.
        """
        for batch, rows in self._iter_assessed():
            first = self.summary.profiles - len(batch) + 1
            results: list[bytes] = [
                content.replace(INVALID_RESULT, b'%b"row":%d,' % (INVALID_RESULT, number), 1)
                if content.startswith(INVALID_RESULT)
                else content
                for number, content in enumerate(rows.contents, first)
            ]
            if self.selection.copied:
                copied = self._copied_members(batch)
                results = [*map(prepend_members, copied, results)]
            yield b"\n".join([*results, b""]), len(batch)

    def _iter_assessed(self) -> Iterator[tuple[pa.RecordBatch, AssessedRows]]:
        while (batch := self._next_batch()) is not None:
            # A record batch of an Arrow file may have millions of rows, whose results would fill the memory.
            for start in range(0, len(batch), MAX_BATCH_ROWS):
                part = batch.slice(start, MAX_BATCH_ROWS)
                with self._report_errors():
                    rows = self._advisor.assess_rows(part)
                self._count(rows)
                yield part, rows

    def _next_batch(self) -> pa.RecordBatch | None:
        """Read the next batch, or return None at the end."""
        with self._report_errors():
            batch = next(self._batches, None)
            return None if batch is None else validate_batch(batch)

    def _count(self, rows: AssessedRows) -> None:
        summary = self.summary
        # Distinct results are far fewer than rows where all answers are booleans and enums.
        for content, count in rows.count().items():
            result = rows.results[content]
            summary.profiles += count
            if result["status"] == "invalid":
                summary.invalid_count += count
            elif "recommendation" in result:
                summary.recommendations[result["recommendation"]] += count
            self.ignored = self.ignored or result.get("ignored", ())

    def _copied_members(self, batch: pa.RecordBatch) -> Iterator[dict[str, Any]]:
        """Yield the members that are copied into the result of each row, without those that are null."""
        with self._report_errors():
            columns = [
                _plain_values(column, batch[column]).to_pylist() for column in self.selection.copied
            ]
        names = self.selection.copied.values()
        for row in zip(*columns, strict=True):
            yield {
                name: value
                for name, value in zip(names, row, strict=True)
                if value is not None and not is_nan(value)
            }

    @contextmanager
    def _report_errors(self) -> Iterator[None]:
        """Turn errors of reading, and of columns that don't fit, into BadFileError."""
        try:
            with report_unreadable(self._name, self._format.capitalize()):
                yield
        except BadColumnsError as error:
            raise BadFileError("\n".join(f"{self._name}: {fault}" for fault in error.faults)) from error


def _open(file: IO[bytes], file_format: str) -> tuple[pa.Schema, int, Iterator[pa.RecordBatch]]:
    """Open a file, and return its schema, the number of its rows or 0, and its record batches."""
    source = pa.PythonFile(file, mode="r")
    if file_format == "parquet":
        if not file.seekable():
            raise OSError("its end has to be read first, which a pipe can't do; give the path of a file")
        opened = open_parquet(source)
        batches = opened.iter_batches(batch_size=MAX_BATCH_ROWS)
        return opened.schema_arrow, opened.metadata.num_rows, batches
    if file.seekable() and _starts_with(file, ARROW_FILE_MAGIC):
        reader = pa.ipc.open_file(source)
        return reader.schema, 0, map(reader.get_batch, range(reader.num_record_batches))
    stream = pa.ipc.open_stream(source)
    return stream.schema, 0, iter(stream)


def _starts_with(file: IO[bytes], magic: bytes) -> bool:
    """Return whether a file begins with some bytes, and go back to its beginning."""
    beginning = file.read(len(magic))
    file.seek(0)
    return beginning == magic


def _plain_values(name: str, column: pa.Array) -> pa.Array:
    """Return a column as numbers, booleans or text, which JSON and CSV can hold. Raises BadColumnsError."""
    type_ = column.type
    if types.is_dictionary(type_):
        return _plain_values(name, column.cast(type_.value_type))
    if types.is_boolean(type_) or types.is_integer(type_) or types.is_floating(type_):
        return column
    # Dates, decimals and the like have no form of their own in JSON.
    try:
        return column.cast(pa.string())
    except pa.ArrowException as error:
        problem = f"the column {name!r} of type {type_} can't be written as text"
        raise BadColumnsError([f"{problem}; write the results as Parquet or Arrow"]) from error
