"""Tree documents: YAML files that are read, proven sound and turned into trees."""

from __future__ import annotations

from pathlib import Path

from finetune_advisor import yaml_documents
from finetune_advisor.document_schema import TreeDocument
from finetune_advisor.engine.soundness import faults
from finetune_advisor.engine.tree import Tree
from finetune_advisor.yaml_documents import DocumentError

__all__ = ["DocumentError", "load"]


def load(path: Path) -> Tree:
    """The tree of a document. Raises DocumentError with every fault that was found."""
    document = yaml_documents.read(path, "tree document")
    tree: Tree = document.load(TreeDocument())
    found = faults(tree)
    if found:
        raise document.refusal(found)
    return tree
