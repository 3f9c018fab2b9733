"""Assesses files with a profile on each line, as JSON Lines or CSV, in constant memory."""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from secrets import token_hex
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
from finetune_advisor.assessing.column_names import BadColumnsError, ColumnSelection, select_columns
from finetune_advisor.engine.errors import FinetuneAdvisorError
from finetune_advisor.engine.model.inputs import Input, Profile
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.formats.numbers import format_count
from finetune_advisor.schemas.fields import BOOLEAN_BY_TEXT, parse_scalar
from finetune_advisor.schemas.strict_json import BYTE_ORDER_MARK, InvalidJsonError, parse_json
from finetune_advisor.trees.catalog import Catalog

MAX_LINE_BYTES = 1 << 20
"""The length up to which a line is read. A longer one is no profile, and may not fit into memory."""

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
FORMATS = tuple(dict.fromkeys(FORMAT_BY_SUFFIX.values()))
TABLE_FORMATS = frozenset({"parquet", "arrow"})
"""The formats with columns that have types, which need pyarrow."""
FORMAT_BY_MAGIC = {b"PAR1": "parquet", b"ARROW1": "arrow"}
"""The format of a binary file, by its first bytes."""
IGNORED_MEMBER = b'"ignored":['
"""Part of a result, as rendered, whose profile has inputs that the tree ignores."""

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
    goes into the result as `id`. With `pass_through`, the other columns of a CSV that aren't inputs go into
    the result, too. Raises BadFileError if the `id_column` is an input.

    `summary` counts the results so far, and `ignored` has the ignored inputs of the first profile with any.
    `selection` has the columns that are copied.
    """

    def __init__(
        self,
        catalog: Catalog,
        tree: Tree,
        defaults: Profile,
        id_column: str | None = None,
        *,
        pass_through: bool = False,
    ) -> None:
        self._inputs, self._defaults = catalog.inputs, defaults
        self._id_column, self._pass_through = id_column, pass_through
        # No server runs here whose metrics could count the decisions.
        self._assessor = Assessor(catalog, tree, NullRecorder())
        self.summary = BatchSummary()
        self.selection = ColumnSelection((), {} if id_column is None else {id_column: "id"})
        self.ignored: Sequence[str] = ()
        require_no_input(id_column, self._inputs)

    def iter_results(
        self, file: IO[bytes], name: str, file_format: str | None = None
    ) -> Iterator[tuple[bytes, int]]:
        """Read the header of a file, and return an iterator over its results in blocks.

        A block has a JSON object and a line break for each line that isn't blank, and comes with the bytes of
        the file that were read for it. `name` is that of the file in messages. `file_format` is `jsonl` or
        `csv`; without it, the suffix of the name decides, and the name `-` is `jsonl`.

        Raises BadFileError for an unknown suffix, a file in another format, or an invalid header.
        """
        lines: Iterator[NumberedLine] = _iter_nonblank_lines(file)
        number, first_line, size = first = next(lines, (1, b"", 0))
        location = f"{name}:{number}"
        if (file_format or find_format(name)) == "csv":
            return self._iter_blocks(lines, self._csv_reader(first_line, location), size)
        if self._pass_through:
            raise BadFileError(
                f"{name}: --pass-through needs columns, and JSON Lines has none; "
                "name the key to copy by --id-column"
            )
        if not first_line:
            return iter(())
        self._refuse_other_format(first_line, location)
        return self._iter_blocks(chain([first], lines), _parse_json_line, 0)

    def _iter_blocks(
        self, lines: Iterator[NumberedLine], read_line: LineReader, header_size: int
    ) -> Iterator[tuple[bytes, int]]:
        # The bytes of the header count with the first block.
        for block in _iter_line_blocks(lines):
            yield self._assess_block(block, read_line), header_size + sum(size for _, _, size in block)
            header_size = 0

    def _assess_block(self, block: Sequence[NumberedLine], read_line: LineReader) -> bytes:
        decisions: list[Decision] = []
        results = [self._assess_line(line, read_line, number, decisions) for number, line, _ in block]
        self.summary.add(len(block), decisions)
        content = b"\n".join([*results, b""])
        # A search in the block is cheaper than a look at each result.
        if not self.ignored and IGNORED_MEMBER in content:
            first = next(result for result in results if IGNORED_MEMBER in result)
            self.ignored = orjson.loads(first).get("ignored", ())
        return content

    def _assess_line(
        self, line: bytes, read_line: LineReader, number: int, decisions: list[Decision]
    ) -> bytes:
        """Return the result of a line. The decision of a valid one is appended to `decisions`."""
        copied: dict[str, Any] = {}
        try:
            profile = read_line(line)
            if self.selection.copied and isinstance(profile, dict):
                copied = _take_copied(profile, self.selection.copied)
            _, (result, decision) = self._assessor.assess_batch_item(
                with_defaults(profile, self._defaults)
            )
            decisions.append(decision)
        except BadLineError as error:
            result = _render_invalid(number, [{"pointer": "#", "detail": str(error)}])
        except ValidationError as error:
            result = _render_invalid(number, self._assessor.list_errors(error))
        return prepend_members(copied, result)

    def _refuse_other_format(self, line: bytes, location: str) -> None:
        """Raise BadFileError if the first line of JSON Lines looks like a CSV header or a binary file.

        Every line of such a file would be invalid.
        """
        if line.lstrip().startswith(OPENING_BRACKETS):
            return
        for magic, file_format in FORMAT_BY_MAGIC.items():
            if line.startswith(magic):
                raise BadFileError(f"{location}: this is a binary file; give --format {file_format}")
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
        if fault := _describe_header_fault(columns):
            raise BadFileError(f"{location}: {fault}")
        try:
            selection = select_columns(
                columns, self._inputs, self._id_column, pass_through=self._pass_through
            )
        except BadColumnsError as error:
            raise BadFileError("\n".join(f"{location}: {fault}" for fault in error.faults)) from error
        self.selection = selection
        return _RowReader(columns, [self._inputs.get(column) for column in columns])


def require_no_input(id_column: str | None, inputs: Mapping[str, Input]) -> None:
    """Raise BadFileError if the `id_column` is an input."""
    if id_column in inputs:
        raise BadFileError(f"--id-column {id_column}: is an input; name a column that isn't")


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


def _describe_header_fault(columns: Sequence[str]) -> str | None:
    """Describe why a line is no header of CSV, and what to do; None if it is one."""
    first = columns[0]
    if columns == [""]:
        return "there is no header; name an input in each column"
    if first.lower().startswith("sep="):  # Excel's hint for the separator
        return "the line is for a spreadsheet; remove it, and separate columns by commas"
    if len(columns) == 1 and len(COLUMN_SEPARATORS.split(first)) > 1:
        return "the header is one column; separate columns by commas"
    return None


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


def _iter_line_blocks(lines: Iterable[NumberedLine]) -> Iterator[list[NumberedLine]]:
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


def _take_copied(profile: dict[str, Any], copied: Mapping[str, str]) -> dict[str, Any]:
    """Remove the members that are copied from a profile, and return those that it has by their new names.

    Raises BadLineError for a list or an object.
    """
    members = {name: profile.pop(column, None) for column, name in copied.items()}
    for (column, _), value in zip(copied.items(), members.values(), strict=True):
        if value is not None and not isinstance(value, str | int | float):
            raise BadLineError(f"{column!r} is not text, a number or a boolean; give one")
    return {name: value for name, value in members.items() if value is not None}


def prepend_members(members: Mapping[str, Any], result: bytes) -> bytes:
    """Put members before those of a result, where people look for an id."""
    return b"%b,%b" % (orjson.dumps(members)[:-1], result[1:]) if members else result


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

    The cell of an enum, of a column that is copied (None as the input), or with any other text stays text.
    """
    return cell if input_ is None or input_.type == "enum" else parse_scalar(cell)


def _require_short(line: bytes) -> None:
    if len(line) > MAX_LINE_BYTES:
        raise BadLineError(f"the line is longer than {MAX_LINE_BYTES} bytes; send a shorter one")
