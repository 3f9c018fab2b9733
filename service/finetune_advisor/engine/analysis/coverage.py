"""The paths of a tree, and the paths and branches that given profiles take."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import islice

from finetune_advisor.engine.evaluation.path_table import (
    Edge,
    PathPrefix,
    extend_prefix,
    iter_paths,
    root_prefix,
)
from finetune_advisor.engine.model.inputs import Profile
from finetune_advisor.engine.model.region import Region, region_of_completions
from finetune_advisor.engine.model.tree import Tree

MAX_COUNTED_PATHS = 10_000
"""Paths that are counted. Coverage of a tree with more of them is measured by its branches.

Shared questions multiply the paths of a tree.
"""


@dataclass(frozen=True)
class CoveragePath:
    """A path from the root to a recommendation that some profile takes.

    `end` is the id of the recommendation. `region` has exactly the profiles that take the path, and
    `witness` is one of them with only the inputs that the path asks about.
    """

    steps: tuple[Edge, ...]
    end: str
    region: Region
    witness: Profile

    @property
    def questions(self) -> tuple[str, ...]:
        """The ids of the questions on the path."""
        return tuple(question for question, _ in self.steps)


@dataclass(frozen=True)
class Coverage:
    """The branches and paths of a tree that given profiles take and miss.

    `branches` and `paths` are the numbers of all of them; `paths` is None if the tree has too many to count.
    `uncovered` has each missed path or, without a count of paths, paths that take the missed branches.
    """

    branches: int
    missed_branches: tuple[Edge, ...]
    paths: int | None
    uncovered: tuple[CoveragePath, ...]

    @property
    def percent(self) -> float:
        """The percentage of paths that are taken, or of branches if the paths aren't counted."""
        total, missed = self.branches, len(self.missed_branches)
        if self.paths is not None:
            total, missed = self.paths, len(self.uncovered)
        return 100 * (total - missed) / total


def measure_coverage(
    tree: Tree, profiles: Iterable[Profile], max_paths: int = MAX_COUNTED_PATHS
) -> Coverage:
    """Return how far profiles cover a sound tree. If it has up to `max_paths` paths, these are counted.

    A profile takes the branches of the questions that it answers, up to the first one that it doesn't.
    Raises ValueError or TypeError for a value that its input can't have.
    """
    taken_steps = {_taken_steps(tree, profile) for profile in profiles}
    taken_edges = {edge for steps in taken_steps for edge in steps}
    edges = [
        (question.id, i) for question in tree.questions.values() for i in range(len(question.branches))
    ]
    missed = tuple(edge for edge in edges if edge not in taken_edges)
    all_paths = list_paths(tree, max_paths)
    if all_paths is None:
        return Coverage(len(edges), missed, None, find_covering_paths(tree, missed))
    uncovered = tuple(path for path in all_paths if path.steps not in taken_steps)
    return Coverage(len(edges), missed, len(all_paths), uncovered)


def list_paths(tree: Tree, max_paths: int = MAX_COUNTED_PATHS) -> tuple[CoveragePath, ...] | None:
    """Return every path of a sound tree, or None if there are more than `max_paths`.

    Paths of an earlier branch come first. Every complete profile takes exactly one of the paths.
    """
    # One path more than the limit is enough to know that there are too many.
    paths = [*islice(iter_paths(tree), max_paths + 1)]
    return tuple(_coverage_path(tree, path) for path in paths) if len(paths) <= max_paths else None


def find_covering_paths(tree: Tree, edges: Collection[Edge]) -> tuple[CoveragePath, ...]:
    """Return paths of a sound tree that together take all of these branches."""
    missing = set(edges)
    covering = []
    seen = set()
    waiting = [root_prefix(tree)]
    while waiting and missing:
        prefix = waiting.pop()
        # Prefixes with the same key go on through the same branches, so one of them covers these.
        key = (prefix.node, prefix.region.cache_key(tree.inputs_below[prefix.node]))
        if prefix.node in tree.recommendations or key in seen:
            continue
        seen.add(key)
        extended_prefixes = [*extend_prefix(tree, prefix)]
        for extended in extended_prefixes:
            if extended.steps[-1] in missing:
                first_path = next(iter_paths(tree, extended))
                covering.append(_coverage_path(tree, first_path))
                missing.difference_update(first_path.steps)
        # Depth-first: the last prefix is taken first, so the first branch goes in last.
        waiting.extend(reversed(extended_prefixes))
    return tuple(covering)


def _coverage_path(tree: Tree, path: PathPrefix) -> CoveragePath:
    names = dict.fromkeys(name for node, _ in path.steps for name in tree.questions[node].inputs)
    positions = path.region.simplest_positions(names)
    witness = {name: tree.inputs[name].value(position) for name, position in positions.items()}
    return CoveragePath(path.steps, path.node, path.region, witness)


def _taken_steps(tree: Tree, profile: Profile) -> tuple[Edge, ...]:
    """Return the branches of a profile from the root to the first question that it doesn't answer."""
    prefix = PathPrefix((), tree.root, region_of_completions(tree, profile))
    while prefix.node in tree.questions and profile.keys() >= set(tree.questions[prefix.node].inputs):
        # With these answers known, only one branch is possible.
        prefix = next(extend_prefix(tree, prefix))
    return prefix.steps
