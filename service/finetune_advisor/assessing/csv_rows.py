"""Rows of CSV as profiles: cells become values of the columns' inputs."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from typing import Any

from finetune_advisor.assessing.file_lines import MAX_LINE_BYTES, BadLineError, require_short_line
from finetune_advisor.engine.model.inputs import Input
from finetune_advisor.formats.numbers import format_count
from finetune_advisor.schemas.fields import BOOLEAN_BY_TEXT, parse_scalar

PLAIN_ROW = re.compile(rb"([!#-~]*)\r?")
"""Printable ASCII without spaces and quotes: a row that needs no CSV parser. Some programs end it with CR."""

COLUMN_SEPARATORS = re.compile(r"[,;\t]")
"""The separators that programs use for CSV; only the comma is accepted."""


class CsvRowReader:
    """Parses a row of CSV into values by column, without those of empty cells. Raises BadLineError."""

    def __init__(self, columns: list[str], inputs: list[Input | None]) -> None:
        self._columns, self._values = columns, [_CellValues(input_) for input_ in inputs]

    def __call__(self, line: bytes) -> dict[str, Any]:
        # Splitting a line takes a fraction of the time of a CSV parser, and gives the same for a plain one.
        plain = PLAIN_ROW.fullmatch(line) if len(line) <= MAX_LINE_BYTES else None
        cells = plain[1].decode().split(",") if plain else [cell.strip() for cell in split_cells(line)]
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


def describe_header_fault(columns: Sequence[str]) -> str | None:
    """Describe why a line is no header of CSV, and what to do; None if it is one."""
    first = columns[0]
    if columns == [""]:
        return "there is no header; name an input in each column"
    if first.lower().startswith("sep="):  # Excel's hint for the separator
        return "the line is for a spreadsheet; remove it, and separate columns by commas"
    if len(columns) == 1 and len(COLUMN_SEPARATORS.split(first)) > 1:
        return "the header is one column; separate columns by commas"
    return None


def split_cells(line: bytes) -> list[str]:
    """Parse the cells of a line of CSV; an empty line has one empty cell. Raises BadLineError."""
    require_short_line(line)
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
