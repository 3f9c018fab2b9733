"""Decision tables: profiles with their outcomes, which together tell a tree from all others."""

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
"""Complete profiles up to which a table lists all of them. Larger trees, and trees with numbers among their
inputs, are represented by profiles of each path.
"""


@dataclass(frozen=True)
class RowOutcome:
    """The outcome of a profile: the recommendation, the ids of the questions on the path, and the receipt."""

    recommendation: str
    path: tuple[str, ...]
    receipt: str


@dataclass(frozen=True)
class DecisionTable:
    """Profiles of a tree, each with its outcome.

    `holds` tells which profiles the rows have:
    - `profiles`: every complete profile, and the shortest profile of each path
    - `paths`: profiles at the edges of every path
    - `branches`: profiles at the edges of paths that together take every branch, if there are too many paths
    """

    version: str
    digest: str
    inputs: tuple[str, ...]
    holds: Literal["profiles", "paths", "branches"]
    rows: tuple[tuple[Profile, RowOutcome], ...]

    @cached_property
    def plain(self) -> dict[str, Any]:
        """The table as plain JSON data. `sha256` is the hash of the other fields.

        A row has an answer to each input, in the order of `inputs` and null if there is none, and then the
        index of its outcome.
        """
        outcomes = dict.fromkeys(outcome for _, outcome in self.rows)
        index_by_outcome = {outcome: index for index, outcome in enumerate(outcomes)}
        data: dict[str, Any] = {
            "tree": {"version": self.version, "digest": self.digest},
            "holds": self.holds,
            "inputs": list(self.inputs),
            "outcomes": [
                {
                    "recommendation": outcome.recommendation,
                    "path": list(outcome.path),
                    "receipt": outcome.receipt,
                }
                for outcome in outcomes
            ],
            "rows": [
                [*(profile.get(name) for name in self.inputs), index_by_outcome[outcome]]
                for profile, outcome in self.rows
            ],
        }
        return {"sha256": sha256_digest(data), **data}


def build_decision_table(
    tree: Tree, max_profiles: int = MAX_LISTED_PROFILES, max_paths: int = MAX_COUNTED_PATHS
) -> DecisionTable:
    """Return the decision table of a sound tree.

    If the tree has at most `max_paths` paths, the table represents all of them; otherwise, it represents
    all branches. It has all profiles if the tree also has no numeric input and at most `max_profiles`
    profiles.
    """
    paths = list_paths(tree, max_paths)
    has_all_paths = paths is not None
    if paths is None:
        edges = [(q.id, index) for q in tree.questions.values() for index in range(len(q.branches))]
        paths = find_covering_paths(tree, edges)
    has_all_profiles = has_all_paths and _has_few_profiles(tree, max_profiles)
    shortest = (path.witness for path in paths)
    at_edges = (profile for path in paths for profile in _edge_profiles(tree, path))
    profiles = chain(shortest, _complete_profiles(tree)) if has_all_profiles else at_edges
    # Paths with few answers have the same profile at several edges.
    distinct = {tuple(profile.items()): profile for profile in profiles}
    return DecisionTable(
        version=tree.version,
        digest=tree.digest,
        inputs=tuple(tree.inputs),
        holds="profiles" if has_all_profiles else "paths" if has_all_paths else "branches",
        rows=tuple((profile, _outcome(tree, profile)) for profile in distinct.values()),
    )


def _outcome(tree: Tree, profile: Profile) -> RowOutcome:
    assessment = evaluate(tree, profile)
    path = tuple(step.question.id for step in assessment.path)
    return RowOutcome(assessment.candidates[0], path, assessment.receipt)


def _has_few_profiles(tree: Tree, max_profiles: int) -> bool:
    inputs = tree.inputs.values()
    sizes = [input_.axis.greatest - input_.axis.least + 1 for input_ in inputs]
    return not any(input_.is_numeric for input_ in inputs) and prod(sizes) <= max_profiles


def _complete_profiles(tree: Tree) -> Iterator[Profile]:
    inputs = tree.inputs.values()
    axes = [range(int(input_.axis.least), int(input_.axis.greatest) + 1) for input_ in inputs]
    for positions in product(*axes):
        pairs = zip(inputs, positions, strict=True)
        yield {input_.name: input_.value(position) for input_, position in pairs}


def _edge_profiles(tree: Tree, path: CoveragePath) -> Iterator[Profile]:
    """Yield profiles at the edges of a path, so that each threshold on it lies next to one of them.

    These are the least and the greatest profile, one at each inner end of a span or choice, and those in
    which two compared inputs come closest to each other.
    """
    # Next to a threshold, a profile shows that the threshold has moved.
    region = path.region
    yield _least_profile(tree, path, region)
    yield _greatest_profile(tree, path, region)
    for make_profile, name, position in _edge_positions(tree, path):
        # Inside a domain, an order constraint may leave no profile at a position.
        region_at_edge = region.at(name, position)
        if region_at_edge:
            yield make_profile(tree, path, region_at_edge)


def _edge_positions(
    tree: Tree, path: CoveragePath
) -> Iterator[tuple[Callable[[Tree, CoveragePath, Region], Profile], str, Position]]:
    """Yield positions of inputs, each with a function that takes the least or greatest profile there."""
    region = path.region
    for name in path.witness:
        for position in _span_ends(tree, name, region):
            yield _least_profile, name, position
    # The set of constraints has no order of its own, and equal trees need equal tables.
    for order in sorted(region.orders, key=str):
        yield _greatest_profile, order.high, region.domain(order.high).least
        yield _least_profile, order.low, region.domain(order.low).greatest


def _span_ends(tree: Tree, name: str, region: Region) -> Iterator[Position]:
    """Yield the ends of spans or the choices of an input, except for the first and the last one."""
    spans = region.domain(name).spans
    ends = [position for span in spans for position in span]
    if not tree.inputs[name].is_numeric:
        ends = [position for low, high in spans for position in range(int(low), int(high) + 1)]
    # The least and the greatest profile have the first and the last one already.
    return iter(ends[1:-1])


def _least_profile(tree: Tree, path: CoveragePath, region: Region) -> Profile:
    return {name: tree.inputs[name].value(region.domain(name).least) for name in path.witness}


def _greatest_profile(tree: Tree, path: CoveragePath, region: Region) -> Profile:
    return {name: tree.inputs[name].value(region.domain(name).greatest) for name in path.witness}
