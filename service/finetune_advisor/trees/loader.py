"""Tree documents: YAML files that are read, proven sound and turned into trees."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from finetune_advisor.engine.analysis.validation import TreeFault, find_faults
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.trees import lifecycle, yaml_document
from finetune_advisor.trees.document_schema import TreeDocument
from finetune_advisor.trees.yaml_document import DocumentError

__all__ = ["DocumentError", "build_document_error", "load_tree"]
DOCUMENT_KIND = "tree document"


def load_tree(path: Path) -> Tree:
    """The tree of a document. Raises DocumentError with every fault that was found."""
    document = yaml_document.read_document(path, DOCUMENT_KIND)
    tree: Tree = document.load(TreeDocument())
    found = [*find_faults(tree), *lifecycle.find_lifecycle_faults(tree)]
    if found:
        raise document.build_error(found)
    return tree


def build_document_error(path: Path, found: Iterable[TreeFault]) -> DocumentError:
    """The error that names some faults of a document, which show beside others alone."""
    return yaml_document.read_document(path, DOCUMENT_KIND).build_error(found)
