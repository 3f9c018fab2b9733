"""Values that stand for all: a finite choice of other answers to each input that loses no outcome."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from math import prod

from finetune_advisor.engine.model.conditions import ALL_RELATIONS, Condition, InDomain, InRelation
from finetune_advisor.engine.model.domain import Domain, Position
from finetune_advisor.engine.model.region import Region
from finetune_advisor.engine.model.tree import Tree

InputCells = Mapping[str, tuple[Domain, ...]]

MAX_CELLS = 10_000
"""How many cells inputs that are compared with each other may be cut into, all rounds of cutting together."""


def partition_inputs(tree: Tree, given: Mapping[str, Position]) -> InputCells:
    """Each input's axis, cut so that all positions of a cell go the same ways through the tree.

    The tests of an input cut its axis. Inputs that are compared cut each other's axes too: at the
    positions that stand for their cells (`stand_in`), and at the ends of those. Inputs whose cells are too
    many are left out.
    """
    peers = _peers(tree)
    found = {**tree.partition}
    for block in tree.blocks:
        if len(block) > 1:
            together = _partition_compared_inputs(
                tree, given, {name: peers[name] for name in block}, found
            )
            for name in block:
                del found[name]
            found |= together or {}
    return found


def _partition_compared_inputs(
    tree: Tree, given: Mapping[str, Position], peers: Mapping[str, set[str]], found: InputCells
) -> InputCells | None:
    """The cells of a block of inputs, each of which is compared with its peers; None if they are too many."""
    fixed = {name: _landmarks(tree.axes[name], tree.thresholds[name], given.get(name)) for name in peers}
    found = {name: found[name] for name in peers}
    left = MAX_CELLS
    for _ in peers:
        left -= sum(map(len, found.values()))
        if left < 0:
            return None
        spots = {
            name: fixed[name].union(
                representative(found[name], cell, given.get(name)) for cell in found[name]
            )
            for name in peers
        }
        for name, others in peers.items():
            axis = tree.axes[name]
            around = (
                part for other in others for spot in spots[other] for part in _split_around(axis, spot)
            )
            found[name] = axis.split_at(
                tree.thresholds[name].union(part.least for part in around if part)
            )
    return found


def representative(all_: tuple[Domain, ...], cell: Domain, given: Position | None) -> Position:
    """The position that stands for a cell: the nearest to the given one or, without one, to the others."""
    if given is None:
        return cell.greatest if cell == all_[0] and len(all_) > 1 else cell.least
    return min(max(given, cell.least), cell.greatest)


def alternative_positions(
    found: InputCells, given: Mapping[str, Position]
) -> Mapping[str, tuple[Position, ...]]:
    """For each input, the position that stands for each cell but the given one's."""
    return {
        name: tuple(
            representative(all_, cell, given.get(name))
            for cell in all_
            if name not in given or given[name] not in cell
        )
        for name, all_ in found.items()
    }


def _peers(tree: Tree) -> Mapping[str, set[str]]:
    """The inputs that each compared input is compared with."""
    peers: dict[str, set[str]] = {}
    for pair in tree.compared_pairs:
        for name in pair:
            peers.setdefault(name, set()).update(pair - {name})
    return peers


def _split_around(axis: Domain, spot: Position) -> tuple[Domain, Domain]:
    return axis.from_(spot), axis.from_(spot, strict=True)


def _landmarks(axis: Domain, starts: frozenset[Position], given: Position | None) -> set[Position]:
    """Where an input lies, and how far it can move before a test tells."""
    ends = {end for cell in axis.split_at(starts) for end in (cell.least, cell.greatest)}
    return ends if given is None else ends | {given}


def partition_against(tree: Tree, name: str, other: str) -> tuple[Domain, ...]:
    """An input's axis, cut where the cells of another one end."""
    axis = tree.axes[name]
    spots = _landmarks(tree.axes[other], tree.thresholds[other], None)
    starts = (part.least for spot in spots for part in _split_around(axis, spot) if part)
    return axis.split_at({axis.least, *starts})


MAX_COUNTING_STEPS = 50_000
"""How many steps the counting of kinds takes, of all regions together."""


class ProfileClasses:
    """Kinds of profiles: numbers that no test of some trees tells apart make no difference.

    `names` are the inputs that count, which have one axis in all the trees. A kind gives each boolean and
    enum a value, each number a cell of its axis, and each pair of compared inputs a relation. `exhausted`
    says that kinds of compared inputs were too many to count: there are more than were counted.
    """

    def __init__(self, trees: Sequence[Tree], names: Collection[str]) -> None:
        self._cells = {
            name: trees[0].axes[name].split_at(set().union(*(tree.thresholds[name] for tree in trees)))
            for name in names
        }
        pairs = {pair for tree in trees for pair in tree.compared_pairs if pair <= set(names)}
        self._blocks = [
            (block, sorted(tuple(sorted(pair)) for pair in pairs if pair <= block))
            for block in _connected(pairs)
        ]
        self._compared = frozenset().union(*pairs)
        self._known: dict[object, int] = {}
        self._left = MAX_COUNTING_STEPS

    @property
    def exhausted(self) -> bool:
        return self._left < 0

    def count(self, region: Region) -> int:
        """How many kinds a region has that is made of whole kinds."""
        alone = (
            sum(1 for cell in cells if cell & region.domain(name))
            for name, cells in self._cells.items()
            if name not in self._compared
        )
        compared = (self._count_compared(region, block, pairs) for block, pairs in self._blocks)
        return prod(alone) * prod(compared)

    def _count_compared(
        self, region: Region, block: frozenset[str], pairs: Sequence[tuple[str, ...]]
    ) -> int:
        """How many kinds a region has of inputs that are compared with each other alone."""
        key = region.cache_key(block)
        if key not in self._known:
            choices: list[list[Condition]] = [
                [InDomain(name, cell) for cell in self._cells[name]] for name in sorted(block)
            ]
            choices += [
                [InRelation(one, frozenset({relation}), other) for relation in sorted(ALL_RELATIONS)]
                for one, other in pairs
            ]
            self._known[key] = self._count(region, choices)
        return self._known[key]

    def _count(self, region: Region, choices: Sequence[Sequence[Condition]]) -> int:
        """How many combinations of one condition from each choice some profile of a region meets; one, once
        the counting has taken all its steps.
        """
        self._left -= 1 + len(region.orders)
        if not choices or self.exhausted:
            return 1
        first, *others = choices
        narrowed = (region.narrow(condition) for condition in first)
        return sum(self._count(here, others) for here in narrowed if here)


def _connected(pairs: Iterable[frozenset[str]]) -> Sequence[frozenset[str]]:
    """The inputs of some pairs, together where pairs connect them; the same order for the same pairs."""
    blocks: list[frozenset[str]] = []
    for pair in pairs:
        touched = [block for block in blocks if block & pair]
        blocks = [block for block in blocks if not block & pair] + [pair.union(*touched)]
    return sorted(blocks, key=sorted)
