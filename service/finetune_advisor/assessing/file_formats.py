"""The formats of files of profiles and results, and the files that results go to."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import IO

from finetune_advisor.engine.errors import FinetuneAdvisorError

FORMAT_BY_SUFFIX = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".arrows": "arrow",
    ".feather": "arrow",
}
"""The format of a file, by the suffix of its name. An Arrow stream is called `.arrows`."""
FILE_FORMATS = tuple(dict.fromkeys(FORMAT_BY_SUFFIX.values()))
TABLE_FORMATS = frozenset({"parquet", "arrow"})
"""The formats with columns that have types, which need pyarrow."""
FORMAT_BY_MAGIC = {b"PAR1": "parquet", b"ARROW1": "arrow"}
"""The format of a binary file, by its first bytes."""


class BadFileError(FinetuneAdvisorError):
    """A file can't be assessed; the message says why."""


def find_format(name: str) -> str:
    """Return the format for the suffix of a file's name. Raises BadFileError for an unknown suffix."""
    if name == "-":
        return "jsonl"
    try:
        return FORMAT_BY_SUFFIX[Path(name).suffix.lower()]
    except KeyError:
        suffixes = ", ".join(FORMAT_BY_SUFFIX)
        raise BadFileError(
            f"{name}: its name has to end in one of {suffixes}; or give --format"
        ) from None


def find_output_format(output: Path | None) -> str:
    """Return the format of the results for the suffix of the output's name; without a known one, `jsonl`."""
    return FORMAT_BY_SUFFIX.get(output.suffix.lower(), "jsonl") if output else "jsonl"


@contextmanager
def atomic_write(path: Path) -> Iterator[IO[bytes]]:
    """Open a new file that replaces `path` once the block is left without an exception.

    After an exception, the old file is still there. A device or a pipe is written directly. Raises
    BadFileError if the file can't be written.
    """
    path = Path(os.path.realpath(path))  # `Path.resolve` raises RuntimeError for a loop of links
    # In the same folder, and so on the same file system, where a file can replace another.
    new = path.with_name(f".finetune-advisor.{token_hex(8)}")
    try:
        if path.exists() and not path.is_file():
            new = path
        with new.open("wb") as out:
            yield out
        if new != path:
            if path.exists():
                shutil.copymode(path, new)
            new.replace(path)
    except OSError as error:
        raise BadFileError(f"{path}: can't be written: {error.strerror}") from error
    finally:
        if new != path:
            with suppress(OSError):  # it wasn't made, or the folder is gone
                new.unlink()
