"""Coverage: every path through a tree, and which paths and branches some profiles take."""

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
"""Where questions are shared, paths multiply. A tree with more of them is covered by its branches."""


@dataclass(frozen=True)
class CoveragePath:
    """A way from the root to a recommendation that some profile takes.

    `region` holds exactly the profiles that take it. `witness` is one of them, with the inputs alone that
    are asked on the way.
    """

    steps: tuple[Edge, ...]
    end: str
    region: Region
    witness: Profile

    @property
    def questions(self) -> tuple[str, ...]:
        return tuple(question for question, _ in self.steps)


@dataclass(frozen=True)
class Coverage:
    """What some profiles take of a tree: so many of its branches and paths, and what they miss.

    `paths` is None for a tree with more paths than were to be counted. `uncovered` has a path for all that
    is missed: each missed path or, where paths aren't counted, paths that take the missed branches.
    """

    branches: int
    missed_branches: tuple[Edge, ...]
    paths: int | None
    uncovered: tuple[CoveragePath, ...]

    @property
    def percent(self) -> float:
        """The share of the paths that are taken; of the branches, where paths aren't counted."""
        total, missed = self.branches, len(self.missed_branches)
        if self.paths is not None:
            total, missed = self.paths, len(self.uncovered)
        return 100 * (total - missed) / total


def measure_coverage(tree: Tree, profiles: Iterable[Profile], most: int = MAX_COUNTED_PATHS) -> Coverage:
    """What profiles take of a sound tree, counting paths up to `most`.

    A profile takes the branches of the questions that it answers, up to the first one that it doesn't.
    Raises ValueError or TypeError for a value of another type than its input's.
    """
    walked = {_walked(tree, profile) for profile in profiles}
    taken = {edge for steps in walked for edge in steps}
    edges = [
        (question.id, i) for question in tree.questions.values() for i in range(len(question.branches))
    ]
    missed = tuple(edge for edge in edges if edge not in taken)
    every = list_paths(tree, most)
    if every is None:
        return Coverage(len(edges), missed, None, find_covering_paths(tree, missed))
    uncovered = tuple(path for path in every if path.steps not in walked)
    return Coverage(len(edges), missed, len(every), uncovered)


def list_paths(tree: Tree, most: int = MAX_COUNTED_PATHS) -> tuple[CoveragePath, ...] | None:
    """Every path of a sound tree, those of an earlier branch first; None if there are more than `most`.

    Together they are taken by all profiles, and each profile takes one.
    """
    found = [*islice(iter_paths(tree), most + 1)]
    return tuple(_path(tree, way) for way in found) if len(found) <= most else None


def find_covering_paths(tree: Tree, edges: Collection[Edge]) -> tuple[CoveragePath, ...]:
    """Paths that together take some branches of a sound tree."""
    missing = set(edges)
    found = []
    seen = set()
    waiting = [root_prefix(tree)]
    while waiting and missing:
        way = waiting.pop()
        key = (way.node, way.region.cache_key(tree.inputs_below[way.node]))
        if way.node in tree.recommendations or key in seen:
            continue
        seen.add(key)
        further = [*extend_prefix(tree, way)]
        for one in further:
            if one.steps[-1] in missing:
                found.append(_path(tree, next(iter_paths(tree, one))))
                missing.difference_update(found[-1].steps)
        waiting.extend(reversed(further))
    return tuple(found)


def _path(tree: Tree, way: PathPrefix) -> CoveragePath:
    return CoveragePath(way.steps, way.node, way.region, _witness(tree, way))


def _witness(tree: Tree, way: PathPrefix) -> Profile:
    """A profile of a way's region, in plain numbers."""
    names = dict.fromkeys(name for node, _ in way.steps for name in tree.questions[node].inputs)
    positions = way.region.simplest_positions(names)
    return {name: tree.inputs[name].value(position) for name, position in positions.items()}


def _walked(tree: Tree, profile: Profile) -> tuple[Edge, ...]:
    """The branches that a profile takes from the root to the first question that it doesn't answer."""
    way = PathPrefix((), tree.root, region_of_completions(tree, profile))
    while way.node in tree.questions and profile.keys() >= set(tree.questions[way.node].inputs):
        way = next(extend_prefix(tree, way))
    return way.steps
