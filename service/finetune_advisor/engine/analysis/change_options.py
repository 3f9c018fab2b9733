"""The changes of answers that a profile allows, and the paths that they rule out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate, combinations, islice, product
from math import inf
from typing import NamedTuple

from finetune_advisor.engine.evaluation.path_table import (
    AnswerPositions,
    PathSet,
    PathTable,
    union_of_paths,
)
from finetune_advisor.engine.model.domain import Position

MAX_COMBINATIONS = 5_000
"""Combinations of answers to a group of compared inputs that are tried."""

MAX_COMBINATION_CHECKS = 15_000
"""Checks of domains and order constraints that those combinations may take; each takes about 10 µs."""

CACHE_SIZE = 1_000
"""Results that are kept: the options of a group, for given answers and possible changes."""


class ChangeOption(NamedTuple):
    """Changed answers to inputs of one group, and the paths that the group then rules out.

    `group_index` is the index of the group in the table. `shape` has a bit for each changed input and its new
    value; all numbers of an input share a bit. `distance` is the sum of the distances that numbers move, as
    shares of their ranges.
    """

    group_index: int
    changes: tuple[tuple[str, Position], ...]
    rules_out: PathSet
    shape: int
    distance: float


class CompatibleOptions(NamedTuple):
    """The options of a group with which certain paths stay possible.

    `excludable_paths` has every path that at least one of these options rules out.
    """

    group_index: int
    options: Sequence[ChangeOption]
    excludable_paths: PathSet


class GroupOptions(NamedTuple):
    """The options of a group: for each of its constraints, those that are compatible with it.

    All combinations of fewer than `untried` changes were tried. If it is infinite, all combinations were.
    """

    by_constraint: Sequence[CompatibleOptions]
    untried: float


class ChangeOptions:
    """Finds the options of the groups of a table, and keeps the latest results."""

    def __init__(self, table: PathTable) -> None:
        self._table = table
        inputs = table.tree.inputs.values()
        bit_counts = (1 if input_.is_numeric else int(input_.axis.greatest) + 1 for input_ in inputs)
        first_bits = accumulate(bit_counts, initial=0)
        # accumulate() also yields the total, which is one item more than there are inputs.
        self._first_bit = dict(zip(table.tree.inputs, first_bits, strict=False))
        self._cached_options = lru_cache(CACHE_SIZE)(self._find_options)

    def of(
        self, group_index: int, given_answers: AnswerPositions, choices: Mapping[str, Sequence[Position]]
    ) -> GroupOptions:
        """Return the options of a group, those with the fewest and smallest changes first.

        `given_answers` are those of the profile, and `choices` are the positions that each input can change
        to. An option is left out if an earlier one has the same shape and rules out the same paths.
        """
        names = self._table.input_groups[group_index].names
        return self._cached_options(
            group_index,
            tuple([given_answers.get(name) for name in names]),
            tuple([choices[name] for name in names]),
        )

    def _find_options(
        self,
        group_index: int,
        given_positions: Sequence[Position | None],
        choices: Sequence[Sequence[Position]],
    ) -> GroupOptions:
        group, all_combinations = self._table.input_groups[group_index], _combinations(choices)
        limit = max(1, min(MAX_COMBINATIONS, MAX_COMBINATION_CHECKS // group.check_count))
        options = [
            self._option(group_index, given_positions, positions)
            for positions in islice(all_combinations, limit)
        ]
        first_untried = next(all_combinations, None)
        untried = inf if first_untried is None else sum(p is not None for p in first_untried)
        options.sort(key=lambda option: (len(option.changes), option.distance))
        # A dict keeps the last of equal keys, and the nearest option is the first one.
        distinct = {(option.shape, option.rules_out): option for option in reversed(options)}
        nearest_first = [option for option in reversed(distinct.values()) if option.changes]
        compatible = [
            _compatible_options(group_index, nearest_first, paths) for _, paths in group.constraints
        ]
        return GroupOptions(compatible, untried)

    def _option(
        self,
        group_index: int,
        given_positions: Sequence[Position | None],
        positions: Sequence[Position | None],
    ) -> ChangeOption:
        group, changes, answers = self._table.input_groups[group_index], [], {}
        shape, distance = 0, 0.0
        for name, before, after in zip(group.names, given_positions, positions, strict=True):
            if after is not None:
                input_ = self._table.tree.inputs[name]
                changes.append((name, after))
                shape |= 1 << self._first_bit[name] + (0 if input_.is_numeric else int(after))
                if input_.is_numeric and before is not None:
                    distance += abs(after - before) / input_.axis_length
            answer = before if after is None else after
            if answer is not None:
                answers[name] = answer
        rules_out = group.excluded_paths(answers)
        return ChangeOption(group_index, tuple(changes), rules_out, shape, distance)


def _combinations(choices: Sequence[Sequence[Position]]) -> Iterator[Sequence[Position | None]]:
    """Yield every combination of changes, with None where nothing changes."""
    # Combinations of fewer changes come first. So if the last ones aren't tried, the results are minimal
    # all the same.
    free = [index for index, positions in enumerate(choices) if positions]
    for size in range(len(free) + 1):
        for changed in combinations(free, size):
            for positions in product(*(choices[index] for index in changed)):
                position_by_index = dict(zip(changed, positions, strict=True))
                yield [position_by_index.get(index) for index in range(len(choices))]


def _compatible_options(
    group_index: int, options: Iterable[ChangeOption], paths: PathSet
) -> CompatibleOptions:
    compatible = [option for option in options if not option.rules_out & paths]
    excludable_paths = union_of_paths(option.rules_out for option in compatible)
    return CompatibleOptions(group_index, compatible, excludable_paths)
