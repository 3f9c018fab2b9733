"""The served trees as resources: each as a JSON document and as a Mermaid flowchart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import orjson

from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.formats.mermaid import render_mermaid
from finetune_advisor.schemas.plain_data import to_dict
from finetune_advisor.trees.catalog import Catalog

URI_PREFIX = "finetune-advisor://trees/"
DIAGRAM_SUFFIX = "/diagram"


@dataclass(frozen=True)
class TreeResource:
    """A text about a tree. It is made when it is read."""

    uri: str
    name: str
    description: str
    mime_type: str
    read: Callable[[], str]


def list_tree_resources(catalog: Catalog) -> Mapping[str, TreeResource]:
    """The resources by URI. These are all there are: no other URI leads to a file or a tree."""
    resources = [
        resource for tree in catalog.trees.values() for resource in (_document(tree), _diagram(tree))
    ]
    return {resource.uri: resource for resource in resources}


def _document(tree: Tree) -> TreeResource:
    return TreeResource(
        f"{URI_PREFIX}{tree.version}",
        f"tree-{tree.version}",
        f"Tree {tree.version} ({tree.status}): questions, inputs, recommendations and references.",
        "application/json",
        lambda: orjson.dumps(to_dict(tree)).decode(),
    )


def _diagram(tree: Tree) -> TreeResource:
    return TreeResource(
        f"{URI_PREFIX}{tree.version}{DIAGRAM_SUFFIX}",
        f"tree-{tree.version}-diagram",
        f"Tree {tree.version} as a Mermaid flowchart.",
        "text/vnd.mermaid",
        lambda: render_mermaid(tree),
    )
