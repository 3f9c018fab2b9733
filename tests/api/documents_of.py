"""Trees written down as the documents that they could have come from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from finetune_advisor.engine.model.tree import Tree

SUFFIX = "_input"


def write(tree: Tree, directory: Path) -> Path:
    """Write a tree's document into a directory, under its version."""
    path = directory / f"{tree.version}.yaml"
    with path.open("w", encoding="utf-8") as out:
        YAML(typ="safe", pure=True).dump(document(tree), out)
    return path


def document(tree: Tree) -> dict[str, Any]:
    """The document of a tree: its canonical form, with comparisons as documents write them."""
    form = dict(tree.canonical)
    form["questions"] = {
        name: {**question, "branches": [_branch(branch) for branch in question["branches"]]}
        for name, question in form["questions"].items()
    }
    return form


def _branch(form: dict[str, Any]) -> dict[str, Any]:
    return {
        key.removesuffix(SUFFIX): {"input": value} if key.endswith(SUFFIX) else value
        for key, value in form.items()
    }
