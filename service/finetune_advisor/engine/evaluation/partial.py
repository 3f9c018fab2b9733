"""Partial profiles: what those that leave questions open come to, from a table of the tree's paths."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from finetune_advisor.engine.evaluation.exact import Assessment, affects_outcome, build_assessment
from finetune_advisor.engine.evaluation.path_table import (
    AnswerPositions,
    InputGroup,
    PathSet,
    PathTable,
    iter_bits,
)
from finetune_advisor.engine.evaluation.predicates import warning_predicates
from finetune_advisor.engine.model.inputs import Input, Profile
from finetune_advisor.engine.model.region import region_of_completions
from finetune_advisor.engine.model.tree import WarningRule

MAX_CONSTRAINTS = 32
"""Demands of a block of compared inputs that are held against each other, pair by pair, in some 0.1 s. With
more of them, whether an input matters is found by walks.
"""

CACHE_SIZE = 4096
"""Results of each kind of look-up in a table that are kept."""


class PartialProfiles:
    """Evaluates partial profiles of a sound tree. Their assessments are those of `evaluate`."""

    def __init__(self, table: PathTable) -> None:
        self._table, self._tree, self._blocks = table, table.tree, table.input_groups
        self._place = {
            name: place for place, block in enumerate(table.input_groups) for name in block.names
        }
        compared = [block for block in table.input_groups if len(block.names) > 1]
        self._compared = {frozenset(block.names): block for block in compared}
        self._names = {name: names for names in self._compared for name in names}
        most = max((len(block.constraints) for block in compared), default=0)
        self._has_large_blocks = most > MAX_CONSTRAINTS
        self._ruled_out = {
            name: _RuledOut(table.tree.inputs[name], table.input_groups[place])
            for name, place in self._place.items()
        }
        self._warnings = warning_predicates(table.tree)
        ends = [
            (path, ending)
            for ending in table.paths_by_recommendation.values()
            for path in iter_bits(ending)
        ]
        self._ending = [ending for _, ending in sorted(ends)]
        self._rivals = lru_cache(CACHE_SIZE)(self._find_rivals)
        self._kept: dict[object, PathSet] = {}

    def evaluate(self, profile: Profile) -> Assessment:
        """As `evaluate` does, for valid values."""
        possible = self._possible(profile)
        way = {
            node: tuple([branch for branch, paths in branches if paths & possible])
            for node, passing, branches in self._table.paths_by_branch
            if passing & possible
        }
        return build_assessment(
            self._tree,
            profile,
            way,
            lambda name: self._matters(profile, name, possible),
            self._active_warnings,
        )

    def affects_outcome(self, profile: Profile, name: str) -> bool:
        """Whether an input that a profile lacks can still change its outcome."""
        return self._matters(profile, name, self._possible(profile))

    def _matters(self, profile: Profile, name: str, possible: PathSet) -> bool:
        if self._has_large_blocks:
            return affects_outcome(self._tree, region_of_completions(self._tree, profile), name)
        return self._is_decisive(name, profile, possible)

    def _possible(self, profile: Profile) -> PathSet:
        """The paths that a profile leaves possible."""
        ruled_out, by_input = 0, self._ruled_out
        for name, value in profile.items():
            if name in by_input:
                by_cell = by_input[name]
                starts = by_cell.starts
                ruled_out |= by_cell[bisect_right(starts, value) if starts else value]
        given = self._compared_answers(profile)
        for names, block in self._compared.items():
            if len(given.keys() & names) > 1:
                ruled_out |= block.excluded_paths(given)
        return self._table.all_paths & ~ruled_out

    def _compared_answers(self, profile: Profile) -> AnswerPositions:
        """The answers to inputs that are compared with others, all of which are numbers."""
        return {n: profile[n] for n in self._names if n in profile}  # type: ignore[misc]

    def _active_warnings(self, answers: Profile, outcome: str | None) -> Iterator[WarningRule]:
        for rule, is_active in self._warnings:
            if rule.applies_to(outcome) and is_active(answers):
                yield rule

    def _is_decisive(self, name: str, profile: Profile, possible: PathSet) -> bool:
        """Whether two profiles with these answers that differ in one input alone end differently.

        They take two paths that end differently, and what both paths ask of a block can be answered at
        once: in the input's own block with two answers to that input. A pair of paths that may be taken is
        known to fit where nothing of a block is known, or all of it.
        """
        own = self._place[name]
        given = self._compared_answers(profile)
        partly = [place for place in self._partly_known(given) if place != own]
        is_compared = name in self._names
        asking = possible if is_compared else possible & ~self._blocks[own].constraints[0][1]
        checked = frozenset({own, *partly})
        for path in iter_bits(asking):
            rivals = self._rivals(path, checked) & possible
            if rivals and is_compared:
                rivals &= self._compatible(own, self._demand(path, own), given, but_for=name)
            for place in partly:
                rivals &= self._compatible(place, self._demand(path, place), given)
            if rivals:
                return True
        return False

    def _partly_known(self, given: AnswerPositions) -> set[int]:
        """The blocks of which some inputs are given, and not all."""
        return {self._place[n] for n in given if not given.keys() >= self._names[n]}

    def _demand(self, path: PathSet, place: int) -> int:
        """What a path asks of a block, as the place of the demand there."""
        return next((which for block, which in self._table.constraints_of(path) if block == place), 0)

    def _find_rivals(self, path: PathSet, checked: frozenset[int]) -> PathSet:
        """The paths that end elsewhere than one path, and that some profile takes which differs from one
        that takes that path in blocks that are yet to be checked alone.
        """
        found = self._table.all_paths & ~self._ending[path.bit_length() - 1]
        for place, which in self._table.constraints_of(path):
            if place not in checked:
                found &= self._compatible(place, which, {})
        return found

    def _compatible(
        self, place: int, which: int, given: AnswerPositions, *, but_for: str | None = None
    ) -> PathSet:
        """`Block.compatible` or `Block.compatible_paths_except`, of which the last results are kept."""
        block = self._blocks[place]
        key = place, which, but_for, block.cell_of(given)
        found = self._kept.get(key)
        if found is None:
            if len(self._kept) >= CACHE_SIZE:
                self._kept.clear()
            found = self._kept[key] = (
                block.compatible_paths(which, given)
                if but_for is None
                else block.compatible_paths_except(but_for, which, given)
            )
        return found


class _RuledOut(dict[Any, PathSet]):
    """The paths that an answer to one input rules out, by its cell: the answer itself, or the number of the
    cell that a number lies in. Each is found when it is asked for first.
    """

    def __init__(self, input_: Input, block: InputGroup) -> None:
        super().__init__()
        self._input, self._block = input_, block
        self.starts = block.cell_starts[input_.name] if input_.is_numeric else ()

    def __missing__(self, cell: Any) -> PathSet:
        position = self.starts[cell - 1] if self.starts else self._input.position(cell)
        paths = self[cell] = self._block.excluded_by_answer(self._input.name, position)
        return paths
