"""Assesses files with a profile on each line, as JSON Lines or CSV, in constant memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import IO, Any

import orjson
from marshmallow import ValidationError

from finetune_advisor.assessing.advisor import Advisor
from finetune_advisor.assessing.assessor import (
    Assessor,
    BatchSummary,
    Decision,
    NullRecorder,
    with_defaults,
)
from finetune_advisor.assessing.column_names import BadColumnsError, ColumnSelection, select_columns
from finetune_advisor.assessing.csv_rows import (
    COLUMN_SEPARATORS,
    CsvRowReader,
    describe_header_fault,
    split_cells,
)
from finetune_advisor.assessing.file_formats import FORMAT_BY_MAGIC, BadFileError, find_format
from finetune_advisor.assessing.file_lines import (
    BadLineError,
    NumberedLine,
    iter_nonblank_lines,
    require_short_line,
)
from finetune_advisor.engine.model.inputs import Input, Profile
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.schemas.strict_json import InvalidJsonError, parse_json
from finetune_advisor.trees.catalog import Catalog

MAX_JSON_INTEGER = 1 << 63
"""From here on, the parser of JSON gives a float for an integer, which has lost digits."""
IGNORED_MEMBER = b'"ignored":['
"""Part of a result, as rendered, whose profile has inputs that the tree ignores."""

OPENING_BRACKETS = (b"{", b"[")
"""The beginnings of a line of JSON; a line of CSV has neither."""

BLOCK_BYTES = 1 << 14
"""The bytes of lines that are assessed and written together, so that the cost of a write hardly counts."""

LineReader = Callable[[bytes], Any]
"""Parses a line into a profile, which may be invalid, including its `id_column`. Raises BadLineError."""


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
        self._assessor = Assessor(Advisor(tree, catalog), NullRecorder())
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
        lines: Iterator[NumberedLine] = iter_nonblank_lines(file)
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
            columns = [cell.strip() for cell in split_cells(header)]
        except BadLineError as error:
            raise BadFileError(f"{location}: {error}") from error
        if fault := describe_header_fault(columns):
            raise BadFileError(f"{location}: {fault}")
        try:
            selection = select_columns(
                columns, self._inputs, self._id_column, pass_through=self._pass_through
            )
        except BadColumnsError as error:
            raise BadFileError("\n".join(f"{location}: {fault}" for fault in error.faults)) from error
        self.selection = selection
        return CsvRowReader(columns, [self._inputs.get(column) for column in columns])


def require_no_input(id_column: str | None, inputs: Mapping[str, Input]) -> None:
    """Raise BadFileError if the `id_column` is an input."""
    if id_column in inputs:
        raise BadFileError(f"--id-column {id_column}: is an input; name a column that isn't")


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
    require_short_line(line)
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
        if isinstance(value, float) and abs(value) >= MAX_JSON_INTEGER:
            raise BadLineError(
                f"{column!r} is too large a number to be copied exactly; write it as text"
            )
    return {name: value for name, value in members.items() if value is not None}


def prepend_members(members: Mapping[str, Any], result: bytes) -> bytes:
    """Put members before those of a result, where people look for an id."""
    return b"%b,%b" % (orjson.dumps(members)[:-1], result[1:]) if members else result


def _render_invalid(number: int, errors: list[dict[str, str]]) -> bytes:
    return orjson.dumps({"status": "invalid", "line": number, "errors": errors})
