"""Comparisons of tree versions, each made once for all who ask for it."""

from __future__ import annotations

from collections import defaultdict
from threading import Lock

from finetune_advisor.engine.analysis.comparison import Comparison, compare_trees
from finetune_advisor.engine.model.tree import Tree


class TreeComparisons:
    """Compares served versions, and keeps each comparison: there are as many as pairs of versions."""

    def __init__(self) -> None:
        self._comparisons: dict[tuple[str, str], Comparison] = {}
        # A lock for each pair: a comparison may take seconds, and only requests for the same pair wait.
        self._locks = defaultdict[tuple[str, str], Lock](Lock)

    def compare(self, older: Tree, newer: Tree) -> Comparison:
        """Return how a version differs from an older one."""
        pair = older.version, newer.version
        if pair not in self._comparisons:
            with self._locks[pair]:
                # Another request may have made it while this one waited.
                if pair not in self._comparisons:
                    self._comparisons[pair] = compare_trees(older, newer)
        return self._comparisons[pair]
