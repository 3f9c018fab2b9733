"""Loads tree documents: reads the YAML, checks it and builds the tree."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from finetune_advisor.engine.analysis.validation import TreeFault, find_faults
from finetune_advisor.engine.analysis.worksheet_proof import find_worksheet_faults
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.trees import lifecycle, yaml_document
from finetune_advisor.trees.document_schema import TreeDocument
from finetune_advisor.trees.yaml_document import DocumentError

__all__ = ["DocumentError", "build_document_error", "load_tree"]
DOCUMENT_KIND = "tree document"


def load_tree(path: str | Path) -> Tree:
    """Load a tree document and prove the tree sound.

    Raises DocumentError with all the faults of the first stage that fails: reading YAML, checking the
    fields, or checking the tree.
    """
    document = yaml_document.read_document(Path(path), DOCUMENT_KIND)
    tree: Tree = document.load(TreeDocument())
    faults = [*find_faults(tree), *find_worksheet_faults(tree), *lifecycle.find_lifecycle_faults(tree)]
    if faults:
        raise document.build_error(faults)
    return tree


def build_document_error(path: Path, faults: Iterable[TreeFault]) -> DocumentError:
    """Build the error for faults that only a comparison with other documents shows."""
    # Trees don't keep their line numbers. Such faults are rare, so the file is read once more.
    return yaml_document.read_document(path, DOCUMENT_KIND).build_error(faults)
