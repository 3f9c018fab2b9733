"""Options: changes of answers, and the paths that they rule out."""

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
"""How many combinations of answers to compared inputs are tried."""

MAX_COMBINATION_CHECKS = 15_000
"""How many orders and domains those combinations are held against; some 10 µs each."""

CACHE_SIZE = 1_000
"""How many blocks' options are remembered, each for what was given and what could be chosen."""


class ChangeOption(NamedTuple):
    """Changed answers to inputs of one block, and the paths that the block then rules out.

    `block` is the block's place in the table. `shape` has a bit for each changed input and its choice,
    with all numbers of an input as one. `distance` is how far numbers move, as shares of their ranges.
    """

    block: int
    changes: tuple[tuple[str, Position], ...]
    rules_out: PathSet
    shape: int
    distance: float


class CompatibleOptions(NamedTuple):
    """A block's options with which some profile takes certain paths, and all that they rule out."""

    block: int
    options: Sequence[ChangeOption]
    reach: PathSet


class GroupOptions(NamedTuple):
    """What can be changed in a block: for each of its demands, what fits it.

    Every combination of fewer than `untried` changes was tried; infinity says that all were.
    """

    fitting: Sequence[CompatibleOptions]
    untried: float


class ChangeOptions:
    """The options of the blocks of a table; those of the last profiles are remembered."""

    def __init__(self, table: PathTable) -> None:
        self._table = table
        inputs = table.tree.inputs.values()
        bits = (1 if one.is_numeric else int(one.axis.greatest) + 1 for one in inputs)
        self._bit = dict(zip(table.tree.inputs, accumulate(bits, initial=0), strict=False))
        self._remembered = lru_cache(CACHE_SIZE)(self._of)

    def of(
        self, place: int, given: AnswerPositions, choices: Mapping[str, Sequence[Position]]
    ) -> GroupOptions:
        """The options of the block at a place, nearest first, without those that do no more than a nearer
        one; `choices` are the positions that each input can change to.
        """
        names = self._table.input_groups[place].names
        return self._remembered(
            place, tuple([given.get(name) for name in names]), tuple([choices[name] for name in names])
        )

    def _of(
        self, place: int, given: Sequence[Position | None], choices: Sequence[Sequence[Position]]
    ) -> GroupOptions:
        block, every = self._table.input_groups[place], _combinations(choices)
        most = max(1, min(MAX_COMBINATIONS, MAX_COMBINATION_CHECKS // block.check_count))
        tried = [self._option(place, given, one) for one in islice(every, most)]
        left = next(every, None)
        untried = inf if left is None else sum(position is not None for position in left)
        tried.sort(key=lambda option: (len(option.changes), option.distance))
        different = {(option.shape, option.rules_out): option for option in reversed(tried)}
        options = [option for option in reversed(different.values()) if option.changes]
        return GroupOptions([_fitting(place, options, paths) for _, paths in block.constraints], untried)

    def _option(
        self, place: int, given: Sequence[Position | None], positions: Sequence[Position | None]
    ) -> ChangeOption:
        block, changes, answers = self._table.input_groups[place], [], {}
        shape, distance = 0, 0.0
        for name, before, after in zip(block.names, given, positions, strict=True):
            if after is not None:
                one = self._table.tree.inputs[name]
                changes.append((name, after))
                shape |= 1 << self._bit[name] + (0 if one.is_numeric else int(after))
                if one.is_numeric and before is not None:
                    distance += abs(after - before) / one.axis_length
            answer = before if after is None else after
            if answer is not None:
                answers[name] = answer
        return ChangeOption(place, tuple(changes), block.excluded_paths(answers), shape, distance)


def _combinations(choices: Sequence[Sequence[Position]]) -> Iterator[Sequence[Position | None]]:
    """Every combination of changes, None where nothing changes: those of fewer changes first.

    So if the last ones are left out, what is found is minimal all the same.
    """
    free = [place for place, positions in enumerate(choices) if positions]
    for size in range(len(free) + 1):
        for changed in combinations(free, size):
            for positions in product(*(choices[place] for place in changed)):
                by_place = dict(zip(changed, positions, strict=True))
                yield [by_place.get(place) for place in range(len(choices))]


def _fitting(block: int, options: Iterable[ChangeOption], paths: PathSet) -> CompatibleOptions:
    fitting = [option for option in options if not option.rules_out & paths]
    return CompatibleOptions(block, fitting, union_of_paths(option.rules_out for option in fitting))
