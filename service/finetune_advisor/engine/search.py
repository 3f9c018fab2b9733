"""The search for minimal sets of answers that force an outcome."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from heapq import heappop, heappush
from itertools import count, islice, product
from typing import NamedTuple

from finetune_advisor.engine.domain import Position
from finetune_advisor.engine.paths import Answers, Block, Paths, PathTable, members, union

MOST_STATES = 200
"""How many states a search looks at before it gives up: some 10 ms of work on a tree of 40 questions."""

MOST_COMBINATIONS = 5_000
"""How many combinations of answers to compared inputs a search tries."""


MOST_ADDED = 10_000
"""How many options a search adds to states in all: one state can have very many combinations of them."""


class Option(NamedTuple):
    """Changed answers to inputs of one block, and the paths that the block then rules out.

    `shape` has a bit for each changed input and its choice, with all numbers of an input as one.
    `distance` is how far numbers move, as shares of their ranges.
    """

    block: Block
    changes: tuple[tuple[str, Position], ...]
    rules_out: Paths
    shape: int
    distance: float


class _State(NamedTuple):
    """Options on the way to a set that forces `end`, where `path` is one that profiles with that set take.

    `size`, `shape` and `distance` are those of the options together; `begun` says that they have what
    every such set must have.
    """

    end: str
    path: Paths
    options: tuple[Option, ...] = ()
    size: int = 0
    shape: int = 0
    distance: float = 0
    begun: bool = False

    def having(self, option: Option) -> _State:
        """The state with one more option."""
        return _State(
            self.end,
            self.path,
            (*self.options, option),
            self.size + len(option.changes),
            self.shape | option.shape,
            self.distance + option.distance,
            begun=True,
        )


class Search:
    """A search for minimal sets of changes, with a bound on its work.

    A set of changes forces an outcome if it rules out every path to another one. There can be more minimal
    sets than anybody can wait for: with all inputs unknown, their number grows doubly with a tree's depth.
    `exhausted` says that a bound was met and sets may be missing.
    """

    def __init__(
        self,
        table: PathTable,
        given: Answers,
        choices: Mapping[str, Sequence[Position]],
        work: int = MOST_STATES,
    ) -> None:
        self.table, self.given, self.work, self.exhausted = table, given, work, False
        self._silent = {block for block in table.blocks if given.keys().isdisjoint(block.names)}
        kept = {block: block.ruled_out(given) for block in table.blocks}
        self._kept = {block: paths for block, paths in kept.items() if paths}
        self._shapes: dict[object, int] = {}
        every = ((block, self._options_of(block, choices)) for block in table.blocks)
        self._options = {block: options for block, options in every if options}
        self._waiting: list[tuple[int, float, int, int, _State]] = []
        self._tickets = count()
        self._left = MOST_ADDED
        self._seen: set[object] = set()
        self._found: dict[str, list[int]] = {}
        self._fitting: dict[Paths, Mapping[Block, list[Option]]] = {}

    def forcing(self, targets: Mapping[str, Paths]) -> Iterator[tuple[str, Answers]]:
        """Every minimal set of changes that makes all profiles end in one of some recommendations, in
        order of size and of how far numbers move; of sets that differ in numbers alone, the first.

        `targets` has for each recommendation some paths to it, one of which some profile with the changes
        must take.
        """
        self._found = {end: [] for end in targets}
        for end, paths in targets.items():
            for path in members(paths):
                self._wait(_State(end, path), self._least(path))
        while self._waiting:
            size, *_, state = heappop(self._waiting)
            if self._covered(state):
                continue
            if state.begun and size == state.size:
                self._found[state.end].append(state.shape)
                yield state.end, {n: p for option in state.options for n, p in option.changes}
                continue
            if self.work <= 0:
                self.exhausted = True
                return
            self.work -= 1
            groups = self._onwards(state) if state.begun else self._beginnings(state.path)
            for following in self._with_one_of_each(state._replace(begun=True), sorted(groups, key=len)):
                if self._all_count(following):
                    self._wait(following, following.size + bool(self._astray(following)))
            if self._left < 0:
                self.exhausted = True
                return

    def _covered(self, state: _State) -> bool:
        """Whether a set that was found is part of a state's."""
        return any(one & state.shape == one for one in self._found[state.end])

    def _with_one_of_each(self, state: _State, groups: Sequence[Sequence[Option]]) -> Iterator[_State]:
        """The state with an option from each group, in every combination that isn't covered."""
        if not groups:
            yield state
            return
        first, *others = groups
        for option in first:
            self._left -= 1
            if self._left < 0:
                return
            following = state.having(option)
            if not self._covered(following):
                yield from self._with_one_of_each(following, others)

    def _wait(self, state: _State, size: int) -> None:
        """Have a state looked at later, unless the same options came together before."""
        key = (state.begun, state.path, frozenset(map(id, state.options)))
        if key in self._seen:
            return
        self._seen.add(key)
        rank = self.table.tree.rank[state.end]
        heappush(self._waiting, (size, state.distance, rank, next(self._tickets), state))

    def _least(self, path: Paths) -> int:
        """The least number of changes with which some profile takes a path, and none goes elsewhere."""
        blocked = sum(1 for paths in self._kept.values() if paths & path)
        return blocked + len(self.table.needed(path) & self._silent)

    def _required(self, path: Paths) -> list[Block]:
        """The blocks in which any such set has a change: those that rule the path out or, though they
        must not, say nothing.
        """
        needed = self.table.needed(path)
        return [
            block
            for block in self.table.blocks
            if self._kept.get(block, 0) & path or (block in needed and block in self._silent)
        ]

    def _beginnings(self, path: Paths) -> list[list[Option]]:
        """What every such set has at least: an option of each of some blocks."""
        return [self._compatible(path).get(block, []) for block in self._required(path)]

    def _compatible(self, path: Paths) -> Mapping[Block, list[Option]]:
        """The options of each block with which some profile takes a path."""
        if path not in self._fitting:
            self._fitting[path] = {
                block: [option for option in options if not option.rules_out & path]
                for block, options in self._options.items()
            }
        return self._fitting[path]

    def _astray(self, state: _State) -> Paths:
        """The paths to other recommendations that are left."""
        ruled_out = self._kept | {option.block: option.rules_out for option in state.options}
        elsewhere = self.table.every ^ self.table.ending[state.end]
        return elsewhere & ~union(ruled_out.values())

    def _all_count(self, state: _State) -> bool:
        """Whether each option rules out a path to elsewhere that no other one does, nor what is given."""
        once = twice = 0
        for option in state.options:
            twice |= once & option.rules_out
            once |= option.rules_out
        alone = once & ~twice & ~self.table.ending[state.end]
        return all(
            option.rules_out & alone & ~self._kept.get(option.block, 0) for option in state.options
        )

    def _onwards(self, state: _State) -> list[list[Option]]:
        """What every set with the state's options has beside them, if it forces the end: an option of
        each block that alone rules out some path that is left or, if there is none, one of some options.
        """
        astray = self._astray(state)
        changed = {option.block for option in state.options}
        useful = {
            block: [option for option in options if option.rules_out & astray]
            for block, options in self._compatible(state.path).items()
            if block not in changed
        }
        reaches = {block: union(one.rules_out for one in options) for block, options in useful.items()}
        once = twice = thrice = 0
        for reach in reaches.values():
            thrice |= twice & reach
            twice |= once & reach
            once |= reach
        if astray & ~once:
            return [[]]
        alone = astray & ~twice
        if alone:
            return [useful[block] for block, reach in reaches.items() if reach & alone]
        hardest = next(members(astray & ~thrice or astray))
        every = (one for options in useful.values() for one in options)
        return [[one for one in every if one.rules_out & hardest]]

    def _options_of(self, block: Block, choices: Mapping[str, Sequence[Position]]) -> list[Option]:
        """A block's options, nearest first, without those that do no more than a nearer one."""
        combinations = product(*([None, *choices[name]] for name in block.names))
        kept = {name: self.given[name] for name in block.names if name in self.given}
        tried = [self._option(block, kept, one) for one in islice(combinations, MOST_COMBINATIONS)]
        self.exhausted |= next(combinations, None) is not None
        tried.sort(key=lambda option: (len(option.changes), option.distance))
        different = {(option.shape, option.rules_out): option for option in reversed(tried)}
        return [option for option in reversed(different.values()) if option.changes]

    def _option(self, block: Block, kept: Answers, positions: Sequence[Position | None]) -> Option:
        pairs = zip(block.names, positions, strict=True)
        changes = {name: position for name, position in pairs if position is not None}
        shape, distance = 0, 0.0
        for name, position in changes.items():
            one, before = self.table.tree.inputs[name], kept.get(name)
            key = (name, None if one.numeric else position)
            shape |= self._shapes.setdefault(key, 1 << len(self._shapes))
            if one.numeric and before is not None:
                distance += abs(position - before) / one.width
        rules_out = block.ruled_out({**kept, **changes})
        return Option(block, tuple(changes.items()), rules_out, shape, distance)
