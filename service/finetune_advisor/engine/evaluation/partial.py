"""Assessments of profiles that leave questions open, from a table of the tree's paths."""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache
from typing import Any

from finetune_advisor.engine.evaluation.exact import (
    Assessment,
    ReachedNodes,
    affects_outcome,
    build_assessment,
)
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
from finetune_advisor.engine.model.tree import Branch, WarningRule

MAX_CONSTRAINTS = 32
"""Constraints of a group of compared inputs, up to which all pairs are checked against each other; this takes
about 0.1 s. With more of them, walks find out whether an input matters.
"""

CACHE_SIZE = 4096
"""Results of each kind of lookup in a table that are kept."""


class PartialProfiles:
    """Evaluates partial profiles with a sound tree. It gives the same assessments as `exact.evaluate`."""

    def __init__(self, table: PathTable) -> None:
        self._table, self._tree, self._groups = table, table.tree, table.input_groups
        self._group_index = {
            name: index for index, group in enumerate(table.input_groups) for name in group.names
        }
        compared = [group for group in table.input_groups if len(group.names) > 1]
        self._compared_groups = {frozenset(group.names): group for group in compared}
        self._compared_with = {name: names for names in self._compared_groups for name in names}
        self._has_large_groups = any(len(group.constraints) > MAX_CONSTRAINTS for group in compared)
        self._excluded = {
            name: _ExcludedPaths(table.tree.inputs[name], table.input_groups[index])
            for name, index in self._group_index.items()
        }
        # Each question's branches but the last, which needs no look: paths that take no other take it.
        self._branches = [
            (node, passing, branches[:-1], branches[-1][0])
            for node, passing, branches in table.paths_by_branch
        ]
        warnings = warning_predicates(table.tree)
        self._warnings = {
            outcome: [(rule, is_active) for rule, is_active in warnings if rule.applies_to(outcome)]
            for outcome in (None, *table.tree.recommendations)
        }
        outcomes = [
            (path, same_outcome)
            for same_outcome in table.paths_by_recommendation.values()
            for path in iter_bits(same_outcome)
        ]
        # The paths with the same outcome as each path, by the number of the path.
        self._same_outcome = [same_outcome for _, same_outcome in sorted(outcomes)]
        self._rivals = lru_cache(CACHE_SIZE)(self._find_rivals)
        self._compatible_cache: dict[object, PathSet] = {}

    def evaluate(self, profile: Profile) -> Assessment:
        """Return the assessment of a profile with valid values."""
        possible = self._possible(profile)
        return build_assessment(
            self._tree,
            profile,
            self._reached_nodes(possible),
            lambda name: self._affects_outcome(profile, name, possible),
            self._active_warnings,
        )

    def candidates(self, profile: Profile) -> tuple[str, ...]:
        """Return the recommendations that completions of a profile end in, in tree order."""
        return self._table.recommendations_of(self._possible(profile))

    def affects_outcome(self, profile: Profile, name: str) -> bool:
        """Return whether an input that a profile lacks can still change its outcome."""
        return self._affects_outcome(profile, name, self._possible(profile))

    def decides_between(self, profile: Profile, name: str, recommendation: str) -> bool:
        """Return whether an input that a profile lacks can still change its outcome to or from this one.

        It is also True if any change is possible, in a tree that compares very many inputs.
        """
        possible = self._possible(profile)
        if self._has_large_groups:
            return self._affects_outcome(profile, name, possible)
        # Such a change involves a path to the recommendation, so the others needn't be tried.
        tried = self._table.paths_by_recommendation[recommendation]
        return self._is_decisive(name, profile, possible, tried)

    def affects_outcome_of_paths(self, paths: PathSet, name: str) -> bool:
        """Return whether profiles that differ in one input can take two of these paths and end differently.

        It is True, too, if the tree compares so many inputs that this takes long.
        """
        return self._has_large_groups or self._is_decisive(name, {}, paths)

    def _affects_outcome(self, profile: Profile, name: str, possible: PathSet) -> bool:
        if self._has_large_groups:
            return affects_outcome(self._tree, region_of_completions(self._tree, profile), name)
        return self._is_decisive(name, profile, possible)

    def _possible(self, profile: Profile) -> PathSet:
        """Return the paths that completions of a profile can take."""
        excluded, excluded_by_input = 0, self._excluded
        for name, value in profile.items():
            if name in excluded_by_input:
                by_cell = excluded_by_input[name]
                starts = by_cell.starts
                excluded |= by_cell[bisect_right(starts, value) if starts else value]
        # Several answers in a group can rule out more together than each of them alone.
        answers = self._compared_answers(profile)
        for names, group in self._compared_groups.items():
            if len(answers.keys() & names) > 1:
                excluded |= group.excluded_paths(answers)
        return self._table.all_paths & ~excluded

    def _reached_nodes(self, possible: PathSet) -> ReachedNodes:
        """Return the nodes on these paths."""
        visited: list[tuple[str, Branch | None]] = []
        for node, passing, others, last in self._branches:
            if here := passing & possible:
                for branch, paths in others:
                    if taking := paths & here:
                        # The first branch that any of them takes; there are more if not all of them do.
                        visited.append((node, branch if taking == here else None))
                        break
                else:
                    visited.append((node, last))
        candidates, reasons = self._table.recommendations_of(possible), []
        if len(candidates) == 1:
            reasons = [
                branch.reason
                for _, _, branches in self._table.paths_by_branch
                for branch, paths in branches
                if paths & possible and branch.to in candidates
            ]
        return ReachedNodes(visited, candidates, reasons)

    def _compared_answers(self, profile: Profile) -> AnswerPositions:
        """Return the answers to inputs that are compared with others."""
        return {n: profile[n] for n in self._compared_with if n in profile}  # type: ignore[misc]  # numbers

    def _active_warnings(self, answers: Profile, outcome: str | None) -> list[WarningRule]:
        return [rule for rule, is_active in self._warnings[outcome] if is_active(answers)]

    def _is_decisive(
        self, name: str, profile: Profile, possible: PathSet, tried: PathSet | None = None
    ) -> bool:
        """Return whether two completions of the profile that differ only in `name` can end differently.

        This needs two possible paths with different outcomes, one for each completion. In the group of
        `name`, the answers for the two paths may differ in `name` only. In each other group, the same
        answers must allow both paths.
        """
        own_group = self._group_index[name]
        answers = self._compared_answers(profile)
        # If all answers of a group are known, `possible` is exact for it. If none are known, the cached
        # rivals are. So only groups with some known answers need a check below.
        partly_known = [index for index in self._partly_known_groups(answers) if index != own_group]
        is_compared = name in self._compared_with
        unconstrained = self._groups[own_group].constraints[0][1]
        # If a path doesn't constrain the input, both profiles take this same path or neither does. So
        # such a path can't lead to different outcomes, and is left out.
        paths = possible if is_compared else possible & ~unconstrained
        if tried is not None:
            paths &= tried
        checked_here = frozenset({own_group, *partly_known})
        for path in iter_bits(paths):
            rivals = self._rivals(path, checked_here) & possible
            if rivals and is_compared:
                constraint = self._table.constraints_of(path).get(own_group, 0)
                rivals &= self._compatible(own_group, constraint, answers, except_input=name)
            for group in partly_known:
                constraint = self._table.constraints_of(path).get(group, 0)
                rivals &= self._compatible(group, constraint, answers)
            if rivals:
                return True
        return False

    def _partly_known_groups(self, answers: AnswerPositions) -> set[int]:
        """Return the groups of compared inputs in which some answers are known and others are missing."""
        return {self._group_index[n] for n in answers if not answers.keys() >= self._compared_with[n]}

    def _find_rivals(self, path: PathSet, unchecked: frozenset[int]) -> PathSet:
        """Return the paths with another outcome that can share their answers with `path` in each group.

        `unchecked` groups are left out. The check doesn't use the answers of the profile, so the result
        can be cached for all profiles.
        """
        rivals = self._table.all_paths & ~self._same_outcome[path.bit_length() - 1]
        for group, constraint in self._table.constraints_of(path).items():
            if group not in unchecked:
                rivals &= self._compatible(group, constraint, {})
        return rivals

    def _compatible(
        self,
        group_index: int,
        constraint_index: int,
        answers: AnswerPositions,
        *,
        except_input: str | None = None,
    ) -> PathSet:
        """Return `compatible_paths` or `compatible_paths_except` of a group, from a cache."""
        # lru_cache would use the answers as keys, but all answers of a cell have the same result.
        group = self._groups[group_index]
        key = group_index, constraint_index, except_input, group.cell_of(answers)
        compatible = self._compatible_cache.get(key)
        if compatible is None:
            if len(self._compatible_cache) >= CACHE_SIZE:
                self._compatible_cache.clear()
            compatible = self._compatible_cache[key] = (
                group.compatible_paths(constraint_index, answers)
                if except_input is None
                else group.compatible_paths_except(except_input, constraint_index, answers)
            )
        return compatible


class _ExcludedPaths(dict[Any, PathSet]):
    """The paths that an answer to one input rules out, by cell. An entry is made when it is first needed.

    The cell of a number is given as the count of cells that start at or below it. The cell of any other
    answer is the answer itself.
    """

    def __init__(self, input_: Input, group: InputGroup) -> None:
        super().__init__()
        self._input, self._group = input_, group
        self.starts = group.cell_starts[input_.name] if input_.is_numeric else ()

    def __missing__(self, cell: Any) -> PathSet:
        # A cell's first position stands for all of them.
        position = self.starts[cell - 1] if self.starts else self._input.position(cell)
        paths = self[cell] = self._group.excluded_by_answer(self._input.name, position)
        return paths
