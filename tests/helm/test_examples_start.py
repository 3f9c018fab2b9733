"""Example values have settings that a start takes."""

from __future__ import annotations

from finetune_advisor.trees import catalog
from tests.helm.chart import Values


def test_masked_inputs_exist(example: Values) -> None:
    """A name in `decisionLogMask` that no tree has would stop each pod at its start."""
    mask = example.get("settings", {}).get("decisionLogMask", "")
    names = {name.strip() for name in mask.split(",") if name.strip()}
    inputs = {name for tree in catalog.load_catalog().trees.values() for name in tree.inputs}
    assert set() == names - inputs
