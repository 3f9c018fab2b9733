"""The served trees as tools use them: what is prepared from each of them, made at its first use."""

from __future__ import annotations

from functools import cached_property
from threading import Lock

from finetune_advisor.assessing.advisor import Advisor
from finetune_advisor.assessing.interview import Interviewer
from finetune_advisor.assessing.tree_comparisons import TreeComparisons
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.trees.catalog import Catalog


class PreparedTree:
    """A tree with its advisor and its interviewer."""

    def __init__(self, tree: Tree, catalog: Catalog) -> None:
        self.tree = tree
        self.advisor = Advisor(tree, catalog)

    @cached_property
    def interviewer(self) -> Interviewer:
        """Leads interviews about the tree."""
        return Interviewer(self.advisor)


class ServedTrees:
    """The trees of a catalog. Threads can share it."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.comparisons = TreeComparisons()
        self._prepared: dict[str, PreparedTree] = {}
        self._lock = Lock()

    def prepare(self, version: str | None = None) -> PreparedTree:
        """Return the tree of a served version; without a version, the default."""
        tree = self.catalog.pick(version)
        with self._lock:
            if tree.version not in self._prepared:
                self._prepared[tree.version] = PreparedTree(tree, self.catalog)
            return self._prepared[tree.version]
