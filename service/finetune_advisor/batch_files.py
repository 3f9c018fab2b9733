"""Batch files: profiles a line, as JSON Lines or CSV, and a result for each, in constant memory."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import IO, Any

import orjson
from marshmallow import ValidationError

from finetune_advisor.api.assessing import Assessor, Tally, Unheard, completed
from finetune_advisor.api.parsing import BYTE_ORDER_MARK, parse, unknown
from finetune_advisor.api.problems import MalformedRequest
from finetune_advisor.api.schemas.fields import read_text
from finetune_advisor.catalog import Catalog
from finetune_advisor.engine.errors import FinetuneAdvisorError
from finetune_advisor.engine.inputs import Input, Profile
from finetune_advisor.engine.tree import Tree
from finetune_advisor.formats.numbers import counted

LONGEST_LINE = 1 << 20
"""The longest line that is read, in bytes; what is longer is no profile, and needn't fit into memory."""

JSON_LINES = (".jsonl", ".ndjson")
CSV = ".csv"

Read = Callable[[bytes], Any]
"""Reads a line as a profile, right or not. Raises BadLineError for a line that can't be read."""


class BadFileError(FinetuneAdvisorError):
    """The file as a whole can't be taken for profiles; the message says why."""


class BadLineError(Exception):
    """A line can't be read; the message says why."""


class BatchFile:
    """The lines of a file with their results: those of POST /assess/batch, with the line where one is at
    fault. What is wrong with a line concerns no other.
    """

    def __init__(self, catalog: Catalog, tree: Tree, defaults: Profile) -> None:
        self._inputs, self._defaults = catalog.inputs, defaults
        self._assessor = Assessor(catalog, tree, Unheard())
        self._tally = Tally()

    @property
    def invalid(self) -> int:
        """How many lines so far were at fault."""
        return self._tally.statuses["invalid"]

    def __str__(self) -> str:
        statuses = self._tally.statuses
        counts = ", ".join(f"{times} {status}" for status, times in statuses.items())
        return f"{counted(sum(statuses.values()), 'profile')}: {counts}"

    def results(self, file: IO[bytes], name: str) -> Iterator[tuple[bytes, int]]:
        """The result of each line, and how many bytes of the file were read for it.

        Raises BadFileError, for a name that tells no format or a faulty header.
        """
        suffix = Path(name).suffix.lower()
        if name != "-" and suffix not in (*JSON_LINES, CSV):
            known = ", ".join((*JSON_LINES, CSV))
            raise BadFileError(f"{name}: its name has to end in one of {known}")
        lines = _lines(file)
        read: Read = _json
        above = number = 0
        if suffix == CSV:
            header, above = next(lines, (b"", 0))
            read, number = self._rows(header, name), 1
        for place, (line, size) in enumerate(lines, number + 1):
            yield self._result(line, read, place), above + size
            above = 0

    def _result(self, line: bytes, read: Read, number: int) -> bytes:
        try:
            result = self._assessor.result(completed(read(line), self._defaults), self._tally)
        except BadLineError as error:
            errors = [{"pointer": "#", "detail": str(error)}]
        except ValidationError as error:
            errors = self._assessor.errors(error)
        else:
            return result
        self._tally.statuses["invalid"] += 1
        return orjson.dumps({"status": "invalid", "line": number, "errors": errors})

    def _rows(self, header: bytes, name: str) -> Read:
        """What reads the rows below a header."""
        try:
            columns = _cells(header)
        except BadLineError as error:
            raise BadFileError(f"{name}:1: {error}") from error
        for fault in self._faults(columns):
            raise BadFileError(f"{name}:1: {fault}")
        inputs = [self._inputs[column] for column in columns]
        return lambda line: _row(inputs, line)

    def _faults(self, columns: list[str]) -> Iterator[str]:
        """What is wrong with the columns that a header names."""
        if columns == [""]:
            yield "there is no header; name an input in each column"
        for place, column in enumerate(columns):
            if len(columns) == 1 and (";" in column or "\t" in column):
                yield "the header is one column; separate columns by commas"
            if not column:
                yield f"column {place + 1} has no name; name an input, or remove the column"
            if column not in self._inputs:
                yield f"{column!r}: {unknown(column, [*self._inputs])}"
            if column in columns[:place]:
                yield f"the column {column!r} is there twice; keep one"


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file that takes a path's place once it is written to its end; without that, what is there stays.

    Raises BadFileError where that can't be.
    """
    path = path.resolve()
    new = path.with_name(f".{path.name}.{token_hex(4)}")
    if path.exists() and not path.is_file():
        new = path  # a device or a pipe, whose place isn't to be taken
    try:
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
            new.unlink(missing_ok=True)


def _lines(file: IO[bytes]) -> Iterator[tuple[bytes, int]]:
    """The lines of a file without their ends, the beginning of one that is too long, and their sizes."""
    mark = BYTE_ORDER_MARK
    while line := file.readline(LONGEST_LINE + 1):
        size = len(line)
        rest = line
        while len(rest) > LONGEST_LINE and not rest.endswith(b"\n"):
            rest = file.readline(LONGEST_LINE + 1)
            size += len(rest)
        yield line.removesuffix(b"\n").removeprefix(mark), size
        mark = b""


def _json(line: bytes) -> Any:
    _require_short(line)
    try:
        return parse(line, "line")
    except MalformedRequest as error:
        raise BadLineError(error.description) from error


def _row(inputs: list[Input], line: bytes) -> dict[str, Any]:
    cells = _cells(line)
    if len(cells) != len(inputs):
        if cells == [""]:
            raise BadLineError("the line is empty; remove it, or write a comma for each unknown answer")
        counts = f"{counted(len(cells), 'cell')}, and the header {len(inputs)}"
        raise BadLineError(f"the line has {counts}; leave the cell of an unknown answer empty")
    pairs = zip(inputs, cells, strict=True)
    return {one.name: _value(one, cell) for one, cell in pairs if cell}


def _cells(line: bytes) -> list[str]:
    """The cells of a line of CSV; an empty line is one empty cell."""
    _require_short(line)
    try:
        return next(csv.reader([line.decode()], strict=True), []) or [""]
    except UnicodeDecodeError as error:
        raise BadLineError("the line is not UTF-8; encode it so") from error
    except csv.Error as error:
        raise BadLineError(f"the line is not CSV, or a cell has several lines: {error}") from error


def _value(one: Input, cell: str) -> Any:
    """A cell as the value that it writes; as it stands if it writes none of the input's type."""
    return cell if one.type == "enum" else read_text(cell.strip())


def _require_short(line: bytes) -> None:
    if len(line) > LONGEST_LINE:
        raise BadLineError(f"the line is longer than {LONGEST_LINE} bytes; send a shorter one")
