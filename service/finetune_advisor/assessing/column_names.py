"""Tells the columns of a table apart: those that are inputs, and those that are copied into the results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from shlex import quote

from finetune_advisor.engine.errors import FinetuneAdvisorError
from finetune_advisor.engine.model.inputs import Input
from finetune_advisor.schemas.error_details import MAX_ERRORS, unknown_name_detail

RESULT_COLUMNS = (
    "status",
    "recommendation",
    "finetune",
    "candidates",
    "path",
    "next_question",
    "next_input",
    "warnings",
    "ignored",
    "receipt",
    "error",
)
"""The columns of a result in a table, in order."""
RESERVED_COLUMNS = frozenset((*RESULT_COLUMNS, "line", "row", "errors"))
"""Names that a column can't keep in the results: `line`, `row` and `errors` are members of JSON Lines."""
MIN_NAME_SIMILARITY = 0.85
"""The similarity, from 0 to 1, at which a column looks like a misspelt input. A lower one would flag other
words of a wide table.
"""


class BadColumnsError(FinetuneAdvisorError):
    """The columns of a table don't fit the inputs. `faults` has a message for each fault."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults

    def __reduce__(self) -> tuple[type[BadColumnsError], tuple[Sequence[str]]]:
        # By default, an exception is pickled with its message alone.
        return BadColumnsError, (self.faults,)


@dataclass(frozen=True)
class ColumnSelection:
    """The columns of a table by what they are for.

    `inputs` are part of the profiles. `copied` maps each column that goes into the results to its name there.
    """

    inputs: tuple[str, ...]
    copied: Mapping[str, str]

    def misspelt(self, inputs: Mapping[str, Input]) -> dict[str, str]:
        """Return the copied columns whose names are nearly those of inputs that the table lacks."""
        # A name that the table has already is no typing error elsewhere.
        missing = [name for name in inputs if name not in self.inputs]
        matches = {
            column: get_close_matches(column, missing, 1, MIN_NAME_SIMILARITY) for column in self.copied
        }
        return {column: names[0] for column, names in matches.items() if names}


def select_columns(
    columns: Sequence[str],
    inputs: Mapping[str, Input],
    id_column: str | None = None,
    *,
    pass_through: bool = False,
) -> ColumnSelection:
    """Select the columns that are inputs, and those that are copied into the results.

    `id_column` is copied as `id`. With `pass_through`, every other column that isn't an input keeps its name.
    Raises BadColumnsError for columns without a use, without a name, or with a name that is taken.
    """
    if faults := [*_iter_faults(columns, inputs, id_column, pass_through=pass_through)]:
        raise BadColumnsError(faults)
    others = [column for column in columns if column not in inputs and column != id_column]
    copied = {id_column: "id"} if id_column is not None else {}
    return ColumnSelection(
        tuple(column for column in columns if column in inputs),
        copied | {column: column for column in others},
    )


def _iter_faults(
    columns: Sequence[str], inputs: Mapping[str, Input], id_column: str | None, *, pass_through: bool
) -> Iterator[str]:
    if id_column in inputs:
        yield f"{id_column!r} is an input; name another column as the id"
    if id_column not in (None, *columns):
        yield f"there is no column {id_column!r}, which --id-column names"
    unknown = []
    for index, column in enumerate(columns):
        if not column:
            yield f"column {index + 1} has no name; name an input, or remove the column"
        elif column in columns[:index]:
            yield f"the column {column!r} is there twice; keep one"
        elif column not in inputs and column != id_column:
            if not pass_through:
                unknown.append(column)
            elif column in RESERVED_COLUMNS or (column == "id" and id_column is not None):
                yield f"the results have a column {column!r} of their own; rename the one in the file"
    yield from _describe_unknown(unknown, inputs, id_column)
    if pass_through and not any(column in inputs for column in columns):
        yield f"no column is an input; known are: {', '.join(inputs)}"


def _describe_unknown(
    unknown: Sequence[str], inputs: Mapping[str, Input], id_column: str | None
) -> Iterator[str]:
    """Yield what is wrong with columns that are no inputs, and what to do."""
    unlike = []
    for column in unknown[:MAX_ERRORS]:
        # The known names are the same for each column: they come once, below.
        detail, _, known = unknown_name_detail(column, [*inputs]).partition("; known are: ")
        yield f"{column!r}: {detail}"
        unlike += [column] if known else []
    if len(unknown) > MAX_ERRORS:
        yield f"and {len(unknown) - MAX_ERRORS} more columns that are no inputs"
    if unlike:
        yield f"known are: {', '.join(inputs)}"
        if id_column is None:
            yield f"to pass {unlike[0]!r} through to the results, give --id-column {quote(unlike[0])}"
        yield "to pass every other column through to the results, give --pass-through"
