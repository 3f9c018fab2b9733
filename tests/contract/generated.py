"""A catalog of generated trees, to be served beside the bundled ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from ruamel.yaml import YAML

from finetune_advisor.engine.model.tree import Tree
from tests import editions, strategies
from tests.api import documents_of

COUNT = 6
DEFAULT = "10.0.0"


def write(directory: Path) -> dict[str, str]:
    """Write trees of every kind of test, a deprecated one and its successor, and give the settings that
    serve them, a generated one by default.
    """
    for number, tree in enumerate(trees(COUNT)):
        version = f"{10 + number}.0.0"
        form = _renamed(documents_of.document(replace(tree, version=version)), f"t{number}_")
        with (directory / f"{version}.yaml").open("w", encoding="utf-8") as out:
            YAML(typ="safe", pure=True).dump(form, out)
    editions.write(directory, editions.DEPRECATED, "deprecated", **editions.ENDING)
    editions.write(directory, editions.SUCCESSOR)
    return {"TREES_DIR": str(directory), "DEFAULT_TREE_VERSION": DEFAULT}


def trees(count: int) -> list[Tree]:
    """Trees that ask about all kinds of input, the same in every run; the ones with the most questions."""
    found: list[Tree] = []

    @seed(20261122)
    @settings(
        max_examples=100,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategies.trees())
    def collect(tree: Tree) -> None:
        found.append(tree)

    collect()
    return sorted(found, key=lambda tree: len(tree.questions))[-count:]


def _renamed(form: Any, prefix: str) -> Any:
    """A document whose inputs have names of their own: an input that two trees share keeps its type."""
    if isinstance(form, dict):
        return {key: _member(key, value, prefix) for key, value in form.items()}
    return [_renamed(one, prefix) for one in form] if isinstance(form, list) else form


def _member(key: str, value: Any, prefix: str) -> Any:
    if key == "inputs":
        return {f"{prefix}{name}": one for name, one in value.items()}
    return f"{prefix}{value}" if key == "input" and isinstance(value, str) else _renamed(value, prefix)
