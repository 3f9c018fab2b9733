"""Paths: every way from the root of a tree to a recommendation, and which of them answers rule out."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from finetune_advisor.engine.model.domain import Domain, Position, neighbours
from finetune_advisor.engine.model.region import Order, Region
from finetune_advisor.engine.model.tree import Branch, Tree

Edge = tuple[str, int]
"""A branch: the question's id, and the branch's place there."""

Paths = int
"""A set of a tree's paths: bit n stands for the nth path."""

MOST_STEPS = 200_000
"""The most steps of all paths together that a tree may have to get a table; 1.0.0 has 56."""

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

    `demands` are the different things that paths ask of them, each with the paths that do, if any; the
    first asks nothing. As no order leaves a block, a path goes with a profile exactly if it does in every
    block.
    """

    names: tuple[str, ...]
    demands: tuple[tuple[Region, Paths], ...]
    starts: Mapping[str, tuple[Position, ...]]
    """Where the cells of each input begin: no demand tells two positions of a cell apart while nothing is
    known of the block's other inputs.
    """

    def ruled_out(self, answers: Answers) -> Paths:
        """The paths that no profile with these answers takes, as far as this block tells."""
        given = self.known(answers)
        if len(given) == 1:
            [(name, position)] = given.items()
            return self.ruled_out_by(name, position)
        return self._contradicted(given) if given else 0

    def ruled_out_by(self, name: str, position: Position) -> Paths:
        """As `ruled_out`, for the answer to one input of the block alone."""
        cell = name, bisect_right(self.starts[name], position)
        found = self._by_cell.get(cell)
        if found is None:
            found = self._by_cell[cell] = self._contradicted({name: position})
        return found

    def compatible(self, which: int, answers: Answers) -> Paths:
        """The paths that some profile with these answers can take while it meets a demand too, which is
        given by its place.
        """
        wanted, given = self.demands[which][0], self.known(answers)
        return union(paths for region, paths in self.demands if _meet(wanted, region, given))

    def compatible_but_for(self, name: str, which: int, answers: Answers) -> Paths:
        """As `compatible`, if the profile may take the paths with another answer to one input, which isn't
        among the answers.
        """
        twin, given = f"{name}'", self.known(answers)
        wanted = self.demands[which][0].with_twin(name, twin)
        renamed = ((region.renamed(name, twin), paths) for region, paths in self.demands)
        return union(paths for region, paths in renamed if _meet(wanted, region, given))

    def cell_of(self, answers: Answers) -> tuple[tuple[str, Position], ...]:
        """What these answers come to for `compatible`: equal for equal results."""
        given = self.known(answers)
        if len(given) == 1:
            [(name, position)] = given.items()
            return ((name, bisect_right(self.starts[name], position)),)
        return tuple(given.items())

    def known(self, answers: Answers) -> Answers:
        """Those of the answers that are to the inputs of this block."""
        return {name: answers[name] for name in self.names if name in answers}

    @cached_property
    def tests(self) -> int:
        """How many domains and orders some answers are held against, at most, to see what they rule out."""
        if len(self.names) == 1:
            return 1
        return sum(1 + len(region.orders) for region, _ in self.demands)

    @cached_property
    def _by_cell(self) -> dict[tuple[str, int], Paths]:
        """What is known of `ruled_out_by`."""
        return {}

    def _contradicted(self, given: Answers) -> Paths:
        found = 0
        for region, paths in self.demands:
            if not region.has(given):
                found |= paths
        return found


def _meet(one: Region, other: Region, given: Answers) -> bool:
    """Whether some profile of both regions has some answers."""
    both = one.intersection(other)
    return both is not None and both.has(given)


class PathTable:
    """The paths of a tree as sets of bits: what answers leave of them is a matter of a few operations.

    `every` is the set of all paths, `ending` has those to each recommendation, `blocks` are the blocks of
    inputs in the order of their first ones. `needing` has for each block the paths that need an answer
    there: profiles that take such a path don't all end as it does unless something of the block is known,
    as at some question on it another answer leads to other recommendations alone. `turns` are the questions
    in tree order, each with the paths that come to it, and with its branches and the paths that take them.
    """

    def __init__(self, tree: Tree, every: Sequence[Way]) -> None:
        self.tree = tree
        self.every = (1 << len(every)) - 1
        self.ending = dict.fromkeys(tree.recommendations, 0)
        for place, way in enumerate(every):
            self.ending[way.node] |= 1 << place
        self._ranked = sorted(self.ending.items(), key=lambda one: tree.rank[one[0]])
        self.blocks = tuple(_block(tree, names, every) for names in tree.blocks)
        self.needing = self._needing(every)
        self.turns = tuple(self._turns(every))
        self._asked = self._demands(len(every))

    @classmethod
    def of(cls, tree: Tree, most_steps: int = MOST_STEPS) -> PathTable | None:
        """The table of a sound tree, or None for one whose paths have more than so many steps in all."""
        found, left = [], most_steps
        for way in ways(tree):
            left -= len(way.steps)
            if left < 0:
                return None
            found.append(way)
        return cls(tree, found)

    def ends(self, paths: Paths) -> tuple[str, ...]:
        """The recommendations that some of these paths end in, in tree order."""
        return tuple([name for name, ending in self._ranked if ending & paths])

    def asked(self, path: Paths) -> Sequence[tuple[int, int]]:
        """The demands that a path makes, each as the place of its block and its own place there; of all
        other blocks it asks nothing.
        """
        return self._asked[path.bit_length() - 1]

    def _turns(
        self, every: Sequence[Way]
    ) -> Iterator[tuple[str, Paths, Sequence[tuple[Branch, Paths]]]]:
        taking: dict[Edge, Paths] = {}
        for place, way in enumerate(every):
            for step in way.steps:
                taking[step] = taking.get(step, 0) | 1 << place
        for question in self.tree.ordered:
            paths = [taking.get((question.id, turn), 0) for turn in range(len(question.branches))]
            yield question.id, union(paths), tuple(zip(question.branches, paths, strict=True))

    def _demands(self, count: int) -> Sequence[Sequence[tuple[int, int]]]:
        found: list[list[tuple[int, int]]] = [[] for _ in range(count)]
        for place, block in enumerate(self.blocks):
            for which, (_, paths) in enumerate(block.demands[1:], 1):
                for path in members(paths):
                    found[path.bit_length() - 1].append((place, which))
        return found

    def _needing(self, every: Sequence[Way]) -> tuple[Paths, ...]:
        after, paths = _beginnings(every)
        block_of = {name: place for place, block in enumerate(self.blocks) for name in block.names}
        found = [0] * len(self.blocks)
        for place, way in enumerate(every):
            here = 0
            for node, index in way.steps:
                question = self.tree.questions[node]
                turns = ((here, (node, turn)) for turn in range(len(question.branches)) if turn != index)
                others = (paths[after[turn]] for turn in turns if turn in after)
                if any(not other & self.ending[way.node] for other in others):
                    found[block_of[question.input]] |= 1 << place
                here = after[here, (node, index)]
        return tuple(found)


def _beginnings(every: Sequence[Way]) -> tuple[Mapping[tuple[int, Edge], int], Sequence[Paths]]:
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


def _block(tree: Tree, names: tuple[str, ...], every: Sequence[Way]) -> Block:
    nothing: tuple[tuple[tuple[str, Domain], ...], frozenset[Order]] = ((), frozenset())
    demands: dict[tuple[tuple[tuple[str, Domain], ...], frozenset[Order]], Paths] = {nothing: 0}
    for place, way in enumerate(every):
        here = way.region
        asked = tuple((name, here.domains[name]) for name in names if name in here.domains)
        key = (asked, frozenset(order for order in here.orders if order.low in names))
        demands[key] = demands.get(key, 0) | 1 << place
    regions = ((Region(tree.axes, dict(asked), orders), ps) for (asked, orders), ps in demands.items())
    demands_ = tuple(regions)
    return Block(names, demands_, {name: tuple(_starts(tree, names, name, demands_)) for name in names})


def _starts(
    tree: Tree, names: tuple[str, ...], name: str, demands: Sequence[tuple[Region, Paths]]
) -> list[Position]:
    """Where the cells of an input of a block begin.

    An order carries the end of a span to the inputs that it ties, moved by one position at most for each
    order on the way. So a cell can begin only at the ends of spans or within that distance.
    """
    if len(names) == 1:
        return [cell.least for cell in tree.cells[name]]
    domains = [tree.axes[one] for one in names]
    domains += [domain for region, _ in demands for domain in region.domains.values()]
    starts = {end for domain in domains for span in domain.spans for end in span}
    kinds = {domain.dense for domain in domains}
    for _ in names:
        starts |= {
            beside for end in starts for dense in kinds for beside in neighbours(end, dense=dense)
        }
    return sorted(starts)


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
