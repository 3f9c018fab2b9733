"""A decision table as JSON, with one outcome or row per line."""

from __future__ import annotations

import json
from collections.abc import Iterable

from finetune_advisor.engine.analysis.decision_table import DecisionTable


def render_decision_table(table: DecisionTable) -> str:
    """Render a decision table as JSON.

    The field `sha256` is the hash of all other fields in canonical form, so the layout doesn't affect it.
    """
    # A row per line lets line-based tools show what differs between two tables.
    fields = [
        f"{json.dumps(key)}: {_lines(value) if key in ('outcomes', 'rows') else json.dumps(value)}"
        for key, value in table.plain.items()
    ]
    return "{\n" + ",\n".join(fields) + "\n}"


def _lines(items: Iterable[object]) -> str:
    return "[\n" + ",\n".join(json.dumps(item, ensure_ascii=False) for item in items) + "\n]"
