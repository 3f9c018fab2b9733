"""The lines of a file, read in constant memory however long they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from finetune_advisor.schemas.strict_json import BYTE_ORDER_MARK

MAX_LINE_BYTES = 1 << 20
"""The length up to which a line is read. A longer one is no profile, and may not fit into memory."""

NumberedLine = tuple[int, bytes, int]
"""The number of a line, the line without its line break, and the bytes that were read for it."""


class BadLineError(Exception):
    """A line can't be parsed; the message says why."""


def iter_nonblank_lines(file: IO[bytes]) -> Iterator[NumberedLine]:
    """Yield the lines of a file that aren't blank.

    A line that is too long is cut after MAX_LINE_BYTES + 1 bytes. The bytes that were read for a line include
    the blank lines above it.
    """
    mark, size, number = BYTE_ORDER_MARK, 0, 0
    while line := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        size += len(line)
        rest = line
        # The rest of a line that is too long is read in parts and dropped.
        while len(rest) > MAX_LINE_BYTES and not rest.endswith(b"\n"):
            rest = file.readline(MAX_LINE_BYTES + 1)
            size += len(rest)
        line = line.removeprefix(mark)
        if len(line) > MAX_LINE_BYTES or line.strip():
            yield number, line.removesuffix(b"\n"), size
            size = 0
        mark = b""  # only the first line may have one


def require_short_line(line: bytes) -> None:
    """Raise BadLineError for a line that was cut because it is too long."""
    if len(line) > MAX_LINE_BYTES:
        raise BadLineError(f"the line is longer than {MAX_LINE_BYTES} bytes; send a shorter one")
