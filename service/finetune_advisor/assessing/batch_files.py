"""Batch files: profiles a line, as JSON Lines or CSV, and a result for each, in constant memory."""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from secrets import token_hex
from shlex import quote
from typing import IO, Any

import orjson
from marshmallow import ValidationError

from finetune_advisor.assessing.assessor import (
    Assessor,
    BatchSummary,
    Decision,
    NullRecorder,
    with_defaults,
)
from finetune_advisor.engine.errors import FinetuneAdvisorError
from finetune_advisor.engine.model.inputs import Input, Profile
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.formats.numbers import format_count
from finetune_advisor.schemas.error_details import unknown_name_detail
from finetune_advisor.schemas.fields import BOOLEAN_BY_TEXT, parse_scalar
from finetune_advisor.schemas.strict_json import BYTE_ORDER_MARK, InvalidJsonError, parse_json
from finetune_advisor.trees.catalog import Catalog

MAX_LINE_BYTES = 1 << 20
"""The longest line that is read, in bytes; what is longer is no profile, and needn't fit into memory."""

FORMAT_BY_SUFFIX = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv"}
"""The format of a file by the ending of its name."""

OPENING_BRACKETS = (b"{", b"[")

BLOCK_BYTES = 1 << 14
"""Lines are worked on and written together: enough of them that what a block costs doesn't count."""

PLAIN_ROW = re.compile(rb"[!#-~]*")
"""Printable ASCII without spaces and quotes."""

COLUMN_SEPARATORS = re.compile(r"[,;\t]")
"""What separates columns here and elsewhere."""

NumberedLine = tuple[int, bytes, int]
"""A line's number, the line without its end, and how many bytes were read for it."""

LineReader = Callable[[bytes], Any]
"""Reads a line as a profile, right or not, with the member that identifies it. Raises BadLineError for a line
that can't be read.
"""


class BadFileError(FinetuneAdvisorError):
    """The file as a whole can't be taken for profiles; the message says why."""


class BadLineError(Exception):
    """A line can't be read; the message says why."""


class BatchFile:
    """The lines of a file with their results: those of POST /assess/batch, with the line where one is at
    fault. What is wrong with a line concerns no other. Blank lines have no result.

    `id_column` names a column, or a member of each JSON object, that says nothing of the profile: its value
    goes into the result as `id`. Raises BadFileError if it is an input.
    """

    def __init__(
        self, catalog: Catalog, tree: Tree, defaults: Profile, id_column: str | None = None
    ) -> None:
        self._inputs, self._defaults, self._id_column = catalog.inputs, defaults, id_column
        self._assessor = Assessor(catalog, tree, NullRecorder())
        self._summary = BatchSummary()
        if id_column in self._inputs:
            raise BadFileError(f"--id-column {id_column}: is an input; name a column that isn't")

    @property
    def profiles(self) -> int:
        """How many lines so far got a result."""
        return self._summary.profiles

    @property
    def invalid_count(self) -> int:
        """How many lines so far were at fault."""
        return self._summary.invalid_count

    def __str__(self) -> str:
        statuses = self._summary.statuses
        counts = ", ".join(f"{times} {status}" for status, times in statuses.items())
        return f"{format_count(self.profiles, 'profile')}: {counts}"

    def iter_results(
        self, file: IO[bytes], name: str, file_format: str | None = None
    ) -> Iterator[tuple[bytes, int]]:
        """The results of the lines that aren't blank, a line each, in blocks of many, and how many bytes of
        the file were read for each block.

        The format is `jsonl` or `csv`; left out, the name tells it, and - is `jsonl`. Raises BadFileError
        for a name that tells no format, a file in the other format, or a faulty header.
        """
        lines: Iterator[NumberedLine] = _iter_nonblank_lines(file)
        number, first_line, size = first = next(lines, (1, b"", 0))
        read: LineReader = _parse_json_line
        header_size = 0
        if (file_format or _format_of(name)) == "csv":
            read, header_size = self._csv_reader(first_line, f"{name}:{number}"), size
        elif first_line:
            self._refuse_csv_header(first_line, f"{name}:{number}")
            lines = chain([first], lines)
        for block in _blocks(lines):
            yield self._results(block, read), header_size + sum(size for _, _, size in block)
            header_size = 0

    def _results(self, block: Sequence[NumberedLine], read: LineReader) -> bytes:
        decisions: list[Decision] = []
        results = [self._result(line, read, number, decisions) for number, line, _ in block]
        self._summary.add(len(block), decisions)
        return b"\n".join([*results, b""])

    def _result(self, line: bytes, read: LineReader, number: int, decisions: list[Decision]) -> bytes:
        """The result of a line; the decision on a valid one is added to some."""
        id_ = None
        try:
            profile = read(line)
            if self._id_column is not None and isinstance(profile, dict):
                id_ = _take_id(profile, self._id_column)
            _, (result, decision) = self._assessor.assess_batch_item(
                with_defaults(profile, self._defaults)
            )
            decisions.append(decision)
        except BadLineError as error:
            result = _render_invalid(number, [{"pointer": "#", "detail": str(error)}])
        except ValidationError as error:
            result = _render_invalid(number, self._assessor.list_errors(error))
        return result if id_ is None else b'{"id":%b,%b' % (orjson.dumps(id_), result[1:])

    def _refuse_csv_header(self, line: bytes, place: str) -> None:
        """Refuse a file in CSV, whose lines would all be invalid as JSON Lines."""
        if line.lstrip().startswith(OPENING_BRACKETS):
            return
        cells = [cell.strip(' "') for cell in COLUMN_SEPARATORS.split(line.decode(errors="replace"))]
        if any(cell in self._inputs for cell in cells) or cells[0].lower() == "sep=":
            raise BadFileError(f"{place}: the line looks like the header of CSV; give --format csv")

    def _csv_reader(self, header: bytes, place: str) -> LineReader:
        """What reads the rows below a header. Raises BadFileError."""
        if not header:
            remedy = "begin with a header that names an input in each column"
            raise BadFileError(f"{place}: the file is empty; {remedy}")
        if header.lstrip().startswith(OPENING_BRACKETS):
            raise BadFileError(f"{place}: the line looks like JSON; give --format jsonl")
        try:
            columns = [cell.strip() for cell in _cells(header)]
        except BadLineError as error:
            raise BadFileError(f"{place}: {error}") from error
        if faults := [*self._faults(columns)]:
            raise BadFileError("\n".join(f"{place}: {fault}" for fault in faults))
        return _RowReader(columns, [self._inputs.get(column) for column in columns])

    def _faults(self, columns: list[str]) -> Iterator[str]:
        """What is wrong with the columns that a header names."""
        first = columns[0]
        if columns == [""]:
            yield "there is no header; name an input in each column"
        elif first.lower().startswith("sep="):
            yield "the line is for a spreadsheet; remove it, and separate columns by commas"
        elif len(columns) == 1 and len(COLUMN_SEPARATORS.split(first)) > 1:
            yield "the header is one column; separate columns by commas"
        else:
            yield from self._faulty_columns(columns)

    def _faulty_columns(self, columns: list[str]) -> Iterator[str]:
        strangers = []
        for place, column in enumerate(columns):
            if not column:
                yield f"column {place + 1} has no name; name an input, or remove the column"
            elif column in columns[:place]:
                yield f"the column {column!r} is there twice; keep one"
            elif column not in self._inputs and column != self._id_column:
                problem, _, known = unknown_name_detail(column, [*self._inputs]).partition(
                    "; known are: "
                )
                yield f"{column!r}: {problem}"
                strangers += [column] if known else []
        if strangers:
            yield f"known are: {', '.join(self._inputs)}"
        if strangers and self._id_column is None:
            option = f"--id-column {quote(strangers[0])}"
            yield f"to pass {strangers[0]!r} through to the results, give {option}"
        if self._id_column not in (None, *columns):
            yield f"there is no column {self._id_column!r}, which --id-column names"


@contextmanager
def atomic_write(path: Path) -> Iterator[IO[bytes]]:
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


def _format_of(name: str) -> str:
    """The format that a file's name tells. Raises BadFileError if it tells none."""
    if name == "-":
        return "jsonl"
    try:
        return FORMAT_BY_SUFFIX[Path(name).suffix.lower()]
    except KeyError:
        known = ", ".join(FORMAT_BY_SUFFIX)
        raise BadFileError(f"{name}: its name has to end in one of {known}; or give --format") from None


def _iter_nonblank_lines(file: IO[bytes]) -> Iterator[NumberedLine]:
    """The lines of a file that aren't blank: the number of each, the line without its end, of one that is too
    long only the beginning, and how many bytes were read for it, those of blank lines above it included.
    """
    mark, size, number = BYTE_ORDER_MARK, 0, 0
    while line := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        size += len(line)
        rest = line
        while len(rest) > MAX_LINE_BYTES and not rest.endswith(b"\n"):
            rest = file.readline(MAX_LINE_BYTES + 1)
            size += len(rest)
        line = line.removeprefix(mark)
        if len(line) > MAX_LINE_BYTES or line.strip():
            yield number, line.removesuffix(b"\n"), size
            size = 0
        mark = b""


def _blocks(lines: Iterable[NumberedLine]) -> Iterator[list[NumberedLine]]:
    """The lines in blocks of at least so many bytes, the last one apart."""
    block, block_size = [], 0
    for line in lines:
        block.append(line)
        block_size += line[2]
        if block_size >= BLOCK_BYTES:
            yield block
            block, block_size = [], 0
    if block:
        yield block


def _parse_json_line(line: bytes) -> Any:
    _require_short(line)
    try:
        return parse_json(line, "line")
    except InvalidJsonError as error:
        raise BadLineError(str(error)) from error


def _take_id(profile: dict[str, Any], name: str) -> str | int | float | None:
    """What identifies a profile, taken out of it. Raises BadLineError."""
    id_ = profile.pop(name, None)
    if id_ is None or isinstance(id_, str | int | float):
        return id_
    raise BadLineError(f"{name!r} is no text, number or boolean; give one")


def _render_invalid(number: int, errors: list[dict[str, str]]) -> bytes:
    return orjson.dumps({"status": "invalid", "line": number, "errors": errors})


class _RowReader:
    """Reads a line's cells as values by column; an empty cell has none. Raises BadLineError."""

    def __init__(self, columns: list[str], inputs: list[Input | None]) -> None:
        self._columns, self._values = columns, [_CellValues(input_) for input_ in inputs]

    def __call__(self, line: bytes) -> dict[str, Any]:
        # A line of printable ASCII without quotes and spaces is split in a fraction of the time.
        is_plain = len(line) <= MAX_LINE_BYTES and PLAIN_ROW.fullmatch(line) is not None
        cells = line.decode().split(",") if is_plain else [cell.strip() for cell in _cells(line)]
        if len(cells) != len(self._columns):
            counts = f"{format_count(len(cells), 'cell')}, and the header {len(self._columns)}"
            raise BadLineError(f"the line has {counts}; leave the cell of an unknown answer empty")
        rows = zip(self._columns, self._values, cells, strict=True)
        return {column: values[cell] for column, values, cell in rows if cell}


class _CellValues(dict[str, Any]):
    """The values that the cells of a column write, the usual cells of a boolean or an enum looked up."""

    def __init__(self, input_: Input | None) -> None:
        super().__init__()
        self._input = input_
        for cell in (
            *BOOLEAN_BY_TEXT,
            *map(str.upper, BOOLEAN_BY_TEXT),
            *(input_.choices if input_ else ()),
        ):
            self[cell] = _parse_cell(input_, cell)

    def __missing__(self, cell: str) -> Any:
        return _parse_cell(self._input, cell)


def _cells(line: bytes) -> list[str]:
    """The cells of a line of CSV; an empty line is one empty cell."""
    _require_short(line)
    try:
        reader = csv.reader([line.decode()], strict=True, skipinitialspace=True)
        return next(reader, []) or [""]
    except UnicodeDecodeError as error:
        raise BadLineError("the line is not UTF-8; encode it so") from error
    except csv.Error as error:
        raise BadLineError(f"the line is not CSV, or a cell has several lines: {error}") from error


def _parse_cell(input_: Input | None, cell: str) -> Any:
    """A cell as the value that it writes; as it stands if there is no input, or if it writes none of the
    input's type.
    """
    return cell if input_ is None or input_.type == "enum" else parse_scalar(cell)


def _require_short(line: bytes) -> None:
    if len(line) > MAX_LINE_BYTES:
        raise BadLineError(f"the line is longer than {MAX_LINE_BYTES} bytes; send a shorter one")
