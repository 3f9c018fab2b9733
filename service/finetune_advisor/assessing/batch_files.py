"""Assesses files with a profile on each line, as JSON Lines or CSV, in constant memory."""

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
"""The length up to which a line is read. A longer one is no profile, and may not fit into memory."""

FORMAT_BY_SUFFIX = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv"}
"""The format of a file, by the suffix of its name."""

OPENING_BRACKETS = (b"{", b"[")
"""The beginnings of a line of JSON; a line of CSV has neither."""

BLOCK_BYTES = 1 << 14
"""The bytes of lines that are assessed and written together, so that the cost of a write hardly counts."""

PLAIN_ROW = re.compile(rb"[!#-~]*")
"""Printable ASCII without spaces and quotes: a row that needs no CSV parser."""

COLUMN_SEPARATORS = re.compile(r"[,;\t]")
"""The separators that programs use for CSV; only the comma is accepted."""

NumberedLine = tuple[int, bytes, int]
"""The number of a line, the line without its line break, and the bytes that were read for it."""

LineReader = Callable[[bytes], Any]
"""Parses a line into a profile, which may be invalid, including its `id_column`. Raises BadLineError."""


class BadFileError(FinetuneAdvisorError):
    """A file can't be assessed; the message says why."""


class BadLineError(Exception):
    """A line can't be parsed; the message says why."""


class BatchFile:
    """Assesses the lines of a file against a tree of a catalog, and counts the results.

    The results are those of POST /assess/batch. An invalid line gets a result with its line number, and never
    fails the others. Blank lines get none. Each profile takes the answers that it lacks from `defaults`.

    `id_column` names a column, or a member of each JSON object, that is not part of the profile: its value
    goes into the result as `id`. Raises BadFileError if it is an input.
    """

    def __init__(
        self, catalog: Catalog, tree: Tree, defaults: Profile, id_column: str | None = None
    ) -> None:
        self._inputs, self._defaults, self._id_column = catalog.inputs, defaults, id_column
        # No server runs here whose metrics could count the decisions.
        self._assessor = Assessor(catalog, tree, NullRecorder())
        self._summary = BatchSummary()
        if id_column in self._inputs:
            raise BadFileError(f"--id-column {id_column}: is an input; name a column that isn't")

    @property
    def profiles(self) -> int:
        """The number of lines so far that got a result."""
        return self._summary.profiles

    @property
    def invalid_count(self) -> int:
        """The number of lines so far that are invalid."""
        return self._summary.invalid_count

    def __str__(self) -> str:
        statuses = self._summary.statuses
        counts = ", ".join(f"{times} {status}" for status, times in statuses.items())
        return f"{format_count(self.profiles, 'profile')}: {counts}"

    def iter_results(
        self, file: IO[bytes], name: str, file_format: str | None = None
    ) -> Iterator[tuple[bytes, int]]:
        """Yield the results of a file in blocks, with the bytes of the file that were read for each block.

        A block has a JSON object and a line break for each line that isn't blank. `name` is that of the file
        in messages. `file_format` is `jsonl` or `csv`; without it, the suffix of the name decides, and the
        name `-` is `jsonl`. Raises BadFileError for an unknown suffix, a file in the other format, or an
        invalid header.
        """
        lines: Iterator[NumberedLine] = _iter_nonblank_lines(file)
        number, first_line, size = first = next(lines, (1, b"", 0))
        read_line: LineReader = _parse_json_line
        header_size = 0
        if (file_format or _format_of(name)) == "csv":
            read_line, header_size = self._csv_reader(first_line, f"{name}:{number}"), size
        elif first_line:
            self._refuse_csv_header(first_line, f"{name}:{number}")
            lines = chain([first], lines)
        # The bytes of the header count with the first block.
        for block in _iter_blocks(lines):
            yield self._assess_block(block, read_line), header_size + sum(size for _, _, size in block)
            header_size = 0

    def _assess_block(self, block: Sequence[NumberedLine], read_line: LineReader) -> bytes:
        decisions: list[Decision] = []
        results = [self._assess_line(line, read_line, number, decisions) for number, line, _ in block]
        self._summary.add(len(block), decisions)
        return b"\n".join([*results, b""])

    def _assess_line(
        self, line: bytes, read_line: LineReader, number: int, decisions: list[Decision]
    ) -> bytes:
        """Return the result of a line. The decision of a valid one is appended to `decisions`."""
        id_ = None
        try:
            profile = read_line(line)
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
        # The id comes first, where people look for it.
        return result if id_ is None else b'{"id":%b,%b' % (orjson.dumps(id_), result[1:])

    def _refuse_csv_header(self, line: bytes, location: str) -> None:
        """Raise BadFileError if the first line of JSON Lines looks like a CSV header.

        Every line of such a file would be invalid.
        """
        if line.lstrip().startswith(OPENING_BRACKETS):
            return
        cells = [cell.strip(' "') for cell in COLUMN_SEPARATORS.split(line.decode(errors="replace"))]
        if any(cell in self._inputs for cell in cells) or cells[0].lower() == "sep=":
            raise BadFileError(f"{location}: the line looks like the header of CSV; give --format csv")

    def _csv_reader(self, header: bytes, location: str) -> LineReader:
        """Build the reader of the rows below a header. Raises BadFileError."""
        if not header:
            remedy = "begin with a header that names an input in each column"
            raise BadFileError(f"{location}: the file is empty; {remedy}")
        if header.lstrip().startswith(OPENING_BRACKETS):
            raise BadFileError(f"{location}: the line looks like JSON; give --format jsonl")
        try:
            columns = [cell.strip() for cell in _cells(header)]
        except BadLineError as error:
            raise BadFileError(f"{location}: {error}") from error
        if errors := [*self._header_errors(columns)]:
            raise BadFileError("\n".join(f"{location}: {error}" for error in errors))
        return _RowReader(columns, [self._inputs.get(column) for column in columns])

    def _header_errors(self, columns: list[str]) -> Iterator[str]:
        """Yield what is wrong with a header that names some columns."""
        first = columns[0]
        if columns == [""]:
            yield "there is no header; name an input in each column"
        elif first.lower().startswith("sep="):  # Excel's hint for the separator
            yield "the line is for a spreadsheet; remove it, and separate columns by commas"
        elif len(columns) == 1 and len(COLUMN_SEPARATORS.split(first)) > 1:
            yield "the header is one column; separate columns by commas"
        else:
            yield from self._column_errors(columns)

    def _column_errors(self, columns: list[str]) -> Iterator[str]:
        if self._id_column not in (None, *columns):
            yield f"there is no column {self._id_column!r}, which --id-column names"
        unknown = []
        for index, column in enumerate(columns):
            if not column:
                yield f"column {index + 1} has no name; name an input, or remove the column"
            elif column in columns[:index]:
                yield f"the column {column!r} is there twice; keep one"
            elif column not in self._inputs and column != self._id_column:
                # The known names are the same for each unknown column: they come once, below.
                detail = unknown_name_detail(column, [*self._inputs])
                detail, _, known = detail.partition("; known are: ")
                yield f"{column!r}: {detail}"
                unknown += [column] if known else []
        if unknown:
            yield f"known are: {', '.join(self._inputs)}"
        if unknown and self._id_column is None:
            option = f"--id-column {quote(unknown[0])}"
            yield f"to pass {unknown[0]!r} through to the results, give {option}"


@contextmanager
def atomic_write(path: Path) -> Iterator[IO[bytes]]:
    """Open a new file that replaces `path` once the block is left without an exception.

    After an exception, the old file is still there. A device or a pipe is written directly. Raises
    BadFileError if the file can't be written.
    """
    path = path.resolve()
    # In the same folder, and so on the same file system, where a file can replace another.
    new = path.with_name(f".{path.name}.{token_hex(4)}")
    if path.exists() and not path.is_file():
        new = path
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


def _iter_nonblank_lines(file: IO[bytes]) -> Iterator[NumberedLine]:
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


def _iter_blocks(lines: Iterable[NumberedLine]) -> Iterator[list[NumberedLine]]:
    """Group lines into blocks of at least BLOCK_BYTES bytes; the last block may have fewer."""
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
    """Remove the member `name` from a profile and return it, or None without it.

    Raises BadLineError for a list or an object.
    """
    id_ = profile.pop(name, None)
    if id_ is None or isinstance(id_, str | int | float):
        return id_
    raise BadLineError(f"{name!r} is not text, a number or a boolean; give one")


def _render_invalid(number: int, errors: list[dict[str, str]]) -> bytes:
    return orjson.dumps({"status": "invalid", "line": number, "errors": errors})


class _RowReader:
    """Parses a row of CSV into values by column, without those of empty cells. Raises BadLineError."""

    def __init__(self, columns: list[str], inputs: list[Input | None]) -> None:
        self._columns, self._values = columns, [_CellValues(input_) for input_ in inputs]

    def __call__(self, line: bytes) -> dict[str, Any]:
        # Splitting a line takes a fraction of the time of a CSV parser, and gives the same for a plain one.
        is_plain = len(line) <= MAX_LINE_BYTES and PLAIN_ROW.fullmatch(line) is not None
        cells = line.decode().split(",") if is_plain else [cell.strip() for cell in _cells(line)]
        if len(cells) != len(self._columns):
            counts = f"{format_count(len(cells), 'cell')}, and the header {len(self._columns)}"
            raise BadLineError(f"the line has {counts}; leave the cell of an unknown answer empty")
        columns = zip(self._columns, self._values, cells, strict=True)
        return {column: values[cell] for column, values, cell in columns if cell}


class _CellValues(dict[str, Any]):
    """The values of the cells of a column. The usual ones of a boolean or an enum are parsed in advance."""

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
        # The value isn't kept: a column may have millions of different numbers.
        return _parse_cell(self._input, cell)


def _cells(line: bytes) -> list[str]:
    """Parse the cells of a line of CSV; an empty line has one empty cell. Raises BadLineError."""
    _require_short(line)
    # One line at a time: a quoted cell that spans lines would swallow the results of other lines.
    try:
        reader = csv.reader([line.decode()], strict=True, skipinitialspace=True)
        return next(reader, []) or [""]
    except UnicodeDecodeError as error:
        raise BadLineError("the line is not UTF-8; encode it in UTF-8") from error
    except csv.Error as error:
        raise BadLineError(f"the line is not CSV, or a cell has several lines: {error}") from error


def _parse_cell(input_: Input | None, cell: str) -> Any:
    """Parse a cell into a value for an input.

    The cell of an enum, of the `id_column` (None as the input), or with any other text stays text.
    """
    return cell if input_ is None or input_.type == "enum" else parse_scalar(cell)


def _require_short(line: bytes) -> None:
    if len(line) > MAX_LINE_BYTES:
        raise BadLineError(f"the line is longer than {MAX_LINE_BYTES} bytes; send a shorter one")
