"""Partial profiles: what those that leave questions open come to, from a table of the tree's paths."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from finetune_advisor.engine.evaluation.exact import Assessment, build_assessment, matters
from finetune_advisor.engine.evaluation.path_table import Answers, Paths, PathTable, members
from finetune_advisor.engine.evaluation.predicates import warning_predicates
from finetune_advisor.engine.model.inputs import Profile
from finetune_advisor.engine.model.region import completions
from finetune_advisor.engine.model.tree import WarningRule

MAX_DEMANDS = 32
"""Demands of a block of compared inputs that are held against each other, pair by pair, in some 0.1 s. With
more of them, whether an input matters is found by walks.
"""

CACHE_SIZE = 4096
"""Results of each kind of look-up in a table that are kept."""


class PartialProfiles:
    """Evaluates partial profiles of a sound tree. Their assessments are those of `evaluate`."""

    def __init__(self, table: PathTable) -> None:
        self._table, self._tree, self._blocks = table, table.tree, table.blocks
        self._place = {name: place for place, block in enumerate(table.blocks) for name in block.names}
        self._enums = {
            name: {value: index for index, value in enumerate(input_.choices)}
            for name, input_ in table.tree.inputs.items()
            if input_.type == "enum"
        }
        self._compared = [place for place, block in enumerate(table.blocks) if len(block.names) > 1]
        most = max((len(table.blocks[place].demands) for place in self._compared), default=0)
        self._has_large_blocks = most > MAX_DEMANDS
        self._warnings = warning_predicates(table.tree)
        ends = [(path, ending) for ending in table.ending.values() for path in members(ending)]
        self._ending = [ending for _, ending in sorted(ends)]
        self._rivals = lru_cache(CACHE_SIZE)(self._find_rivals)
        self._kept: dict[object, Paths] = {}

    def evaluate(self, profile: Profile) -> Assessment:
        """As `evaluate` does, for valid values."""
        given = self._positions(profile)
        possible = self._possible(given)
        way = {
            node: tuple([branch for branch, paths in branches if paths & possible])
            for node, passing, branches in self._table.turns
            if passing & possible
        }
        return build_assessment(
            self._tree,
            profile,
            way,
            lambda name: self._matters(profile, name, given, possible),
            self._active_warnings,
        )

    def matters(self, profile: Profile, name: str) -> bool:
        """Whether an input that a profile lacks can still change its outcome."""
        given = self._positions(profile)
        return self._matters(profile, name, given, self._possible(given))

    def _matters(self, profile: Profile, name: str, given: Answers, possible: Paths) -> bool:
        if self._has_large_blocks:
            return matters(self._tree, completions(self._tree, profile), name)
        return self._is_decisive(name, given, possible)

    def _positions(self, profile: Profile) -> Answers:
        """The answers that count, as positions."""
        enums, known = self._enums, self._place
        return {
            name: enums[name][value] if name in enums else value  # type: ignore[index,misc]
            for name, value in profile.items()
            if name in known
        }

    def _possible(self, given: Answers) -> Paths:
        """The paths that answers leave possible."""
        ruled_out = 0
        for name, position in given.items():
            ruled_out |= self._blocks[self._place[name]].ruled_out_by(name, position)
        for place in self._compared:
            ruled_out |= self._blocks[place].ruled_out(given)
        return self._table.every & ~ruled_out

    def _active_warnings(self, answers: Profile, outcome: str | None) -> Iterator[WarningRule]:
        for rule, is_active in self._warnings:
            if rule.concerns(outcome) and is_active(answers):
                yield rule

    def _is_decisive(self, name: str, given: Answers, possible: Paths) -> bool:
        """Whether two profiles with these answers that differ in one input alone end differently.

        They take two paths that end differently, and what both paths ask of a block can be answered at
        once: in the input's own block with two answers to that input. A pair of paths that may be taken is
        known to fit where nothing of a block is known, or all of it.
        """
        own = self._place[name]
        partly = [
            place for place in self._compared if place != own and self._is_partly_known(place, given)
        ]
        is_compared = own in self._compared
        asking = possible if is_compared else possible & ~self._blocks[own].demands[0][1]
        checked = frozenset({own, *partly})
        for path in members(asking):
            rivals = self._rivals(path, checked) & possible
            if rivals and is_compared:
                rivals &= self._compatible(own, self._demand(path, own), given, but_for=name)
            for place in partly:
                rivals &= self._compatible(place, self._demand(path, place), given)
            if rivals:
                return True
        return False

    def _is_partly_known(self, place: int, given: Answers) -> bool:
        names = self._blocks[place].names
        return 0 < sum(name in given for name in names) < len(names)

    def _demand(self, path: Paths, place: int) -> int:
        """What a path asks of a block, as the place of the demand there."""
        return next((which for block, which in self._table.asked(path) if block == place), 0)

    def _find_rivals(self, path: Paths, checked: frozenset[int]) -> Paths:
        """The paths that end elsewhere than one path, and that some profile takes which differs from one
        that takes that path in blocks that are yet to be checked alone.
        """
        found = self._table.every & ~self._ending[path.bit_length() - 1]
        for place, which in self._table.asked(path):
            if place not in checked:
                found &= self._compatible(place, which, {})
        return found

    def _compatible(
        self, place: int, which: int, given: Answers, *, but_for: str | None = None
    ) -> Paths:
        """`Block.compatible` or `Block.compatible_but_for`, of which the last results are kept."""
        block = self._blocks[place]
        key = place, which, but_for, block.cell_of(given)
        found = self._kept.get(key)
        if found is None:
            if len(self._kept) >= CACHE_SIZE:
                self._kept.clear()
            found = self._kept[key] = (
                block.compatible(which, given)
                if but_for is None
                else block.compatible_but_for(but_for, which, given)
            )
        return found
