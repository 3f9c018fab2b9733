"""Decision tables: profiles of a tree with their outcomes, so many that no other tree gives them all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, product
from math import prod
from typing import Any, Literal

from finetune_advisor.engine.analysis.coverage import (
    MAX_COUNTED_PATHS,
    CoveragePath,
    find_covering_paths,
    list_paths,
)
from finetune_advisor.engine.evaluation.exact import evaluate
from finetune_advisor.engine.model.canonical import sha256_digest
from finetune_advisor.engine.model.domain import Position
from finetune_advisor.engine.model.inputs import Profile
from finetune_advisor.engine.model.region import Region
from finetune_advisor.engine.model.tree import Tree

MAX_LISTED_PROFILES = 20_000
"""A tree with more complete profiles, or with a number among its inputs, is stood for by its paths."""


@dataclass(frozen=True)
class RowOutcome:
    """What a profile comes to: the recommendation, the questions on the path, and the receipt."""

    recommendation: str
    path: tuple[str, ...]
    receipt: str


@dataclass(frozen=True)
class DecisionTable:
    """Profiles of a tree, each with its outcome.

    `holds` says what it covers: every complete profile and each path's shortest one; or profiles on the
    edge of every path; or, in a tree with too many paths, of paths that together take every branch.
    """

    version: str
    digest: str
    inputs: tuple[str, ...]
    holds: Literal["profiles", "paths", "branches"]
    rows: tuple[tuple[Profile, RowOutcome], ...]

    @cached_property
    def plain(self) -> dict[str, Any]:
        """The table as plain JSON data, `sha256` being the hash of the rest.

        A row has an answer to each input in order, null where none is given, and the outcome's place.
        """
        places = {outcome: place for place, outcome in enumerate(dict.fromkeys(o for _, o in self.rows))}
        form: dict[str, Any] = {
            "tree": {"version": self.version, "digest": self.digest},
            "holds": self.holds,
            "inputs": list(self.inputs),
            "outcomes": [
                {"recommendation": one.recommendation, "path": list(one.path), "receipt": one.receipt}
                for one in places
            ],
            "rows": [
                [*(profile.get(name) for name in self.inputs), places[outcome]]
                for profile, outcome in self.rows
            ],
        }
        return {"sha256": sha256_digest(form), **form}


def build_decision_table(
    tree: Tree, most_profiles: int = MAX_LISTED_PROFILES, most: int = MAX_COUNTED_PATHS
) -> DecisionTable:
    """The decision table of a sound tree; `most` is the number of paths from which branches do."""
    every = list_paths(tree, most)
    listed = every is not None
    if every is None:
        edges = [(q.id, place) for q in tree.questions.values() for place in range(len(q.branches))]
        every = find_covering_paths(tree, edges)
    complete = listed and _has_few_profiles(tree, most_profiles)
    shortest = (path.witness for path in every)
    at_edges = (profile for path in every for profile in _edge_profiles(tree, path))
    profiles = chain(shortest, _complete_profiles(tree)) if complete else at_edges
    distinct = {tuple(profile.items()): profile for profile in profiles}
    return DecisionTable(
        version=tree.version,
        digest=tree.digest,
        inputs=tuple(tree.inputs),
        holds="profiles" if complete else "paths" if listed else "branches",
        rows=tuple((profile, _outcome(tree, profile)) for profile in distinct.values()),
    )


def _outcome(tree: Tree, profile: Profile) -> RowOutcome:
    assessment = evaluate(tree, profile)
    path = tuple(step.question.id for step in assessment.path)
    return RowOutcome(assessment.candidates[0], path, assessment.receipt)


def _has_few_profiles(tree: Tree, most: int) -> bool:
    sizes = [one.axis.greatest - one.axis.least + 1 for one in tree.inputs.values()]
    return not any(one.is_numeric for one in tree.inputs.values()) and prod(sizes) <= most


def _complete_profiles(tree: Tree) -> Iterator[Profile]:
    axes = [range(int(one.axis.least), int(one.axis.greatest) + 1) for one in tree.inputs.values()]
    for positions in product(*axes):
        pairs = zip(tree.inputs.values(), positions, strict=True)
        yield {one.name: one.value(position) for one, position in pairs}


def _edge_profiles(tree: Tree, path: CoveragePath) -> Iterator[Profile]:
    """Profiles at the edges of a path: every threshold on it lies next to one of them.

    The least and the greatest of its region, one at each other end of a span and each other choice, and
    for two inputs that were compared, the closest that they come to each other.
    """
    region = path.region
    yield _least_profile(tree, path, region)
    yield _greatest_profile(tree, path, region)
    for profile_of, name, position in _edge_positions(tree, path):
        here = region.at(name, position)
        if here:
            yield profile_of(tree, path, here)


def _edge_positions(
    tree: Tree, path: CoveragePath
) -> Iterator[tuple[Callable[[Tree, CoveragePath, Region], Profile], str, Position]]:
    """Positions of inputs at which to take the least or the greatest profile."""
    region = path.region
    for name in path.witness:
        for position in _span_ends(tree, name, region):
            yield _least_profile, name, position
    for order in sorted(region.orders, key=str):
        yield _greatest_profile, order.high, region.domain(order.high).least
        yield _least_profile, order.low, region.domain(order.low).greatest


def _span_ends(tree: Tree, name: str, region: Region) -> Iterator[Position]:
    """The ends of the spans of an input, or all its choices, but for the first and the last."""
    spans = region.domain(name).spans
    ends = [position for span in spans for position in span]
    if not tree.inputs[name].is_numeric:
        ends = [position for low, high in spans for position in range(int(low), int(high) + 1)]
    return iter(ends[1:-1])


def _least_profile(tree: Tree, path: CoveragePath, region: Region) -> Profile:
    return {name: tree.inputs[name].value(region.domain(name).least) for name in path.witness}


def _greatest_profile(tree: Tree, path: CoveragePath, region: Region) -> Profile:
    return {name: tree.inputs[name].value(region.domain(name).greatest) for name in path.witness}
