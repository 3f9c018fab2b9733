"""The search for minimal sets of changed answers that force an outcome."""

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
"""States that a search expands before it gives up: about 5 ms of work on a tree of 40 questions."""

MAX_ADDED_OPTIONS = 1_000
"""Options that a search adds to states in all, because one state can have very many combinations of them."""


class _State(NamedTuple):
    """Options that may be part of a set of changes that forces the recommendation `end`.

    `path` is a path to it that profiles with these changes can take. `size` and `shape` are those of all
    options together, and `remaining_paths` are the paths to other recommendations that they leave
    possible.
    `begun` tells that the options that open `path` are chosen.
    """

    end: str
    path: PathSet
    options: tuple[ChangeOption, ...] = ()
    size: int = 0
    shape: int = 0
    remaining_paths: PathSet = 0
    begun: bool = False


class _SpentError(Exception):
    """A search has met the limit of states or of added options."""


class CounterfactualSearch:
    """A search for minimal sets of changes that force an outcome. Its work is bounded.

    A set of changes forces an outcome if it rules out every path to another one. The search is best-first:
    it expands the smallest sets first. `exhausted` tells that a limit was met, so sets may be missing.
    `untried` is the least number of changes to compared inputs in a combination that wasn't tried, or
    infinite if there is none.
    """

    # There can be too many minimal sets to find them all: with all inputs unknown, their number grows
    # doubly exponentially with the depth of a tree.

    def __init__(
        self,
        table: PathTable,
        options: ChangeOptions,
        given_answers: AnswerPositions,
        choices: Mapping[str, Sequence[Position]],
        max_states: int = MAX_SEARCH_STATES,
    ) -> None:
        self.table, self._states_left = table, max_states
        self._excluded = [group.excluded_paths(given_answers) for group in table.input_groups]
        group_options = [
            options.of(index, given_answers, choices) for index in range(len(table.input_groups))
        ]
        self._compatible = [of_group.by_constraint for of_group in group_options]
        self.untried = min(of_group.untried for of_group in group_options)
        self.exhausted = self.untried < inf
        self._compatible_with: dict[PathSet, Sequence[CompatibleOptions]] = {}
        # For each group, the paths that stay closed without a change in this group. If the profile
        # answers inputs of the group, these are the paths that the answers rule out. If it answers none
        # of them, these are the paths that need an answer from the group.
        self._blocked_paths = [
            needing if given_answers.keys().isdisjoint(group.names) else excluded
            for group, needing, excluded in zip(
                table.input_groups, table.paths_needing_group, self._excluded, strict=True
            )
        ]
        self._excluded_by_unchanged: dict[frozenset[int], PathSet] = {}
        self._queue: list[tuple[int, float, int, int, _State]] = []
        # A ticket is a running number. If two entries are otherwise equal, the one that was queued first
        # comes first, so the heap never has to compare the states themselves.
        self._tickets = count()
        self._added_options_left = MAX_ADDED_OPTIONS
        self._seen: set[object] = set()
        self._found_shapes: dict[str, list[int]] = {}

    def minimal_changes(self, targets: Mapping[str, PathSet]) -> Iterator[tuple[str, AnswerPositions]]:
        """Yield each recommendation of `targets` with every minimal set of changes that forces it.

        `targets` has paths for each recommendation; profiles with the changes must be able to take one of
        them. The sets come in order of their size, and then of how far numbers move. Of sets that differ
        only in numbers, only the first one is yielded.
        """
        self._found_shapes = {recommendation: [] for recommendation in targets}
        try:
            # A path that needs more changes comes in later, which keeps the queue short.
            for size, paths_of_size in enumerate(self._paths_by_least_changes()):
                for recommendation, paths in targets.items():
                    for path in iter_bits(paths & paths_of_size):
                        self._push(_State(recommendation, path), size, 0)
                yield from self._expand_up_to(size)
            yield from self._expand_up_to(inf)
        except _SpentError:
            self.exhausted = True

    def _paths_by_least_changes(self) -> Sequence[PathSet]:
        """Return the paths that changes can open, by the least number of changes that this takes."""
        levels = [self.table.all_paths]
        for group, blocked, compatible in zip(
            self.table.input_groups, self._blocked_paths, self._compatible, strict=True
        ):
            # A path that the group blocks needs at least one change in this group. If the group has no
            # option that opens the path, no changes can reach it.
            options_by_constraint = zip(group.constraints, compatible, strict=True)
            unreachable = blocked & union_of_paths(
                paths for (_, paths), by_constraint in options_by_constraint if not by_constraint.options
            )
            blocked_levels = [level & blocked for level in levels]
            levels = [
                (level & ~blocked | moved_up) & ~unreachable
                for level, moved_up in zip([*levels, 0], [0, *blocked_levels], strict=True)
            ]
            while not levels[-1] and len(levels) > 1:
                levels.pop()
        return levels

    def _expand_up_to(self, max_size: float) -> Iterator[tuple[str, AnswerPositions]]:
        """Expand the queued states, and yield the sets of up to `max_size` changes that they lead to."""
        while self._queue and self._queue[0][0] <= max_size:
            size, *_, state = heappop(self._queue)
            if _is_covered(state.shape, self._found_shapes[state.end]):
                continue
            # The queue has a larger size for states that need another change.
            if state.begun and size == state.size:
                self._found_shapes[state.end].append(state.shape)
                yield state.end, {n: p for option in state.options for n, p in option.changes}
                continue
            if self._states_left <= 0:
                raise _SpentError
            self._states_left -= 1
            for following in self._following_states(state):
                self._push_unless_seen(following)

    def _following_states(self, state: _State) -> Iterator[_State]:
        option_lists = self._next_options(state) if state.begun else self._first_options(state.path)
        # Short lists come first, so that covered combinations are cut off early.
        shortest_first = sorted(option_lists, key=len)
        found_shapes = self._found_shapes[state.end]
        for options in self._combine(state.options, state.shape, found_shapes, shortest_first):
            following = self._extended(state, options)
            if following is not None:
                yield following

    def _combine(
        self,
        chosen: tuple[ChangeOption, ...],
        shape: int,
        found_shapes: Sequence[int],
        option_lists: Sequence[Sequence[ChangeOption]],
    ) -> Iterator[tuple[ChangeOption, ...]]:
        """Yield the chosen options with one from each list, in every combination that isn't covered."""
        if not option_lists:
            yield chosen
            return
        for option in option_lists[0]:
            self._added_options_left -= 1
            if self._added_options_left < 0:
                raise _SpentError
            combined = shape | option.shape
            if not _is_covered(combined, found_shapes):
                yield from self._combine((*chosen, option), combined, found_shapes, option_lists[1:])

    def _extended(self, state: _State, options: tuple[ChangeOption, ...]) -> _State | None:
        """Return the state with these options, or None if one of them is redundant."""
        size = shape = once = twice = 0
        for option in options:
            size += len(option.changes)
            shape |= option.shape
            twice |= once & option.rules_out
            once |= option.rules_out
        others = self.table.all_paths ^ self.table.paths_by_recommendation[state.end]
        only_once = once & ~twice & others
        # In a minimal set, each option rules out a path that neither the given answers nor the other
        # options rule out.
        for option in options:
            if not option.rules_out & only_once & ~self._excluded[option.group_index]:
                return None
        changed_groups = frozenset([option.group_index for option in options])
        remaining_paths = others & ~once & ~self._excluded_except_in(changed_groups)
        return _State(state.end, state.path, options, size, shape, remaining_paths, begun=True)

    def _excluded_except_in(self, changed_groups: frozenset[int]) -> PathSet:
        """Return the paths that the given answers rule out in all other groups."""
        if changed_groups not in self._excluded_by_unchanged:
            self._excluded_by_unchanged[changed_groups] = union_of_paths(
                paths for group, paths in enumerate(self._excluded) if group not in changed_groups
            )
        return self._excluded_by_unchanged[changed_groups]

    def _push_unless_seen(self, state: _State) -> None:
        # Options are compared by identity: their bit sets can be long, and equal ones are the same object.
        key = (state.path, frozenset(map(id, state.options)))
        if key not in self._seen:
            self._seen.add(key)
            distance = sum([option.distance for option in state.options])
            # A state with remaining paths needs at least one more change.
            self._push(state, state.size + bool(state.remaining_paths), distance)

    def _push(self, state: _State, size: int, distance: float) -> None:
        end_index = self.table.tree.topological_index[state.end]
        heappush(self._queue, (size, distance, end_index, next(self._tickets), state))

    def _first_options(self, path: PathSet) -> list[Sequence[ChangeOption]]:
        """Return lists of options. Every set that opens a path has an option from each list."""
        return [
            compatible.options
            for compatible in self._compatible_options(path)
            if self._blocked_paths[compatible.group_index] & path
        ]

    def _next_options(self, state: _State) -> list[Sequence[ChangeOption]]:
        """Return lists of options. Every set that completes a state has an option from each list."""
        changed, remaining_paths = (
            {option.group_index for option in state.options},
            state.remaining_paths,
        )
        unchanged = [
            compatible
            for compatible in self._compatible_options(state.path)
            if compatible.group_index not in changed
        ]
        # The paths that at least one group, two groups and three groups can rule out.
        once = twice = thrice = 0
        for _, _, excludable_paths in unchanged:
            thrice |= twice & excludable_paths
            twice |= once & excludable_paths
            once |= excludable_paths
        if remaining_paths & ~once:
            return [()]  # no option rules this path out, so no set extends the state
        only_once = remaining_paths & ~twice
        if only_once:
            return [
                _that_rule_out(remaining_paths, c.options)
                for c in unchanged
                if c.excludable_paths & only_once
            ]
        # Some option has to rule out each path, and a path with few such options splits the search least.
        hardest = next(iter_bits(remaining_paths & ~thrice or remaining_paths))
        return [[option for c in unchanged for option in _that_rule_out(hardest, c.options)]]

    def _compatible_options(self, path: PathSet) -> Sequence[CompatibleOptions]:
        """Return the options of each group that has some with which profiles can take a path."""
        if path not in self._compatible_with:
            by_group = [by_constraint[0] for by_constraint in self._compatible]
            for group, constraint in self.table.constraints_of(path).items():
                by_group[group] = self._compatible[group][constraint]
            self._compatible_with[path] = [of_group for of_group in by_group if of_group.options]
        return self._compatible_with[path]


def _that_rule_out(paths: PathSet, options: Sequence[ChangeOption]) -> list[ChangeOption]:
    return [option for option in options if option.rules_out & paths]


def _is_covered(shape: int, found_shapes: Sequence[int]) -> bool:
    """Return whether the shape of a set that was found is part of a shape."""
    for found_shape in found_shapes:  # noqa: SIM110 - any() takes twice as long here
        if found_shape & shape == found_shape:
            return True
    return False
