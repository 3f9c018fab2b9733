"""Paths: every way from the root of a tree to a recommendation, and which of them answers rule out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from finetune_advisor.engine.branching import Within
from finetune_advisor.engine.domain import Domain, Position
from finetune_advisor.engine.region import Order, Region
from finetune_advisor.engine.tree import Tree

Edge = tuple[str, int]
"""A branch: the question's id, and the branch's place there."""

Paths = int
"""A set of a tree's paths: bit n stands for the nth path."""

Answers = Mapping[str, Position]


@dataclass(frozen=True)
class Way:
    """The beginning of a path: the branches so far, where they lead, and the profiles that take them."""

    steps: tuple[Edge, ...]
    node: str
    region: Region


def ways(tree: Tree, start: Way | None = None) -> Iterator[Way]:
    """Every way to a recommendation that some profile takes, or of those, the ones that begin as `start`
    does; those of an earlier branch first.
    """
    waiting = [start or beginning(tree)]
    while waiting:
        way = waiting.pop()
        if way.node in tree.recommendations:
            yield way
        else:
            waiting.extend(reversed([*onwards(tree, way)]))


def beginning(tree: Tree) -> Way:
    """The way of all profiles, at the root."""
    return Way((), tree.root, Region(tree.axes, {}))


def onwards(tree: Tree, way: Way) -> Iterator[Way]:
    """The ways that go one branch further."""
    for index, (condition, branch) in enumerate(tree.cases[way.node]):
        narrowed = way.region.narrow(condition)
        if narrowed:
            yield Way((*way.steps, (way.node, index)), branch.to, narrowed)


@dataclass(frozen=True, eq=False)
class Block:
    """Inputs that are compared with each other, directly or through others; one alone otherwise.

    `demands` are the different things that paths ask of them, each with the paths that do. As no order
    leaves a block, a path goes with a profile exactly if it does in every block.
    """

    names: tuple[str, ...]
    demands: tuple[tuple[Region, Paths], ...]

    def ruled_out(self, answers: Answers) -> Paths:
        """The paths that no profile with these answers takes, as far as this block tells."""
        given = {name: answers[name] for name in self.names if name in answers}
        found = 0
        for region, paths in self.demands if given else ():
            if not _fits(region, given):
                found |= paths
        return found


def _fits(region: Region, given: Answers) -> bool:
    """Whether some profile of a region has some answers; its domains are as tight as its orders allow."""
    for name, position in given.items():
        if name in region.domains and position not in region.domains[name]:
            return False
    if len(given) < 2 or not region.orders:
        return True
    if all(order.low in given and order.high in given for order in region.orders):
        return all(order.holds(given[order.low], given[order.high]) for order in region.orders)
    here: Region | None = region
    for name, position in given.items():
        spot = Domain(((position, position),), region.axes[name].dense)
        here = here and here.narrow(Within(name, spot))
    return here is not None


class PathTable:
    """The paths of a tree as sets of bits: what answers leave of them is a matter of a few operations."""

    def __init__(self, tree: Tree, every: Iterable[Way]) -> None:
        self.tree = tree
        self._ways = tuple(every)
        self._needed: dict[Paths, frozenset[Block]] = {}

    @classmethod
    def of(cls, tree: Tree, most_steps: int) -> PathTable | None:
        """The table of a sound tree, or None for one whose paths have more than so many steps in all."""
        found, left = [], most_steps
        for way in ways(tree):
            left -= len(way.steps)
            if left < 0:
                return None
            found.append(way)
        return cls(tree, found)

    @cached_property
    def every(self) -> Paths:
        """All paths."""
        return (1 << len(self._ways)) - 1

    @cached_property
    def ending(self) -> Mapping[str, Paths]:
        """The paths to each recommendation."""
        found = dict.fromkeys(self.tree.recommendations, 0)
        for place, way in enumerate(self._ways):
            found[way.node] |= 1 << place
        return found

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The blocks of inputs, in the order of their first ones."""
        return tuple(self._block(names) for names in self.tree.blocks)

    def ends(self, paths: Paths) -> tuple[str, ...]:
        """The recommendations that some of these paths end in, in tree order."""
        found = (name for name, ending in self._ranked if ending & paths)
        return tuple(found)

    @cached_property
    def _ranked(self) -> tuple[tuple[str, Paths], ...]:
        return tuple(sorted(self.ending.items(), key=lambda one: self.tree.rank[one[0]]))

    def needed(self, path: Paths) -> frozenset[Block]:
        """The blocks of which something must be known if profiles that take a path are all to end as it
        does: at some question on it, another answer leads to other recommendations alone.
        """
        if path not in self._needed:
            self._needed[path] = frozenset(self._decisive(self._ways[path.bit_length() - 1]))
        return self._needed[path]

    def _decisive(self, way: Way) -> Iterator[Block]:
        for place, (node, _) in enumerate(way.steps):
            question = self.tree.questions[node]
            turns = ((*way.steps[:place], (node, turn)) for turn in range(len(question.branches)))
            others = (self._beginning.get(turn, 0) for turn in turns if turn[-1] != way.steps[place])
            if any(paths and not paths & self.ending[way.node] for paths in others):
                yield self._block_of[question.input]

    @cached_property
    def _beginning(self) -> Mapping[tuple[Edge, ...], Paths]:
        """The paths that begin with some steps."""
        found: dict[tuple[Edge, ...], Paths] = {}
        for place, way in enumerate(self._ways):
            for length in range(1, len(way.steps) + 1):
                steps = way.steps[:length]
                found[steps] = found.get(steps, 0) | 1 << place
        return found

    @cached_property
    def _block_of(self) -> Mapping[str, Block]:
        return {name: block for block in self.blocks for name in block.names}

    def _block(self, names: tuple[str, ...]) -> Block:
        demands: dict[tuple[tuple[tuple[str, Domain], ...], frozenset[Order]], Paths] = {}
        for place, way in enumerate(self._ways):
            here = way.region
            asked = tuple((name, here.domains[name]) for name in names if name in here.domains)
            key = (asked, frozenset(order for order in here.orders if order.low in names))
            demands[key] = demands.get(key, 0) | 1 << place
        axes = self.tree.axes
        regions = ((Region(axes, dict(asked), orders), ps) for (asked, orders), ps in demands.items())
        return Block(names, tuple(regions))


def members(paths: Paths) -> Iterator[Paths]:
    """The single paths of a set, each as a set of one."""
    while paths:
        first = paths & -paths
        yield first
        paths ^= first


def union(sets: Iterable[Paths]) -> Paths:
    """The paths of any of these sets."""
    found = 0
    for one in sets:
        found |= one
    return found
