"""Partial profiles: what those that leave questions open come to, from a table of the tree's paths."""

from __future__ import annotations

from collections.abc import Set
from functools import lru_cache

from finetune_advisor.engine.evaluation import Assessment, assessed, matters
from finetune_advisor.engine.inputs import Profile
from finetune_advisor.engine.paths import Answers, Paths, PathTable, members, union
from finetune_advisor.engine.region import completions

MOST_REMEMBERED = 4096
"""Of how many paths the rivals are remembered, once for each block that they were asked for."""


class PartialProfiles:
    """Evaluates partial profiles of a sound tree. Their assessments are those of `evaluate`."""

    def __init__(self, table: PathTable) -> None:
        self._table, self._tree, self._blocks = table, table.tree, table.blocks
        self._place = {name: place for place, block in enumerate(table.blocks) for name in block.names}
        ends = [(path, ending) for ending in table.ending.values() for path in members(ending)]
        self._ending = [ending for _, ending in sorted(ends)]
        self._rivals = lru_cache(MOST_REMEMBERED)(self._rivals_of)
        self._meeting = lru_cache(MOST_REMEMBERED)(self._meeting_of)

    def evaluate(self, profile: Profile) -> Assessment:
        """As `evaluate` does, for valid values."""
        given, possible = self._left(profile)
        way = {
            node: tuple([branch for branch, paths in turns if paths & possible])
            for node, passing, turns in self._table.turns
            if passing & possible
        }
        return assessed(
            self._tree, profile, way, lambda name: self._decisive(name, profile, given, possible)
        )

    def matters(self, profile: Profile, name: str) -> bool:
        """Whether an input that a profile lacks can still change its outcome."""
        return self._decisive(name, profile, *self._left(profile))

    def _left(self, profile: Profile) -> tuple[Answers, Paths]:
        """The answers that count, as positions, and the paths that they leave possible."""
        inputs = self._tree.inputs
        given = {name: inputs[name].position(v) for name, v in profile.items() if name in inputs}
        places = {self._place[name] for name in given}
        return given, self._table.every & ~union(self._blocks[p].ruled_out(given) for p in places)

    def _decisive(self, name: str, profile: Profile, given: Answers, possible: Paths) -> bool:
        """As `matters`. What pairs of paths tell is enough unless the input is compared with another one, or
        such inputs are known in part.
        """
        place = self._place[name]
        in_part = frozenset(
            place
            for place, block in enumerate(self._blocks)
            if len(block.names) > 1 and 0 < len(given.keys() & {*block.names}) < len(block.names)
        )
        if len(self._blocks[place].names) == 1:
            asking = possible & ~self._blocks[place].demands[0][1]
            numbers = (path.bit_length() - 1 for path in members(asking))
            if any(self._rivals(number, place, in_part) & possible for number in numbers):
                return True
            if not in_part:
                return False
        return matters(self._tree, completions(self._tree, profile), name)

    def _rivals_of(self, number: int, place: int, in_part: Set[int]) -> Paths:
        """The paths that end elsewhere than one, given by its number, and that profiles take which differ in
        the block at a place alone from some that take that one. Of blocks known in part: those that ask for
        the same there, or for nothing.
        """
        found = self._table.every & ~self._ending[number]
        for block, which in self._table.asked(1 << number):
            if block in in_part:
                demands = self._blocks[block].demands
                found &= demands[0][1] | demands[which][1]
            elif block != place:
                found &= self._meeting(block, which)
        return found

    def _meeting_of(self, place: int, which: int) -> Paths:
        """The paths that a block lets some profile take that meets one of its demands."""
        demands = self._blocks[place].demands
        wanted = demands[which][0]
        return union(paths for region, paths in demands if region.meets(wanted))
