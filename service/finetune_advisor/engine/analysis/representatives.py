"""Representative values: a few answers to each input that lead to all outcomes that any answer leads to."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from math import prod

from finetune_advisor.engine.model.conditions import ALL_RELATIONS, Condition, InDomain, InRelation
from finetune_advisor.engine.model.domain import Domain, Position
from finetune_advisor.engine.model.region import Region
from finetune_advisor.engine.model.tree import Tree

InputCells = Mapping[str, tuple[Domain, ...]]
"""The cells that each input's axis is cut into, in ascending order."""

MAX_CELLS = 10_000
"""Cells that a group of compared inputs may be cut into, summed up over all rounds of cutting."""


def partition_inputs(tree: Tree, given_answers: Mapping[str, Position]) -> InputCells:
    """Return the axis of each input in cells, whose positions all take the same paths through the tree.

    Inputs with too many cells are left out.
    """
    peers = _peers(tree)
    cells = {**tree.partition}
    for group in tree.input_groups:
        if len(group) > 1:
            peers_in_group = {name: peers[name] for name in group}
            cells_of_group = _partition_compared_inputs(tree, given_answers, peers_in_group, cells)
            for name in group:
                del cells[name]
            cells |= cells_of_group or {}
    return cells


def _partition_compared_inputs(
    tree: Tree, given_answers: Mapping[str, Position], peers: Mapping[str, set[str]], cells: InputCells
) -> InputCells | None:
    """Return the cells of a group of inputs that are compared with their peers, or None for too many."""
    # The tests of an input cut its own axis. Each position at which an input can lie also cuts the axes of
    # its peers, and the new cells add positions. A position passes on to one more peer in each round, so
    # after as many rounds as there are inputs, it has reached all of them.
    landmarks = {
        name: _landmarks(tree.axes[name], tree.thresholds[name], given_answers.get(name))
        for name in peers
    }
    cells = {name: cells[name] for name in peers}
    cells_left = MAX_CELLS
    for _ in peers:
        cells_left -= sum(map(len, cells.values()))
        if cells_left < 0:
            return None
        positions = {
            name: landmarks[name].union(
                representative(cells[name], cell, given_answers.get(name)) for cell in cells[name]
            )
            for name in peers
        }
        for name, others in peers.items():
            axis = tree.axes[name]
            parts = (
                part
                for other in others
                for position in positions[other]
                for part in _split_around(axis, position)
            )
            starts = tree.thresholds[name].union(part.least for part in parts if part)
            cells[name] = axis.split_at(starts)
    return cells


def representative(cells: tuple[Domain, ...], cell: Domain, given_position: Position | None) -> Position:
    """Return the position that represents a cell of an input.

    It is the nearest position to the given answer or, without one, to the other cells.
    """
    # The nearest position needs the smallest change.
    if given_position is None:
        return cell.greatest if cell == cells[0] and len(cells) > 1 else cell.least
    return min(max(given_position, cell.least), cell.greatest)


def alternative_positions(
    input_cells: InputCells, given_answers: Mapping[str, Position]
) -> Mapping[str, tuple[Position, ...]]:
    """Return the representatives of each input's cells, without the cell of the given answer."""
    return {
        name: tuple(
            representative(cells, cell, given_answers.get(name))
            for cell in cells
            if name not in given_answers or given_answers[name] not in cell
        )
        for name, cells in input_cells.items()
    }


def _peers(tree: Tree) -> Mapping[str, set[str]]:
    """Return the inputs that each compared input is compared with."""
    peers: dict[str, set[str]] = {}
    for pair in tree.compared_pairs:
        for name in pair:
            peers.setdefault(name, set()).update(pair - {name})
    return peers


def _split_around(axis: Domain, position: Position) -> tuple[Domain, Domain]:
    """Return the parts of an axis from a position on, and after it."""
    return axis.from_(position), axis.from_(position, strict=True)


def _landmarks(
    axis: Domain, starts: frozenset[Position], given_position: Position | None
) -> set[Position]:
    """Return the given position and the ends of the cells that begin at `starts`."""
    ends = {end for cell in axis.split_at(starts) for end in (cell.least, cell.greatest)}
    return ends if given_position is None else ends | {given_position}


def partition_against(tree: Tree, name: str, other: str) -> tuple[Domain, ...]:
    """Return the axis of an input, cut where the cells of another input begin and end."""
    axis = tree.axes[name]
    landmarks = _landmarks(tree.axes[other], tree.thresholds[other], None)
    starts = (part.least for mark in landmarks for part in _split_around(axis, mark) if part)
    return axis.split_at({axis.least, *starts})


MAX_COUNTING_STEPS = 50_000
"""Steps that the counting of profile classes may take, for all regions together."""


class ProfileClasses:
    """Counts classes of profiles, within which no test of some trees separates two profiles.

    A class gives each boolean and enum a value, each number a cell of its axis, and each pair of compared
    inputs a relation. `names` are the inputs that count; each has the same axis in all the trees.
    """

    def __init__(self, trees: Sequence[Tree], names: Collection[str]) -> None:
        self._cells = {
            name: trees[0].axes[name].split_at(set().union(*(tree.thresholds[name] for tree in trees)))
            for name in names
        }
        pairs = {pair for tree in trees for pair in tree.compared_pairs if pair <= set(names)}
        # Sorted, so that the same trees take the same steps and reach the limit at the same point.
        self._groups = [
            (group, sorted(tuple(sorted(pair)) for pair in pairs if pair <= group))
            for group in _connected(pairs)
        ]
        self._compared = frozenset().union(*pairs)
        self._counts: dict[object, int] = {}
        self._steps_left = MAX_COUNTING_STEPS

    @property
    def exhausted(self) -> bool:
        """Whether there were too many classes to count. The counts are lower bounds then."""
        return self._steps_left < 0

    def count(self, region: Region) -> int:
        """Return the number of classes in a region. The region must not cut through a class."""
        # Inputs that aren't compared don't depend on each other, so their numbers can be multiplied.
        uncompared = (
            sum(1 for cell in cells if cell & region.domain(name))
            for name, cells in self._cells.items()
            if name not in self._compared
        )
        compared = (self._count_group(region, group, pairs) for group, pairs in self._groups)
        return prod(uncompared) * prod(compared)

    def _count_group(
        self, region: Region, group: frozenset[str], pairs: Sequence[tuple[str, ...]]
    ) -> int:
        """Return the number of classes in a region, for one group of compared inputs."""
        key = region.cache_key(group)
        if key not in self._counts:
            choices: list[list[Condition]] = [
                [InDomain(name, cell) for cell in self._cells[name]] for name in sorted(group)
            ]
            choices += [
                [InRelation(name, frozenset({relation}), other) for relation in sorted(ALL_RELATIONS)]
                for name, other in pairs
            ]
            self._counts[key] = self._count_combinations(region, choices)
        return self._counts[key]

    def _count_combinations(self, region: Region, choices: Sequence[Sequence[Condition]]) -> int:
        """Return how many combinations of a condition from each choice a profile of a region can meet.

        The result is 1 once the counting is exhausted.
        """
        self._steps_left -= 1 + len(region.orders)
        if not choices or self.exhausted:
            return 1
        first, *others = choices
        narrowed = (region.narrow(condition) for condition in first)
        return sum(self._count_combinations(part, others) for part in narrowed if part)


def _connected(pairs: Iterable[frozenset[str]]) -> Sequence[frozenset[str]]:
    """Return groups of inputs that pairs connect, in an order that depends only on the pairs."""
    groups: list[frozenset[str]] = []
    for pair in pairs:
        touched = [group for group in groups if group & pair]
        groups = [group for group in groups if not group & pair] + [pair.union(*touched)]
    return sorted(groups, key=sorted)
