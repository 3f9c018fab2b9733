"""Writes results of batches as Parquet or Arrow IPC."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO

import orjson
import pyarrow as pa
from pyarrow import parquet

from finetune_advisor.assessing.columns import RESULT_SCHEMA, build_result_batch
from finetune_advisor.assessing.file_formats import BadFileError
from finetune_advisor.assessing.result_files import as_text

ROW_GROUP_ROWS = 1 << 16
"""The rows that are written together. Readers are slow with much smaller groups."""
ROW_GROUP_BYTES = 64 << 20
"""The size at which fewer rows are written together, so that columns of long texts fit into memory."""


class TableWriter:
    """Writes results as Parquet, or as a file or a stream of Arrow IPC. Raises BadFileError.

    `schema` is that of the record batches. `write` takes results as JSON Lines, and writes the copied columns
    as text.
    """

    def __init__(
        self, out: IO[bytes], file_format: str, schema: pa.Schema, *, is_stream: bool = False
    ) -> None:
        self._schema, self._waiting = schema, list[pa.RecordBatch]()
        self._waiting_rows = self._waiting_bytes = 0
        # Arrow counts the bytes that it writes, so that the output may be a pipe.
        sink = pa.PythonFile(out, mode="w")
        if file_format == "arrow":
            open_writer = pa.ipc.new_stream if is_stream else pa.ipc.new_file
        else:
            open_writer = parquet.ParquetWriter
        with _report_errors():
            self._writer = open_writer(sink, schema)

    def write(self, lines: bytes) -> None:
        """Write results that are JSON Lines."""
        results = [orjson.loads(line) for line in lines.splitlines()]
        copied = self._schema.names[: -len(RESULT_SCHEMA)]
        columns = [[as_text(result.get(name)) for result in results] for name in copied]
        arrays = [pa.array(column, pa.string()) for column in columns]
        arrays += build_result_batch(results).columns
        self.write_batch(pa.record_batch(arrays, schema=self._schema))

    def write_batch(self, batch: pa.RecordBatch) -> None:
        """Write results that are a record batch."""
        # Small groups of rows would make the file large, and slow to read.
        self._waiting.append(batch)
        self._waiting_rows += len(batch)
        self._waiting_bytes += batch.nbytes
        if self._waiting_rows >= ROW_GROUP_ROWS or self._waiting_bytes >= ROW_GROUP_BYTES:
            self._flush()

    def close(self) -> None:
        """Write the results that wait, and the end of the file."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._waiting_rows = self._waiting_bytes = 0
        if waiting:
            with _report_errors():
                self._writer.write_table(pa.Table.from_batches(waiting).combine_chunks())


@contextmanager
def _report_errors() -> Iterator[None]:
    """Turn errors about types that a format lacks into BadFileError."""
    try:
        yield
    except pa.ArrowException as error:
        reason = str(error).strip().partition("\n")[0]
        raise BadFileError(f"the results can't be written in this format: {reason}") from error


def text_schema(copied: Sequence[str]) -> pa.Schema:
    """Return the schema of results whose copied columns are text."""
    return pa.schema([*((name, pa.string()) for name in copied), *RESULT_SCHEMA])
