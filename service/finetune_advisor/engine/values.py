"""Values that stand for all: a finite choice of other answers to each input that loses no outcome."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise
from math import prod

from finetune_advisor.engine.branching import EVERY_RELATION, Condition, Related, Within
from finetune_advisor.engine.domain import Domain, Position
from finetune_advisor.engine.region import Region
from finetune_advisor.engine.tree import Tree


def alternatives(tree: Tree, given: Mapping[str, Position]) -> Mapping[str, tuple[Position, ...]]:
    """For each input, other positions than the given one, such that every position there is goes the same
    ways through the tree as one of them or as the given one.

    The tests of an input cut its axis into cells. Each cell is represented by the position nearest to the
    given one, or to the other cells if nothing is given. Inputs that are compared cut each other's axes at
    the positions that stand for them, and at the ends of the cells of one that is unknown.
    """
    peers = _peers(tree)
    cuts = {name: _cuts(tree, name) for name in tree.inputs}
    fixed = {name: _landmarks(tree.axes[name], cuts[name], given.get(name)) for name in peers}
    chosen = {name: _represent(tree.axes[name], cuts[name], given.get(name)) for name in tree.inputs}
    for _ in peers:
        spots = {name: fixed[name].union(chosen[name]) for name in peers}
        for name, others in peers.items():
            axis = tree.axes[name]
            around = (part for other in others for spot in spots[other] for part in _parts(axis, spot))
            starts = cuts[name].union(part.least for part in around if part)
            chosen[name] = _represent(axis, starts, given.get(name))
    return chosen


def _peers(tree: Tree) -> Mapping[str, set[str]]:
    """The inputs that each compared input is compared with."""
    peers: dict[str, set[str]] = {}
    for pair in _pairs(tree):
        for name in pair:
            peers.setdefault(name, set()).update(pair - {name})
    return peers


def _pairs(tree: Tree) -> set[frozenset[str]]:
    """The pairs of inputs that some question compares."""
    return {frozenset(question.inputs) for question in tree.questions.values() if question.compared_to}


def _cuts(tree: Tree, name: str) -> set[Position]:
    """Where a cell of an input's axis starts: at each span that some test of it alone takes."""
    domains = (
        condition.domain
        for cases in tree.cases.values()
        for condition, _ in cases
        if isinstance(condition, Within) and condition.input == name
    )
    starts = {low for domain in domains for low, _ in domain.spans}
    if tree.inputs[name].numeric:
        return starts | {tree.axes[name].least}
    low, high = tree.axes[name].spans[0]
    return set(range(int(low), int(high) + 1))


def _parts(axis: Domain, spot: Position) -> tuple[Domain, Domain]:
    return axis.from_(spot), axis.from_(spot, strict=True)


def _landmarks(axis: Domain, starts: set[Position], given: Position | None) -> set[Position]:
    """Where an input lies, or may lie at the utmost."""
    if given is not None:
        return {given}
    return {end for cell in _cells(axis, starts) for end in (cell.least, cell.greatest)}


def _represent(axis: Domain, starts: set[Position], given: Position | None) -> tuple[Position, ...]:
    """The position of each cell that stands for it; none for the cell of the given position."""
    cells = _cells(axis, starts)
    if given is None:
        first, *others = cells
        return (first.greatest if others else first.least, *(cell.least for cell in others))
    return tuple(
        cell.least if cell.least > given else cell.greatest for cell in cells if given not in cell
    )


def _cells(axis: Domain, starts: Iterable[Position]) -> list[Domain]:
    """An axis cut at some starts, of which its least position is one."""
    ordered = sorted(starts)
    cells = [axis.from_(start).up_to(end, strict=True) for start, end in pairwise(ordered)]
    return [*cells, axis.from_(ordered[-1])]


class Kinds:
    """Kinds of profiles: numbers that no test of some trees tells apart make no difference.

    `names` are the inputs that count, which have one axis in all the trees. A kind gives each boolean and
    enum a value, each number a cell of its axis, and each pair of compared inputs a relation.
    """

    def __init__(self, trees: Sequence[Tree], names: Collection[str]) -> None:
        self._cells = {
            name: _cells(trees[0].axes[name], set().union(*(_cuts(tree, name) for tree in trees)))
            for name in names
        }
        pairs = {pair for tree in trees for pair in _pairs(tree) if pair <= set(names)}
        self._pairs = sorted(tuple(sorted(pair)) for pair in pairs)
        self._compared = frozenset().union(*pairs)
        self._known: dict[object, int] = {}

    def count(self, region: Region) -> int:
        """How many kinds a region has that is made of whole kinds."""
        alone = (
            sum(1 for cell in cells if cell & region.domain(name))
            for name, cells in self._cells.items()
            if name not in self._compared
        )
        return prod(alone) * self._count_compared(region)

    def _count_compared(self, region: Region) -> int:
        key = region.about(self._compared)
        if key not in self._known:
            choices: list[list[Condition]] = [
                [Within(name, cell) for cell in self._cells[name]] for name in sorted(self._compared)
            ]
            choices += [
                [Related(one, frozenset({relation}), other) for relation in sorted(EVERY_RELATION)]
                for one, other in self._pairs
            ]
            self._known[key] = _count(region, choices)
        return self._known[key]


def _count(region: Region, choices: Sequence[Sequence[Condition]]) -> int:
    """How many combinations of one condition from each choice some profile of a region meets."""
    if not choices:
        return 1
    first, *others = choices
    narrowed = (region.narrow(condition) for condition in first)
    return sum(_count(here, others) for here in narrowed if here)
