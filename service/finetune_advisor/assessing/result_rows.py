"""Results of batches as rows of a table, for CSV, Parquet and Arrow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def flatten_result(result: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the values of a result of a batch, in the order of RESULT_COLUMNS; None where it has none."""
    get = result.get
    # A table has no objects inside of cells: the next question becomes two columns.
    open_question = get("next_question") or {}
    return (
        get("status"),
        get("recommendation"),
        get("finetune"),
        get("candidates"),
        get("path"),
        open_question.get("question"),
        open_question.get("input"),
        get("warnings"),
        get("ignored"),
        get("receipt"),
        _describe_errors(result),
    )


def _describe_errors(result: Mapping[str, Any]) -> str | None:
    """Describe the errors of an invalid result in one text, with the number of its line if it has one."""
    if "errors" not in result:
        return None
    location = f"line {result['line']}: " if "line" in result else ""
    return location + ". ".join(_iter_details(result["errors"]))


def _iter_details(errors: Iterable[Mapping[str, str]]) -> Iterable[str]:
    for error in errors:
        name = error["pointer"].removeprefix("#").removeprefix("/")
        yield f"{name}: {error['detail']}" if name else error["detail"]
