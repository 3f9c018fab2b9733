"""Assesses the rows of Arrow record batches, and gives the results as columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, NamedTuple, TypeVar

import orjson
import pyarrow as pa
from marshmallow import ValidationError
from pyarrow import types

from finetune_advisor.assessing.advisor import Advisor
from finetune_advisor.assessing.assessor import Assessor, NullRecorder, with_defaults
from finetune_advisor.assessing.column_names import (
    RESULT_COLUMNS,
    BadColumnsError,
    ColumnSelection,
    select_columns,
)
from finetune_advisor.assessing.column_types import (
    convert_answers,
    describe_type_fault,
    has_only_answers,
    is_nan,
)
from finetune_advisor.assessing.result_rows import flatten_result
from finetune_advisor.engine.model.inputs import Profile
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.trees.catalog import Catalog, make_single_tree_catalog

MAX_BATCH_ROWS = 1 << 14
"""The rows that are assessed together; their results as Python objects take some 20 MB."""
CACHE_BYTES = 64 << 20
"""The approximate size of the cached results of one assessor."""
ENTRY_BYTES = 160
"""The approximate size of a cache entry and the headers of its key."""
NAN_DETAIL = "NaN is not a number; write null for an unknown answer"

LIST_COLUMNS = frozenset({"candidates", "path", "warnings", "ignored"})
"""The columns of a result that are lists of text. The others are text."""
RESULT_SCHEMA = pa.schema(
    [(name, pa.list_(pa.string()) if name in LIST_COLUMNS else pa.string()) for name in RESULT_COLUMNS]
)

RowsType = TypeVar("RowsType", pa.RecordBatch, pa.Table)

Row = tuple[Any, ...]
"""The answers of a profile, in the order of its table's columns; None is unknown."""


@dataclass(frozen=True)
class AssessedRows:
    """The results of the rows of a batch.

    `contents` has a result of POST /assess/batch for each row, in order, as JSON. `results` has each distinct
    one once, parsed.
    """

    contents: Sequence[bytes]

    @cached_property
    def results(self) -> Mapping[bytes, dict[str, Any]]:
        return {content: orjson.loads(content) for content in dict.fromkeys(self.contents)}

    def count(self) -> Counter[bytes]:
        """Count how often each result is there."""
        return Counter(self.contents)

    def as_batch(self) -> pa.RecordBatch:
        """Return the results as a record batch of RESULT_SCHEMA."""
        distinct = build_result_batch([*self.results.values()])
        if len(distinct) == len(self.contents):
            return distinct
        # Text is copied by Arrow, and not row by row.
        position = {content: index for index, content in enumerate(self.results)}
        return distinct.take(pa.array(map(position.__getitem__, self.contents), pa.int32()))


def build_result_batch(results: Sequence[Mapping[str, Any]]) -> pa.RecordBatch:
    """Build a record batch of RESULT_SCHEMA from results of POST /assess/batch."""
    rows = [*map(flatten_result, results)]
    columns = zip(*rows, strict=True) if rows else [()] * len(RESULT_SCHEMA)
    arrays = [
        pa.array(column, type_) for column, type_ in zip(columns, RESULT_SCHEMA.types, strict=True)
    ]
    return pa.record_batch(arrays, schema=RESULT_SCHEMA)


class _PreparedTable(NamedTuple):
    """What an advisor needs for the rows of a table.

    `cache` maps a row to its result. It is None if a column answers a numeric input, since numbers rarely
    repeat.
    """

    schema: pa.Schema
    selection: ColumnSelection
    result_schema: pa.Schema
    cache: _RowCache | None


class ArrowAdvisor:
    """Assesses the rows of Arrow record batches and tables with one tree.

    A column that has the name of an input answers it; null is unknown. Columns may have the names of inputs
    of the other trees of `catalog`: these are ignored, and listed in the results. Each row takes the answers
    that it lacks from `defaults`. The results are those of POST /assess/batch. An invalid row gets a result
    that says so, and never fails the others.

    Any other column is refused, unless it is the `id_column`, which the results have as `id`, or
    `pass_through` copies all of them. An advisor is for one thread at a time, and can be pickled. Raises
    InvalidProfileError for invalid defaults.
    """

    def __init__(
        self,
        tree: Tree,
        catalog: Catalog | None = None,
        *,
        defaults: Profile | None = None,
        id_column: str | None = None,
        pass_through: bool = False,
    ) -> None:
        self.tree, self.catalog = tree, catalog or make_single_tree_catalog(tree)
        self.id_column, self.pass_through = id_column, pass_through
        # No server runs here whose metrics could count the decisions.
        self._assessor = Assessor(Advisor(tree, self.catalog), NullRecorder())
        self._defaults = self._assessor.advisor.validate(defaults or {})
        self._table: _PreparedTable | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        # What is prepared from the tree is made anew in the other process.
        options: dict[str, Any] = {
            "defaults": self._defaults,
            "id_column": self.id_column,
            "pass_through": self.pass_through,
        }
        return partial(ArrowAdvisor, **options), (self.tree, self.catalog)

    def select(self, schema: pa.Schema) -> ColumnSelection:
        """Select the columns of a schema. Raises BadColumnsError with every fault of names and types."""
        inputs = self.catalog.inputs
        selection = select_columns(schema.names, inputs, self.id_column, pass_through=self.pass_through)
        faults = [
            describe_type_fault(name, schema.field(name).type, inputs[name]) for name in selection.inputs
        ]
        if any(faults):
            raise BadColumnsError([*filter(None, faults)])
        return selection

    def result_schema(self, schema: pa.Schema) -> pa.Schema:
        """Return the schema of the results for batches with a schema. Raises BadColumnsError."""
        copied = self.select(schema).copied.items()
        fields = [_without_dictionary(schema.field(column)).with_name(name) for column, name in copied]
        return pa.schema([*fields, *RESULT_SCHEMA])

    def assess(self, rows: RowsType) -> RowsType:
        """Return the results of a record batch or a table, row by row, after the columns that are copied.

        Raises BadColumnsError if the columns don't fit the inputs, and TypeError for anything else.
        """
        if isinstance(rows, pa.RecordBatch):
            return self._assess_batch(rows)
        if not isinstance(rows, pa.Table):
            kind = type(rows).__name__
            raise TypeError(f"give a RecordBatch or a Table of pyarrow, not {kind}; convert it first")
        batches = map(self._assess_batch, rows.to_batches())
        return pa.Table.from_batches(batches, self.result_schema(rows.schema))

    def _assess_batch(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        parts = [
            self.assess_rows(batch.slice(start, MAX_BATCH_ROWS)).as_batch()
            for start in range(0, len(batch), MAX_BATCH_ROWS)
        ]
        results = pa.concat_batches(parts) if parts else build_result_batch([])
        return self.add_copied(batch, results)

    def add_copied(self, batch: pa.RecordBatch, results: pa.RecordBatch) -> pa.RecordBatch:
        """Return the results of a batch's rows after the columns that are copied."""
        table = self._prepare(batch.schema)
        copied = [_without_dictionary(batch[column]) for column in table.selection.copied]
        return pa.record_batch([*copied, *results.columns], schema=table.result_schema)

    def assess_rows(self, batch: pa.RecordBatch) -> AssessedRows:
        """Assess the rows of a batch. Raises BadColumnsError."""
        table, inputs = self._prepare(batch.schema), self.catalog.inputs
        names = table.selection.inputs
        columns = [convert_answers(batch[name], inputs[name]) for name in names]
        rows = (
            zip(*(column.to_pylist() for column in columns), strict=True)
            if columns
            else [()] * len(batch)
        )
        if table.cache is not None:
            return AssessedRows([*map(table.cache.__getitem__, rows)])
        # Arrow checks a whole column in the time that the schema takes for a few rows.
        if all(map(has_only_answers, columns, map(inputs.__getitem__, names))):
            return AssessedRows([*map(partial(self._assess_valid_row, names), rows)])
        return AssessedRows([*map(partial(self._assess_row, names), rows)])

    def _prepare(self, schema: pa.Schema) -> _PreparedTable:
        """Prepare for the rows of a table, once for batches with one schema. Raises BadColumnsError."""
        if self._table is None or not self._table.schema.equals(schema):
            selection = self.select(schema)
            # Numbers rarely repeat, so their rows aren't cached.
            has_numbers = any(self.catalog.inputs[name].is_numeric for name in selection.inputs)
            cache = None if has_numbers else _RowCache(partial(self._assess_row, selection.inputs))
            self._table = _PreparedTable(schema, selection, self.result_schema(schema), cache)
        return self._table

    def _assess_valid_row(self, names: Sequence[str], row: Row) -> bytes:
        """Return the result of a row of valid answers to some inputs."""
        content, _ = self._assessor.batch_results.answer(self._build_profile(names, row))
        return content

    def _build_profile(self, names: Sequence[str], row: Row) -> Profile:
        """Return the answers of a row, and the defaults for those that it lacks."""
        answers = {name: value for name, value in zip(names, row, strict=True) if value is not None}
        profile: Profile = with_defaults(answers, self._defaults)
        return profile

    def _assess_row(self, names: Sequence[str], row: Row) -> bytes:
        """Return the result of a row, valid or not, that has the answers to some inputs."""
        profile = self._build_profile(names, row)
        try:
            _, (content, _) = self._assessor.assess_batch_item(profile)
        except ValidationError as error:
            nan_pointers = {f"#/{name}" for name, value in profile.items() if is_nan(value)}
            errors = [
                fault | {"detail": NAN_DETAIL} if fault["pointer"] in nan_pointers else fault
                for fault in self._assessor.list_errors(error)
            ]
            return orjson.dumps({"status": "invalid", "errors": errors})
        return content


def _without_dictionary(column: Any) -> Any:
    """Return a column, or the field of one, with its values in place of a dictionary.

    Batches have dictionaries of their own, and one file can't have several of a column.
    """
    if not types.is_dictionary(column.type):
        return column
    value_type = column.type.value_type
    return column.with_type(value_type) if isinstance(column, pa.Field) else column.cast(value_type)


class _RowCache(dict[Row, bytes]):
    """The results of rows of booleans and enum values. An entry is made when it is first needed."""

    def __init__(self, assess_row: Callable[[Row], bytes]) -> None:
        super().__init__()
        self._assess_row = assess_row
        self._contents: dict[bytes, bytes] = {}
        self._size = 0

    def __missing__(self, row: Row) -> bytes:
        content = self._assess_row(row)
        # Many rows have the same result, which is kept once.
        shared = self._contents.setdefault(content, content)
        self._size += (
            ENTRY_BYTES + 8 * len(row) + (ENTRY_BYTES + len(content) if shared is content else 0)
        )
        # Emptied when full: finding the least recently used result would cost every hit.
        if self._size > CACHE_BYTES:
            self.clear()
            self._contents.clear()
            self._size = 0
        self[row] = shared
        return shared
