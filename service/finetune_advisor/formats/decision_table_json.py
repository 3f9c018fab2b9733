"""A decision table as JSON, an outcome and a row on each line."""

from __future__ import annotations

import json
from collections.abc import Iterable

from finetune_advisor.engine.analysis.decision_table import DecisionTable


def render_decision_table(table: DecisionTable) -> str:
    """The table's plain form; what it parses to is what `sha256` is the hash of, but for itself."""
    form = table.plain
    fields = [
        f"{json.dumps(key)}: {_lines(value) if key in ('outcomes', 'rows') else json.dumps(value)}"
        for key, value in form.items()
    ]
    return "{\n" + ",\n".join(fields) + "\n}"


def _lines(items: Iterable[object]) -> str:
    return "[\n" + ",\n".join(json.dumps(item, ensure_ascii=False) for item in items) + "\n]"
