"""Reads tables of anybody: in constant memory, and with a message for what is damaged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import pyarrow as pa
from pyarrow import parquet

from finetune_advisor.assessing.file_formats import BadFileError

READ_BYTES = 1 << 20
"""The bytes of each column of a Parquet file that are read at once. A row group may not fit into memory."""


def open_parquet(source: IO[bytes] | pa.PythonFile) -> Any:
    """Open a Parquet file, which is read in parts and whose checksums are verified."""
    return parquet.ParquetFile(
        source, pre_buffer=False, buffer_size=READ_BYTES, page_checksum_verification=True
    )


def validate_batch(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return a record batch that can be read safely. Raises pyarrow.ArrowException for any other."""
    # Damaged files can have offsets and indices that lead outside of the memory of a column.
    batch.validate(full=True)
    return batch


@contextmanager
def report_unreadable(name: str, format_title: str) -> Iterator[None]:
    """Turn the errors of reading a file into a BadFileError."""
    try:
        yield
    # Names of columns can be broken text, too.
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise BadFileError(f"{name}: can't be read as {format_title}: {reason}") from error
