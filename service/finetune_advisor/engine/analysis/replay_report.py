"""The report of a replay: past decisions, counted by what a candidate tree makes of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from finetune_advisor.engine.analysis.replay import ReplayVerdict, VerdictKind
from finetune_advisor.engine.model.inputs import Profile
from finetune_advisor.engine.model.tree import Tree

MAX_GROUPS = 1000
"""The groups of decisions, or of unreadable lines, that a report tells apart. All others share a group."""
MAX_LOCATIONS = 5
"""The unreadable lines of each reason whose place is kept."""

OTHER_OUTCOMES = ("= others",)
"""Stands for the outcomes of the group that all further decisions share. No id is like it."""
OTHER_REASONS = "other reasons"


class LogLocation(NamedTuple):
    """A line of a log, or a row of a table, counted from 1."""

    file: str
    line: int


class DecisionWitness(NamedTuple):
    """A past decision as the log has it: its place, its receipt if it has one, and its answers."""

    location: LogLocation
    receipt: str | None
    answers: Profile


@dataclass
class DecisionGroup:
    """The decisions with the same candidates in the past and the same verdict, with the first few of them."""

    past: tuple[str, ...]
    verdict: ReplayVerdict
    witnesses: list[DecisionWitness] = field(default_factory=list)
    count: int = 0


@dataclass
class UnreadableGroup:
    """The lines that can't be judged for the same reason, with the places of the first few of them."""

    reason: str
    locations: list[LogLocation] = field(default_factory=list)
    count: int = 0


@dataclass
class ReplayReport:
    """Counts past decisions by their verdicts. `other_lines` are those of a log that aren't decisions.

    `families` has the family of each recommendation that has one. Each group has up to `max_witnesses`
    decisions as witnesses.
    """

    tree: Tree
    families: Mapping[str, str]
    max_witnesses: int
    other_lines: int = 0
    _groups: dict[tuple[tuple[str, ...], ReplayVerdict], DecisionGroup] = field(default_factory=dict)
    _unreadable: dict[str, UnreadableGroup] = field(default_factory=dict)

    def group_of(self, past: tuple[str, ...], verdict: ReplayVerdict) -> DecisionGroup:
        """Return the group of decisions with these candidates in the past and this verdict.

        The caller counts its decisions there, and adds witnesses. Logs may name any number of outcomes, so
        that beyond MAX_GROUPS there is one group for each kind of verdict.
        """
        if (past, verdict) not in self._groups and len(self._groups) >= MAX_GROUPS:
            past, verdict = OTHER_OUTCOMES, ReplayVerdict(verdict.kind, OTHER_OUTCOMES)
        return self._groups.setdefault((past, verdict), DecisionGroup(past, verdict))

    def count_unreadable(self, reason: str, location: LogLocation) -> None:
        """Count a line that can't be judged."""
        # A reason can quote a name of the log, so that there may be any number of them.
        if reason not in self._unreadable and len(self._unreadable) >= MAX_GROUPS:
            reason = OTHER_REASONS
        group = self._unreadable.setdefault(reason, UnreadableGroup(reason))
        group.count += 1
        if len(group.locations) < MAX_LOCATIONS:
            group.locations.append(location)

    def count(self, kind: VerdictKind) -> int:
        """Return the number of decisions with a kind of verdict."""
        return sum(group.count for group in self._groups.values() if group.verdict.kind == kind)

    @property
    def decisions(self) -> int:
        """The number of decisions that were judged."""
        return sum(group.count for group in self._groups.values())

    @property
    def unreadable_count(self) -> int:
        """The number of lines that can't be judged."""
        return sum(group.count for group in self._unreadable.values())

    @property
    def unreadable(self) -> Sequence[UnreadableGroup]:
        """The lines that can't be judged by reason, the most frequent first."""
        return sorted(self._unreadable.values(), key=lambda group: -group.count)

    def groups(self, kind: VerdictKind) -> Sequence[DecisionGroup]:
        """Return the groups with a kind of verdict, the largest first."""
        groups = [group for group in self._groups.values() if group.verdict.kind == kind]
        # Ties are sorted by name, so that equal logs give equal reports.
        return sorted(groups, key=lambda group: (-group.count, group.past, group.verdict))

    @property
    def decisions_by_input(self) -> Mapping[str, int]:
        """For each input, the number of decisions that depend on it, perhaps among others."""
        counts = Counter[str]()
        for group in self.groups("depends"):
            for name in group.verdict.depends_on:
                counts[name] += group.count
        return dict(counts.most_common())

    def moved_percentage(self, *, count_depends: bool = False) -> float:
        """Return the percentage of moved decisions among those that were judged.

        With `count_depends`, the decisions that depend on further inputs count as moved. Without any
        decision, it is 0.
        """
        moved = self.count("moved") + (self.count("depends") if count_depends else 0)
        return 100 * moved / self.decisions if self.decisions else 0.0

    def stays_in_family(self, group: DecisionGroup) -> bool:
        """Return whether all recommendations of a group, before and after, have the same family."""
        families = {self.families.get(name, "") for name in (*group.past, *group.verdict.candidates)}
        # Recommendations without a family have nothing in common.
        return len(families) == 1 and "" not in families
