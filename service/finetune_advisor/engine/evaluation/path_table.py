"""Paths: every way from the root of a tree to a recommendation, and which of them answers rule out."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from finetune_advisor.engine.model.domain import Domain, Position, adjacent_positions
from finetune_advisor.engine.model.region import OrderConstraint, Region
from finetune_advisor.engine.model.tree import Branch, Tree

Edge = tuple[str, int]
"""A branch: the question's id, and the branch's place there."""

PathSet = int
"""A set of a tree's paths: bit n stands for the nth path."""

MAX_PATH_STEPS = 200_000
"""The most steps of all paths together that a tree may have to get a table; 1.0.0 has 56."""

AnswerPositions = Mapping[str, Position]


@dataclass(frozen=True)
class PathPrefix:
    """The beginning of a path: the branches so far, where they lead, and the profiles that take them."""

    steps: tuple[Edge, ...]
    node: str
    region: Region


def iter_paths(tree: Tree, start: PathPrefix | None = None) -> Iterator[PathPrefix]:
    """Every way to a recommendation that some profile takes, or of those, the ones that begin as `start`
    does; those of an earlier branch first.
    """
    waiting = [start or root_prefix(tree)]
    while waiting:
        way = waiting.pop()
        if way.node in tree.recommendations:
            yield way
        else:
            waiting.extend(reversed([*extend_prefix(tree, way)]))


def root_prefix(tree: Tree) -> PathPrefix:
    """The way of all profiles, at the root."""
    return PathPrefix((), tree.root, Region(tree.axes, {}))


def extend_prefix(tree: Tree, way: PathPrefix) -> Iterator[PathPrefix]:
    """The ways that go one branch further."""
    for index, (condition, branch) in enumerate(tree.branch_conditions[way.node]):
        narrowed = way.region.narrow(condition)
        if narrowed:
            yield PathPrefix((*way.steps, (way.node, index)), branch.to, narrowed)


@dataclass(frozen=True, eq=False)
class InputGroup:
    """Inputs that are compared with each other, directly or through others; one alone otherwise.

    `constraints` are the different things that paths ask of them, each with the paths that do, if any; the
    first asks nothing. As no order leaves a block, a path goes with a profile exactly if it does in every
    block.
    """

    names: tuple[str, ...]
    constraints: tuple[tuple[Region, PathSet], ...]
    cell_starts: Mapping[str, tuple[Position, ...]]
    """Where the cells of each input begin: no demand tells two positions of a cell apart while nothing is
    known of the block's other inputs.
    """

    def excluded_paths(self, answers: AnswerPositions) -> PathSet:
        """The paths that no profile with these answers takes, as far as this block tells."""
        given = self.known_answers(answers)
        if len(given) == 1:
            [(name, position)] = given.items()
            return self.excluded_by_answer(name, position)
        return self._contradicted(given) if given else 0

    def excluded_by_answer(self, name: str, position: Position) -> PathSet:
        """As `ruled_out`, for the answer to one input of the block alone."""
        cell = name, bisect_right(self.cell_starts[name], position)
        found = self._by_cell.get(cell)
        if found is None:
            found = self._by_cell[cell] = self._contradicted({name: position})
        return found

    def compatible_paths(self, which: int, answers: AnswerPositions) -> PathSet:
        """The paths that some profile with these answers can take while it meets a demand too, which is
        given by its place.
        """
        wanted, given = self.constraints[which][0], self.known_answers(answers)
        return union_of_paths(
            paths for region, paths in self.constraints if _meet(wanted, region, given)
        )

    def compatible_paths_except(self, name: str, which: int, answers: AnswerPositions) -> PathSet:
        """As `compatible`, if the profile may take the paths with another answer to one input, which isn't
        among the answers.
        """
        twin, given = f"{name}'", self.known_answers(answers)
        wanted = self.constraints[which][0].with_twin(name, twin)
        renamed = ((region.renamed(name, twin), paths) for region, paths in self.constraints)
        return union_of_paths(paths for region, paths in renamed if _meet(wanted, region, given))

    def cell_of(self, answers: AnswerPositions) -> tuple[tuple[str, Position], ...]:
        """What these answers come to for `compatible`: equal for equal results."""
        given = self.known_answers(answers)
        if len(given) == 1:
            [(name, position)] = given.items()
            return ((name, bisect_right(self.cell_starts[name], position)),)
        return tuple(given.items())

    def known_answers(self, answers: AnswerPositions) -> AnswerPositions:
        """Those of the answers that are to the inputs of this block."""
        return {name: answers[name] for name in self.names if name in answers}

    @cached_property
    def check_count(self) -> int:
        """How many domains and orders some answers are held against, at most, to see what they rule out."""
        if len(self.names) == 1:
            return 1
        return sum(1 + len(region.orders) for region, _ in self.constraints)

    @cached_property
    def _by_cell(self) -> dict[tuple[str, int], PathSet]:
        """What is known of `ruled_out_by`."""
        return {}

    def _contradicted(self, given: AnswerPositions) -> PathSet:
        found = 0
        for region, paths in self.constraints:
            if not region.contains_answers(given):
                found |= paths
        return found


def _meet(one: Region, other: Region, given: AnswerPositions) -> bool:
    """Whether some profile of both regions has some answers."""
    both = one.intersection(other)
    return both is not None and both.contains_answers(given)


class PathTable:
    """The paths of a tree as sets of bits: what answers leave of them is a matter of a few operations.

    `every` is the set of all paths, `ending` has those to each recommendation, `blocks` are the blocks of
    inputs in the order of their first ones. `needing` has for each block the paths that need an answer
    there: profiles that take such a path don't all end as it does unless something of the block is known,
    as at some question on it another answer leads to other recommendations alone. `turns` are the questions
    in tree order, each with the paths that come to it, and with its branches and the paths that take them.
    """

    def __init__(self, tree: Tree, every: Sequence[PathPrefix]) -> None:
        self.tree = tree
        self.all_paths = (1 << len(every)) - 1
        self.paths_by_recommendation = dict.fromkeys(tree.recommendations, 0)
        for place, way in enumerate(every):
            self.paths_by_recommendation[way.node] |= 1 << place
        self._ranked = sorted(
            self.paths_by_recommendation.items(), key=lambda one: tree.topological_index[one[0]]
        )
        self.input_groups = tuple(_block(tree, names, every) for names in tree.blocks)
        self.paths_needing_group = self._needing(every)
        self.paths_by_branch = tuple(self._turns(every))
        self._asked = self._demands(len(every))

    @classmethod
    def of(cls, tree: Tree, most_steps: int = MAX_PATH_STEPS) -> PathTable | None:
        """The table of a sound tree, or None for one whose paths have more than so many steps in all."""
        found, left = [], most_steps
        for way in iter_paths(tree):
            left -= len(way.steps)
            if left < 0:
                return None
            found.append(way)
        return cls(tree, found)

    def recommendations_of(self, paths: PathSet) -> tuple[str, ...]:
        """The recommendations that some of these paths end in, in tree order."""
        return tuple([name for name, ending in self._ranked if ending & paths])

    def constraints_of(self, path: PathSet) -> Sequence[tuple[int, int]]:
        """The constraints that a path makes, each as the place of its block and its own place there; of all
        other blocks it asks nothing.
        """
        return self._asked[path.bit_length() - 1]

    def _turns(
        self, every: Sequence[PathPrefix]
    ) -> Iterator[tuple[str, PathSet, Sequence[tuple[Branch, PathSet]]]]:
        taking: dict[Edge, PathSet] = {}
        for place, way in enumerate(every):
            for step in way.steps:
                taking[step] = taking.get(step, 0) | 1 << place
        for question in self.tree.ordered_questions:
            paths = [taking.get((question.id, turn), 0) for turn in range(len(question.branches))]
            yield question.id, union_of_paths(paths), tuple(zip(question.branches, paths, strict=True))

    def _demands(self, count: int) -> Sequence[Sequence[tuple[int, int]]]:
        found: list[list[tuple[int, int]]] = [[] for _ in range(count)]
        for place, block in enumerate(self.input_groups):
            for which, (_, paths) in enumerate(block.constraints[1:], 1):
                for path in iter_bits(paths):
                    found[path.bit_length() - 1].append((place, which))
        return found

    def _needing(self, every: Sequence[PathPrefix]) -> tuple[PathSet, ...]:
        after, paths = _beginnings(every)
        block_of = {name: place for place, block in enumerate(self.input_groups) for name in block.names}
        found = [0] * len(self.input_groups)
        for place, way in enumerate(every):
            here = 0
            for node, index in way.steps:
                question = self.tree.questions[node]
                turns = ((here, (node, turn)) for turn in range(len(question.branches)) if turn != index)
                others = (paths[after[turn]] for turn in turns if turn in after)
                if any(not other & self.paths_by_recommendation[way.node] for other in others):
                    found[block_of[question.input]] |= 1 << place
                here = after[here, (node, index)]
        return tuple(found)


def _beginnings(every: Sequence[PathPrefix]) -> tuple[Mapping[tuple[int, Edge], int], Sequence[PathSet]]:
    """A number for each beginning of paths, by that of the beginning before it and the step between; and
    the paths that begin so, by that number. The empty beginning has number 0.
    """
    after: dict[tuple[int, Edge], int] = {}
    paths = [(1 << len(every)) - 1]
    for place, way in enumerate(every):
        here = 0
        for step in way.steps:
            here = after.setdefault((here, step), len(paths))
            if here == len(paths):
                paths.append(0)
            paths[here] |= 1 << place
    return after, paths


def _block(tree: Tree, names: tuple[str, ...], every: Sequence[PathPrefix]) -> InputGroup:
    nothing: tuple[tuple[tuple[str, Domain], ...], frozenset[OrderConstraint]] = ((), frozenset())
    constraints: dict[tuple[tuple[tuple[str, Domain], ...], frozenset[OrderConstraint]], PathSet] = {
        nothing: 0
    }
    for place, way in enumerate(every):
        here = way.region
        asked = tuple((name, here.domains[name]) for name in names if name in here.domains)
        key = (asked, frozenset(order for order in here.orders if order.low in names))
        constraints[key] = constraints.get(key, 0) | 1 << place
    regions = (
        (Region(tree.axes, dict(asked), orders), ps) for (asked, orders), ps in constraints.items()
    )
    region_paths = tuple(regions)
    return InputGroup(
        names, region_paths, {name: tuple(_starts(tree, names, name, region_paths)) for name in names}
    )


def _starts(
    tree: Tree, names: tuple[str, ...], name: str, constraints: Sequence[tuple[Region, PathSet]]
) -> list[Position]:
    """Where the cells of an input of a block begin.

    An order carries the end of a span to the inputs that it ties, moved by one position at most for each
    order on the way. So a cell can begin only at the ends of spans or within that distance.
    """
    if len(names) == 1:
        return [cell.least for cell in tree.partition[name]]
    domains = [tree.axes[one] for one in names]
    domains += [domain for region, _ in constraints for domain in region.domains.values()]
    starts = {end for domain in domains for span in domain.spans for end in span}
    kinds = {domain.dense for domain in domains}
    for _ in names:
        starts |= {
            beside
            for end in starts
            for dense in kinds
            for beside in adjacent_positions(end, dense=dense)
        }
    return sorted(starts)


def iter_bits(paths: PathSet) -> Iterator[PathSet]:
    """The single paths of a set, each as a set of one."""
    while paths:
        first = paths & -paths
        yield first
        paths ^= first


def union_of_paths(sets: Iterable[PathSet]) -> PathSet:
    """The paths of any of these sets."""
    found = 0
    for one in sets:
        found |= one
    return found
