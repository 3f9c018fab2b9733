"""The search for minimal sets of answers that force an outcome."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from heapq import heappop, heappush
from itertools import count
from math import inf
from typing import NamedTuple

from finetune_advisor.engine.analysis.change_options import (
    ChangeOption,
    ChangeOptions,
    CompatibleOptions,
)
from finetune_advisor.engine.evaluation.path_table import (
    AnswerPositions,
    PathSet,
    PathTable,
    iter_bits,
    union_of_paths,
)
from finetune_advisor.engine.model.domain import Position

MAX_SEARCH_STATES = 100
"""How many states a search looks at before it gives up: some 5 ms of work on a tree of 40 questions."""

MAX_ADDED_OPTIONS = 1_000
"""How many options a search adds to states in all: one state can have very many combinations of them."""


class _State(NamedTuple):
    """Options on the way to a set that forces `end`, where `path` is one that profiles with that set take.

    `size` and `shape` are those of the options together, `astray` the paths to elsewhere that they leave.
    `begun` says that they have what every such set must have.
    """

    end: str
    path: PathSet
    options: tuple[ChangeOption, ...] = ()
    size: int = 0
    shape: int = 0
    astray: PathSet = 0
    begun: bool = False


class _SpentError(Exception):
    """A search has met a bound on its work."""


class CounterfactualSearch:
    """A search for minimal sets of changes, with a bound on its work.

    A set of changes forces an outcome if it rules out every path to another one. There can be more minimal
    sets than anybody can wait for: with all inputs unknown, their number grows doubly with a tree's depth.
    `exhausted` says that a bound was met and sets may be missing; of those of fewer than `untried` changes to
    compared inputs, none is missing for that.
    """

    def __init__(
        self,
        table: PathTable,
        options: ChangeOptions,
        given: AnswerPositions,
        choices: Mapping[str, Sequence[Position]],
        work: int = MAX_SEARCH_STATES,
    ) -> None:
        self.table, self.work = table, work
        self._kept = [block.excluded_paths(given) for block in table.input_groups]
        every = [options.of(place, given, choices) for place in range(len(table.input_groups))]
        self._fitting = [one.fitting for one in every]
        self.untried = min(one.untried for one in every)
        self.exhausted = self.untried < inf
        self._fitting_of: dict[PathSet, Sequence[CompatibleOptions]] = {}
        self._blocking = [
            needing if given.keys().isdisjoint(block.names) else kept
            for block, needing, kept in zip(
                table.input_groups, table.paths_needing_group, self._kept, strict=True
            )
        ]
        self._beside: dict[frozenset[int], PathSet] = {}
        self._waiting: list[tuple[int, float, int, int, _State]] = []
        self._tickets = count()
        self._left = MAX_ADDED_OPTIONS
        self._seen: set[object] = set()
        self._found: dict[str, list[int]] = {}

    def minimal_changes(self, targets: Mapping[str, PathSet]) -> Iterator[tuple[str, AnswerPositions]]:
        """Every minimal set of changes that makes all profiles end in one of some recommendations, in
        order of size and of how far numbers move; of sets that differ in numbers alone, the first.

        `targets` has for each recommendation some paths to it, one of which some profile with the changes
        must take.
        """
        self._found = {end: [] for end in targets}
        try:
            for size, level in enumerate(self._levels()):
                for end, paths in targets.items():
                    for path in iter_bits(paths & level):
                        self._wait(_State(end, path), size, 0)
                yield from self._with_at_most(size)
            yield from self._with_at_most(inf)
        except _SpentError:
            self.exhausted = True

    def _levels(self) -> Sequence[PathSet]:
        """The paths that some set of changes may open, by the least number of changes that it takes: one in
        each block that rules the path out or, though it must not, says nothing.
        """
        levels = [self.table.all_paths]
        for block, blocking, fits in zip(
            self.table.input_groups, self._blocking, self._fitting, strict=True
        ):
            demands = zip(block.constraints, fits, strict=True)
            stuck = blocking & union_of_paths(paths for (_, paths), fit in demands if not fit.options)
            blocked = [level & blocking for level in levels]
            levels = [
                (level & ~blocking | below) & ~stuck
                for level, below in zip([*levels, 0], [0, *blocked], strict=True)
            ]
            while not levels[-1] and len(levels) > 1:
                levels.pop()
        return levels

    def _with_at_most(self, changes: float) -> Iterator[tuple[str, AnswerPositions]]:
        """The sets of at most so many changes that what waits leads to."""
        while self._waiting and self._waiting[0][0] <= changes:
            size, *_, state = heappop(self._waiting)
            if _covered(state.shape, self._found[state.end]):
                continue
            if state.begun and size == state.size:
                self._found[state.end].append(state.shape)
                yield state.end, {n: p for option in state.options for n, p in option.changes}
                continue
            if self.work <= 0:
                raise _SpentError
            self.work -= 1
            groups = self._onwards(state) if state.begun else self._beginnings(state.path)
            found, ordered = self._found[state.end], sorted(groups, key=len)
            for options in self._with_one_of_each(state.options, state.shape, found, ordered):
                following = self._following(state, options)
                if following is not None:
                    self._wait_unless_seen(following)

    def _with_one_of_each(
        self,
        chosen: tuple[ChangeOption, ...],
        shape: int,
        found: Sequence[int],
        groups: Sequence[Sequence[ChangeOption]],
    ) -> Iterator[tuple[ChangeOption, ...]]:
        """Some options and one from each group, in every combination that isn't covered."""
        if not groups:
            yield chosen
            return
        for option in groups[0]:
            self._left -= 1
            if self._left < 0:
                raise _SpentError
            together = shape | option.shape
            if not _covered(together, found):
                yield from self._with_one_of_each((*chosen, option), together, found, groups[1:])

    def _following(self, state: _State, options: tuple[ChangeOption, ...]) -> _State | None:
        """The state with these options, or None if one of them rules out no path to elsewhere that neither
        another one does nor what is given.
        """
        size = shape = once = twice = 0
        for option in options:
            size += len(option.changes)
            shape |= option.shape
            twice |= once & option.rules_out
            once |= option.rules_out
        elsewhere = self.table.all_paths ^ self.table.paths_by_recommendation[state.end]
        alone = once & ~twice & elsewhere
        for option in options:
            if not option.rules_out & alone & ~self._kept[option.block]:
                return None
        astray = elsewhere & ~once & ~self._kept_beside(frozenset([option.block for option in options]))
        return _State(state.end, state.path, options, size, shape, astray, begun=True)

    def _kept_beside(self, changed: frozenset[int]) -> PathSet:
        """The paths that what is given rules out in all blocks but these."""
        if changed not in self._beside:
            kept = (paths for block, paths in enumerate(self._kept) if block not in changed)
            self._beside[changed] = union_of_paths(kept)
        return self._beside[changed]

    def _wait_unless_seen(self, state: _State) -> None:
        """Have a state looked at later, unless the same options came together before."""
        key = (state.path, frozenset(map(id, state.options)))
        if key not in self._seen:
            self._seen.add(key)
            distance = sum([option.distance for option in state.options])
            self._wait(state, state.size + bool(state.astray), distance)

    def _wait(self, state: _State, size: int, distance: float) -> None:
        rank = self.table.tree.topological_index[state.end]
        heappush(self._waiting, (size, distance, rank, next(self._tickets), state))

    def _beginnings(self, path: PathSet) -> list[Sequence[ChangeOption]]:
        """What every set with which some profile takes a path has at least: an option of each of some
        blocks.
        """
        return [one.options for one in self._fitting_to(path) if self._blocking[one.block] & path]

    def _onwards(self, state: _State) -> list[Sequence[ChangeOption]]:
        """What every set with the state's options has beside them, if it forces the end: an option of
        each block that alone rules out some path that is left or, if there is none, one of some options.
        """
        changed, astray = {option.block for option in state.options}, state.astray
        unchanged = [one for one in self._fitting_to(state.path) if one.block not in changed]
        once = twice = thrice = 0
        for _, _, reach in unchanged:
            thrice |= twice & reach
            twice |= once & reach
            once |= reach
        if astray & ~once:
            return [()]
        alone = astray & ~twice
        if alone:
            return [_ruling_out(astray, one.options) for one in unchanged if one.reach & alone]
        hardest = next(iter_bits(astray & ~thrice or astray))
        return [[option for one in unchanged for option in _ruling_out(hardest, one.options)]]

    def _fitting_to(self, path: PathSet) -> Sequence[CompatibleOptions]:
        """The options of each block with which some profile takes a path."""
        if path not in self._fitting_of:
            every = [fits[0] for fits in self._fitting]
            for place, which in self.table.constraints_of(path):
                every[place] = self._fitting[place][which]
            self._fitting_of[path] = [fitting for fitting in every if fitting.options]
        return self._fitting_of[path]


def _ruling_out(paths: PathSet, options: Sequence[ChangeOption]) -> list[ChangeOption]:
    return [option for option in options if option.rules_out & paths]


def _covered(shape: int, found: Sequence[int]) -> bool:
    """Whether a set that was found is part of one with a shape."""
    for one in found:  # noqa: SIM110 - any() takes twice as long here
        if one & shape == one:
            return True
    return False
