"""Reads past decisions from logs: the lines of this service, other JSON Lines, and Parquet."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import orjson

from finetune_advisor.assessing.file_formats import BadFileError
from finetune_advisor.assessing.file_lines import BadLineError, iter_nonblank_lines, require_short_line

PARQUET_SUFFIXES = frozenset({".parquet", ".pq"})
"""The suffixes of tables. Every other file has lines, since logs have all kinds of names."""
IS_RECEIPT = re.compile("sha256:[0-9a-f]{64}").fullmatch
ROWS_AT_ONCE = 4096
"""The rows of a table that are in memory at the same time."""
OUTCOME_COLUMNS = ("recommendation", "candidates", "tree_version", "tree_digest", "receipt")
"""The columns of a table that aren't answers. Others have the name of an input, or are left alone."""
ANSWER_MEMBERS = ("answers", "profile")
"""The members of a line, or columns of a table, that have all answers."""


class LoggedDecision(NamedTuple):
    """A past decision: the number of its line, its answers, and its candidates; one if it was decided.

    Only the shape is checked: names and values may be anything, and an answer of None is unknown. The tree
    that made the decision is named by its version, or by its digest, or isn't named.
    """

    line: int
    answers: dict[str, Any]
    past: tuple[Any, ...]
    tree_version: str | None
    tree_digest: str | None
    receipt: str | None


class UnreadableLine(NamedTuple):
    """A line that isn't a decision, although the log should have one there."""

    line: int
    reason: str


class OtherLine(NamedTuple):
    """A line about something else than a decision, as this service logs them, too."""

    line: int


LogEntry = LoggedDecision | UnreadableLine | OtherLine


class _UnreadableError(Exception):
    """A line isn't a decision; the message says why."""


def iter_log(file: IO[bytes], name: str, input_names: frozenset[str]) -> Iterator[LogEntry]:
    """Yield what each line of a log is, in constant memory. Blank lines are skipped.

    The suffix of `name` tells tables (`.parquet`, `.pq`) and compressed lines (`.gz`) from plain lines.
    `input_names` are those that columns of a table may have. Raises BadFileError.
    """
    suffix = Path(name).suffix.lower()
    with _report_bad_file(name):
        # Only names tell: standard input can't be read twice to see what it is.
        if suffix in PARQUET_SUFFIXES:
            yield from _iter_rows(file, name, input_names)
        elif suffix == ".gz":
            with gzip.open(file) as lines:
                yield from _iter_lines(cast("IO[bytes]", lines))
        else:
            yield from _iter_lines(file)


@contextmanager
def _report_bad_file(name: str) -> Iterator[None]:
    """Turn the errors of a broken archive into a BadFileError."""
    try:
        yield
    except (OSError, EOFError, zlib.error) as error:
        raise BadFileError(f"{name}: can't be read: {error}") from error


def _iter_lines(file: IO[bytes]) -> Iterator[LogEntry]:
    for number, line, _ in iter_nonblank_lines(file):
        try:
            members = _parse_line(line)
            entry: LogEntry = (
                _read_decision(number, members) if _is_decision(members) else OtherLine(number)
            )
        except _UnreadableError as error:
            entry = UnreadableLine(number, str(error))
        yield entry


def _parse_line(line: bytes) -> Mapping[str, Any]:
    try:
        require_short_line(line)
        members = orjson.loads(line)
    except BadLineError as error:
        raise _UnreadableError(str(error)) from None
    except orjson.JSONDecodeError:
        raise _UnreadableError("the line isn't JSON") from None
    if members.__class__ is not dict:
        raise _UnreadableError("the line isn't a JSON object")
    return cast("Mapping[str, Any]", members)


def _is_decision(members: Mapping[str, Any]) -> bool:
    """Return whether a line of JSON is a decision. Lines of this service say so in their message."""
    return "message" not in members or bool(members["message"] == "decision")


def _read_decision(number: int, members: Mapping[str, Any]) -> LoggedDecision:
    """Read a decision from the members of a line. Raises _UnreadableError."""
    answers = members.get("answers")
    if answers is None:
        answers = members.get("profile")
    if answers.__class__ is not dict:
        raise _UnreadableError("the line has no object `answers` or `profile`")
    version, digest = members.get("tree_version"), members.get("tree_digest")
    # Answers of POST /assess have both in an object.
    if version is None and "tree" in members:
        version = _member(members["tree"], "version")
    if digest is None and isinstance(members.get("tree"), dict):
        digest = members["tree"].get("digest")
    receipt = members.get("receipt")
    return LoggedDecision(
        number,
        answers,
        _read_outcome(members),
        version if version.__class__ is str else None,
        digest if digest.__class__ is str else None,
        # Reports show it: anything else could be text for a terminal or a page.
        receipt if receipt.__class__ is str and IS_RECEIPT(receipt) else None,
    )


def _read_outcome(members: Mapping[str, Any]) -> tuple[Any, ...]:
    """Read the candidates of a decision: its recommendation if there is one, else those that are listed."""
    recommendation = _member(members.get("recommendation"), "id")
    if recommendation:
        return (recommendation,)
    candidates = members.get("candidates")
    # SQL and CSV have no lists.
    if candidates.__class__ is str:
        candidates = candidates.split(",")
    if candidates.__class__ is list and candidates:
        return tuple(candidates)
    raise _UnreadableError("the line has no `recommendation` and no `candidates`")


def _member(value: Any, name: str) -> Any:
    """Return a member of an object, as in answers of POST /assess; any other value stands for itself."""
    return value.get(name) if isinstance(value, dict) else value


def _iter_rows(file: IO[bytes], name: str, input_names: frozenset[str]) -> Iterator[LogEntry]:
    """Yield what each row of a Parquet table is. Raises BadFileError."""
    table_reading, convert_decimals = _import_table_modules(name)
    with table_reading.report_unreadable(name, "Parquet"):
        table = table_reading.open_parquet(file)
        names = table.schema_arrow.names
        inputs = [column for column in names if column in input_names]
        nested = [column for column in names if column in ANSWER_MEMBERS]
        # Other columns aren't read, however wide the table is.
        columns = [*(nested or inputs), *(column for column in OUTCOME_COLUMNS if column in names)]
        _require_columns(name, names, columns)
        number = 0
        for batch in table.iter_batches(batch_size=ROWS_AT_ONCE, columns=columns):
            table_reading.validate_batch(batch)
            # Values of a column are read in one go, which takes a fraction of reading them row by row.
            values = [convert_decimals(batch.column(column)).to_pylist() for column in columns]
            for row in zip(*values, strict=True):
                number += 1
                members = dict(zip(columns, row, strict=True))
                if not nested:
                    members["answers"] = {column: members[column] for column in inputs}
                yield _read_row(number, members)


def _require_columns(name: str, names: Sequence[str], columns: Sequence[str]) -> None:
    """Raise BadFileError if a table lacks answers, or has a column twice that would be read."""
    if not any(column not in OUTCOME_COLUMNS for column in columns):
        problem = "has no column with the name of an input, and none called `answers` or `profile`"
        raise BadFileError(f"{name}: {problem}; rename its columns so, or add them")
    for column in columns:
        if names.count(column) > 1:
            raise BadFileError(f"{name}: the column {column!r} is there twice; keep one")


def _read_row(number: int, members: Mapping[str, Any]) -> LogEntry:
    try:
        return _read_decision(number, members)
    except _UnreadableError as error:
        return UnreadableLine(number, str(error))


def _import_table_modules(name: str) -> tuple[Any, Any]:
    """Import what reads tables, which needs the extra pyarrow. Raises BadFileError without it."""
    try:
        table_reading = import_module("finetune_advisor.assessing.table_reading")
        column_types = import_module("finetune_advisor.assessing.column_types")
    except ImportError:
        remedy = "pip install 'finetune-advisor[arrow]'"
        raise BadFileError(f"{name}: Parquet needs pyarrow: {remedy}") from None
    return table_reading, column_types.convert_decimals
