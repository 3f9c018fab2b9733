"""Every path of a tree from its root to a recommendation, and the paths that answers rule out."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, groupby

from finetune_advisor.engine.model.domain import Domain, Position, adjacent_positions
from finetune_advisor.engine.model.region import OrderConstraint, Region
from finetune_advisor.engine.model.tree import Branch, Tree

Edge = tuple[str, int]
"""A branch: the id of its question, and its index there."""

PathSet = int
"""A set of a tree's paths: bit n stands for path n, counted from 0."""

MAX_PATH_STEPS = 200_000
"""Steps of all paths together, up to which a tree gets a table of its paths; tree 1.0.0 has 56."""

MAX_CELL_COMBINATIONS = 1024
"""Combinations of answers to compared inputs, by cell, whose excluded paths a group keeps."""

AnswerPositions = Mapping[str, Position]
"""The positions of known answers, by input."""


@dataclass(frozen=True)
class PathPrefix:
    """The beginning of a path: its branches, the node that they lead to, and the profiles that take them."""

    steps: tuple[Edge, ...]
    node: str
    region: Region


def iter_paths(tree: Tree, start: PathPrefix | None = None) -> Iterator[PathPrefix]:
    """Yield every path to a recommendation that some profile takes, those of an earlier branch first.

    With `start`, only the paths with this prefix are yielded.
    """
    waiting = [start or root_prefix(tree)]
    while waiting:
        prefix = waiting.pop()
        if prefix.node in tree.recommendations:
            yield prefix
        else:
            # The last one is taken first, so the first branch goes in last.
            waiting.extend(reversed([*extend_prefix(tree, prefix)]))


def root_prefix(tree: Tree) -> PathPrefix:
    """Return the empty prefix, which all profiles share."""
    return PathPrefix((), tree.root, Region(tree.axes, {}))


def extend_prefix(tree: Tree, prefix: PathPrefix) -> Iterator[PathPrefix]:
    """Yield the prefixes that are one branch longer and that some profile takes."""
    for index, (condition, branch) in enumerate(tree.branch_conditions[prefix.node]):
        narrowed = prefix.region.narrow(condition)
        # A branch can contradict the answers before it; no profile takes such a path.
        if narrowed:
            yield PathPrefix((*prefix.steps, (prefix.node, index)), branch.to, narrowed)


@dataclass(frozen=True, eq=False)
class InputGroup:
    """One input, or several inputs that are compared with each other, directly or through others.

    `constraints` are the different constraints that paths put on these inputs: each is a region, with the
    set of the paths that have it. The first one allows everything, and its set may be empty.

    No order constraint connects two groups. So a profile can take a path exactly if every group allows it.
    """

    names: tuple[str, ...]
    constraints: tuple[tuple[Region, PathSet], ...]
    cell_starts: Mapping[str, tuple[Position, ...]]
    """The positions where the cells of each input begin.

    As long as the group's other inputs are unknown, no constraint separates two positions of a cell.
    """

    def excluded_paths(self, answers: AnswerPositions) -> PathSet:
        """Return the paths that these answers to the inputs of this group rule out."""
        known = self.known_answers(answers)
        # A single answer is the common case, and few cells make its results easy to cache.
        if len(known) == 1:
            [(name, position)] = known.items()
            return self.excluded_by_answer(name, position)
        if len(known) == len(self.names):
            return self._excluded_by_all(known)
        return self._contradicted(known) if known else 0

    def excluded_by_answer(self, name: str, position: Position) -> PathSet:
        """Return the paths that one answer rules out as long as the group's other inputs are unknown."""
        cell = name, bisect_right(self.cell_starts[name], position)
        excluded = self._excluded_by_cell.get(cell)
        if excluded is None:
            excluded = self._excluded_by_cell[cell] = self._contradicted({name: position})
        return excluded

    def _excluded_by_all(self, known: AnswerPositions) -> PathSet:
        """Return the paths that answers to all inputs of the group rule out."""
        # Constraints tell these answers apart by their cells and by which of two answers is greater.
        cells = [bisect_right(self.cell_starts[name], position) for name, position in known.items()]
        signs = [(first > other) - (first < other) for first, other in combinations(known.values(), 2)]
        key = (*cells, *signs)
        excluded = self._excluded_by_combination.get(key)
        if excluded is None:
            if len(self._excluded_by_combination) >= MAX_CELL_COMBINATIONS:
                self._excluded_by_combination.clear()
            excluded = self._excluded_by_combination[key] = self._contradicted(known)
        return excluded

    def compatible_paths(self, constraint_index: int, answers: AnswerPositions) -> PathSet:
        """Return the paths that this group allows to profiles with these answers that meet a constraint."""
        required, known = self.constraints[constraint_index][0], self.known_answers(answers)
        return union_of_paths(
            paths for region, paths in self.constraints if _overlap(required, region, known)
        )

    def compatible_paths_except(
        self, name: str, constraint_index: int, answers: AnswerPositions
    ) -> PathSet:
        """Return the paths that this group allows to some profile whose answer to `name` changes.

        Before the change, the profile has these `answers` and meets the constraint. The change affects
        only `name`, which `answers` must not include.
        """
        twin, known = f"{name}'", self.known_answers(answers)
        required = self.constraints[constraint_index][0].with_twin(name, twin)
        renamed = ((region.renamed(name, twin), paths) for region, paths in self.constraints)
        return union_of_paths(paths for region, paths in renamed if _overlap(required, region, known))

    def cell_of(self, answers: AnswerPositions) -> tuple[tuple[str, Position], ...]:
        """Return a key of these answers: for equal keys, this group has the same compatible paths."""
        known = self.known_answers(answers)
        if len(known) == 1:
            [(name, position)] = known.items()
            return ((name, bisect_right(self.cell_starts[name], position)),)
        return tuple(known.items())

    def known_answers(self, answers: AnswerPositions) -> AnswerPositions:
        """Return the answers to the inputs of this group."""
        return {name: answers[name] for name in self.names if name in answers}

    @cached_property
    def check_count(self) -> int:
        """The maximum number of checks of domains and order constraints in a call of `excluded_paths`."""
        if len(self.names) == 1:
            return 1
        return sum(1 + len(region.orders) for region, _ in self.constraints)

    @cached_property
    def _excluded_by_cell(self) -> dict[tuple[str, int], PathSet]:
        """The cache of `excluded_by_answer`. Its size is bounded by the number of cells."""
        return {}

    @cached_property
    def _excluded_by_combination(self) -> dict[tuple[int, ...], PathSet]:
        """The cache of `_excluded_by_all`."""
        return {}

    def _contradicted(self, known: AnswerPositions) -> PathSet:
        contradicted = 0
        for region, paths in self.constraints:
            if not region.contains_answers(known):
                contradicted |= paths
        return contradicted


def _overlap(first: Region, second: Region, answers: AnswerPositions) -> bool:
    """Return whether some profile with these answers is in both regions."""
    both = first.intersection(second)
    return both is not None and both.contains_answers(answers)


class PathTable:
    """The paths of a tree as bits of an integer, so that a few operations tell which paths answers leave.

    `all_paths` is the set of all paths, `paths_by_recommendation` has the paths to each recommendation, and
    `input_groups` are the groups in the order of their first inputs. `paths_by_branch` has an entry for each
    question in tree order: its id, the paths through it, and its branches with the paths that take them.

    `paths_needing_group` has for each group the paths that need an answer from it: a question on the path
    has another branch that leads only to other recommendations, so the outcome is open without an answer.
    """

    def __init__(self, tree: Tree, paths: Sequence[PathPrefix]) -> None:
        self.tree = tree
        self.all_paths = (1 << len(paths)) - 1
        self.paths_by_recommendation = dict.fromkeys(tree.recommendations, 0)
        for index, path in enumerate(paths):
            self.paths_by_recommendation[path.node] |= 1 << index
        self._paths_by_ordered_recommendation = sorted(
            self.paths_by_recommendation.items(), key=lambda item: tree.topological_index[item[0]]
        )
        self.input_groups = tuple(_input_groups(tree, paths))
        forks = [*_iter_forks(paths)]
        self.paths_needing_group = self._paths_needing_groups(forks)
        self.paths_by_branch = tuple(self._paths_by_branches(forks))
        # Most paths constrain few of the groups, so only these are listed.
        self._constraints_by_path = self._find_constraints(len(paths))

    @classmethod
    def of(cls, tree: Tree, max_steps: int = MAX_PATH_STEPS) -> PathTable | None:
        """Return the table of a sound tree, or None if its paths have more than `max_steps` in all."""
        paths, steps_left = [], max_steps
        for path in iter_paths(tree):
            steps_left -= len(path.steps)
            if steps_left < 0:
                return None
            paths.append(path)
        return cls(tree, paths)

    def recommendations_of(self, paths: PathSet) -> tuple[str, ...]:
        """Return the recommendations at the ends of these paths, in tree order."""
        by_recommendation = self._paths_by_ordered_recommendation
        return tuple([name for name, to_name in by_recommendation if to_name & paths])

    def constraints_of(self, path: PathSet) -> Mapping[int, int]:
        """Return the constraints that a path puts on groups: the index of a constraint, by that of a group.

        All other groups have constraint 0, which allows everything.
        """
        return self._constraints_by_path[path.bit_length() - 1]

    def _paths_by_branches(
        self, forks: Iterable[_Fork]
    ) -> Iterator[tuple[str, PathSet, Sequence[tuple[Branch, PathSet]]]]:
        paths_by_edge: defaultdict[Edge, PathSet] = defaultdict(int)
        for fork in forks:
            for edge, paths in fork.items():
                paths_by_edge[edge] |= paths
        for question in self.tree.ordered_questions:
            edges = [(question.id, index) for index in range(len(question.branches))]
            taking = [paths_by_edge[edge] for edge in edges]
            yield question.id, union_of_paths(taking), tuple(zip(question.branches, taking, strict=True))

    def _find_constraints(self, path_count: int) -> Sequence[Mapping[int, int]]:
        constraints: list[dict[int, int]] = [{} for _ in range(path_count)]
        for group_index, group in enumerate(self.input_groups):
            for constraint_index, (_, paths) in enumerate(group.constraints[1:], 1):
                for path in iter_bits(paths):
                    constraints[path.bit_length() - 1][group_index] = constraint_index
        return constraints

    def _paths_needing_groups(self, forks: Iterable[_Fork]) -> tuple[PathSet, ...]:
        group_by_input = _index_by_input(self.tree)
        needing = [0] * len(self.input_groups)
        for fork in forks:
            node, _ = next(iter(fork))
            # The inputs of a comparison are in the same group, so one of them tells the group.
            group = group_by_input[self.tree.questions[node].input]
            passing = union_of_paths(fork.values())
            for same_outcome in self.paths_by_recommendation.values():
                # All paths to this outcome take other branches than one that doesn't lead to it.
                if not all(paths & same_outcome for paths in fork.values()):
                    needing[group] |= passing & same_outcome
        return tuple(needing)


_Fork = Mapping[Edge, PathSet]
"""The paths that begin alike, by the branch that they take next."""


def _iter_forks(paths: Sequence[PathPrefix]) -> Iterator[_Fork]:
    """Yield the fork after each beginning of a path. The paths are in the order of `iter_paths`."""
    # In that order, paths that begin alike are neighbours, so that each set is a range.
    waiting = [(0, len(paths), 0)]
    while waiting:
        first, end, depth = waiting.pop()
        if depth == len(paths[first].steps):
            continue  # the path is complete
        fork = {}
        for edge, group in groupby(paths[first:end], key=lambda path: path.steps[depth]):
            last = first + len([*group])
            fork[edge] = (1 << last) - (1 << first)
            waiting.append((first, last, depth + 1))
            first = last
        yield fork


def _index_by_input(tree: Tree) -> Mapping[str, int]:
    """Return the index of the group of each input."""
    return {name: index for index, names in enumerate(tree.input_groups) for name in names}


_ConstraintKey = tuple[tuple[tuple[str, Domain], ...], frozenset[OrderConstraint]]
_UNCONSTRAINED: _ConstraintKey = ((), frozenset())


def _input_groups(tree: Tree, paths: Sequence[PathPrefix]) -> Iterator[InputGroup]:
    group_by_input, all_paths = _index_by_input(tree), (1 << len(paths)) - 1
    # The first constraint of a group is the one that allows everything. Its paths are counted last.
    paths_by_constraint = [defaultdict(int, {_UNCONSTRAINED: 0}) for _ in tree.input_groups]
    for index, path in enumerate(paths):
        constrained = [*path.region.domains, *(order.low for order in path.region.orders)]
        for group in {group_by_input[name] for name in constrained}:
            constraint = _constraint_key(path.region, tree.input_groups[group])
            paths_by_constraint[group][constraint] |= 1 << index
    for names, by_constraint in zip(tree.input_groups, paths_by_constraint, strict=True):
        by_constraint[_UNCONSTRAINED] = all_paths & ~union_of_paths(by_constraint.values())
        constraints = tuple(
            (Region(tree.axes, dict(domains), orders), path_set)
            for (domains, orders), path_set in by_constraint.items()
        )
        cell_starts = {name: tuple(_cell_starts(tree, names, name, constraints)) for name in names}
        yield InputGroup(names, constraints, cell_starts)


def _constraint_key(region: Region, names: Sequence[str]) -> _ConstraintKey:
    """Return what a region says about the inputs of a group."""
    domains = tuple((name, region.domains[name]) for name in names if name in region.domains)
    # Both inputs of an order constraint are in the same group, so one of them tells the group.
    return domains, frozenset(order for order in region.orders if order.low in names)


def _cell_starts(
    tree: Tree, names: tuple[str, ...], name: str, constraints: Sequence[tuple[Region, PathSet]]
) -> list[Position]:
    """Return the positions where the cells of an input begin, in a group of inputs with these names."""
    if len(names) == 1:
        return [cell.least for cell in tree.partition[name]]
    domains = [tree.axes[member] for member in names]
    domains += [domain for region, _ in constraints for domain in region.domains.values()]
    starts = {end for domain in domains for span in domain.spans for end in span}
    axis_types = {domain.dense for domain in domains}
    # An order constraint carries the end of a span over to the other input, and moves it by at most one
    # position. A chain of constraints visits each input once, so it moves an end by no more positions.
    for _ in names:
        starts |= {
            adjacent
            for end in starts
            for dense in axis_types
            for adjacent in adjacent_positions(end, dense=dense)
        }
    return sorted(starts)


def iter_bits(paths: PathSet) -> Iterator[PathSet]:
    """Yield the single paths of a set, each as a set of one path."""
    while paths:
        lowest_bit = paths & -paths
        yield lowest_bit
        paths ^= lowest_bit


def union_of_paths(path_sets: Iterable[PathSet]) -> PathSet:
    """Return the union of sets of paths."""
    union = 0
    for path_set in path_sets:
        union |= path_set
    return union
