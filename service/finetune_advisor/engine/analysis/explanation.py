"""Explanations: the answers that force an outcome, the changes that lead to another one, and what each
answer does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, islice

from finetune_advisor.engine.analysis.change_options import ChangeOptions
from finetune_advisor.engine.analysis.counterfactual_search import (
    MAX_SEARCH_STATES,
    CounterfactualSearch,
)
from finetune_advisor.engine.analysis.representatives import (
    alternative_positions,
    partition_inputs,
    representative,
)
from finetune_advisor.engine.analysis.rounding import rounder_numbers
from finetune_advisor.engine.evaluation.exact import Assessment, evaluate
from finetune_advisor.engine.evaluation.path_table import (
    AnswerPositions,
    InputGroup,
    PathSet,
    PathTable,
    iter_bits,
    union_of_paths,
)
from finetune_advisor.engine.model.inputs import Profile, Value
from finetune_advisor.engine.model.tree import Tree

MAX_SENSITIVITY_CHECKS = 30_000
"""Checks of domains and order constraints that an explanation may take: for `sensitivity`, in each group of
compared inputs, and for the rounding of numbers.
"""


@dataclass(frozen=True)
class Change:
    """A changed answer. `before` is None if the input was unknown."""

    input: str
    before: Value | None
    after: Value


@dataclass(frozen=True)
class Counterfactual:
    """A minimal set of changed answers that leads to another recommendation."""

    recommendation: str
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class AnswerOutcome:
    """The candidates that another answer to one input leads to; if there is only one, the answer decides.

    A number represents all numbers from `minimum` to `maximum`. These limits are exact.
    """

    answer: Value
    candidates: tuple[str, ...]
    minimum: Value | None = None
    maximum: Value | None = None


@dataclass(frozen=True)
class Explanation:
    """The reason for an assessment, and what would change it.

    `truncated` tells that something is missing: counterfactuals, because of the limit or because the search
    has met its bound; the sufficient reason of a decided profile; or inputs in `sensitivity`, because
    compared inputs have too many cells. All that is there is exact.
    """

    tree: Tree
    profile: Profile
    sufficient_reason: tuple[str, ...] | None
    counterfactuals: tuple[Counterfactual, ...]
    truncated: bool
    sensitivity: Mapping[str, tuple[AnswerOutcome, ...]]

    @cached_property
    def assessment(self) -> Assessment:
        """The assessment that is explained."""
        return evaluate(self.tree, self.profile)


class Explainer:
    """Explains the assessments of one sound tree, from the table of its paths.

    Without a table, explanations are empty and truncated. `max_states` bounds each search.
    """

    def __init__(
        self, tree: Tree, table: PathTable | None, *, max_states: int = MAX_SEARCH_STATES
    ) -> None:
        self.tree, self._table, self._max_states = tree, table, max_states
        self._options = ChangeOptions(table) if table else None

    def explain(
        self,
        profile: Profile,
        *,
        target: str | None = None,
        frozen: Collection[str] = (),
        limit: int | None = None,
    ) -> Explanation:
        """Return the explanation of a profile, with at most `limit` counterfactuals.

        With `target`, counterfactuals only lead to the recommendation with this id; there are none if the
        tree doesn't have it. Counterfactuals don't change `frozen` inputs. Raises ValueError or TypeError
        for a value that its input can't have.
        """
        if self._table is None or self._options is None:
            return Explanation(self.tree, profile, None, (), truncated=True, sensitivity={})
        case = _Case(self._table, self._options, profile, self._max_states)
        counterfactuals, may_have_more = case.counterfactuals(target, frozen, limit)
        reason, sensitivity = case.sufficient_reason(), case.sensitivity()
        lacks_inputs = len(sensitivity) < len(self.tree.inputs)
        # An undecided profile has no reason to give, so nothing is missing there.
        lacks_reason = reason is None and case.is_decided
        truncated = may_have_more or lacks_inputs or lacks_reason
        return Explanation(self.tree, profile, reason, counterfactuals, truncated, sensitivity)

    def limited_inputs(self, profile: Profile) -> list[str]:
        """Return the inputs that the sensitivity of a profile leaves out.

        Raises the same errors as `explain`.
        """
        if self._table is None or self._options is None:
            return list(self.tree.inputs)
        return _Case(self._table, self._options, profile, self._max_states).limited_inputs()


class _Case:
    """A profile to explain, with the cells of its inputs; one position represents each cell."""

    def __init__(
        self, table: PathTable, options: ChangeOptions, profile: Profile, max_states: int
    ) -> None:
        self.table, self.tree, self._options = table, table.tree, options
        self._max_states = max_states
        inputs = self.tree.inputs
        self.given_answers = {n: inputs[n].position(v) for n, v in profile.items() if n in inputs}
        self._cells = partition_inputs(self.tree, self.given_answers)
        # Kept by group, because sensitivity replaces the answers of one group at a time.
        self._excluded_by_group = [
            group.excluded_paths(self.given_answers) for group in table.input_groups
        ]
        self._possible = table.all_paths & ~union_of_paths(self._excluded_by_group)
        self._candidates = table.recommendations_of(self._possible)
        self._rounding_checks_left = MAX_SENSITIVITY_CHECKS

    @property
    def is_decided(self) -> bool:
        return len(self._candidates) == 1

    def sufficient_reason(self) -> tuple[str, ...] | None:
        """Return the inputs of a smallest set of answers that alone forces the recommendation.

        Returns None for an undecided profile, and if the search finds no set that is certainly smallest.
        """
        if not self.is_decided:
            return None
        # The search starts from nothing known and may only choose the profile's own answers. Any possible
        # path will do as a target, because none of these answers rules it out.
        own_answers = {
            name: (self.given_answers[name],) if name in self.given_answers else ()
            for name in self.tree.inputs
        }
        search = CounterfactualSearch(self.table, self._options, {}, own_answers, self._max_states)
        possible_path = next(iter_bits(self._possible))
        smallest = next(search.minimal_changes({self._candidates[0]: possible_path}), None)
        if smallest is None or len(smallest[1]) > search.untried:
            return None
        return tuple(name for name in self.tree.inputs if name in smallest[1])

    def counterfactuals(
        self, target: str | None, frozen: Collection[str], limit: int | None
    ) -> tuple[tuple[Counterfactual, ...], bool]:
        """Return minimal sets of changed answers that decide for another recommendation, up to a limit.

        The nearest sets come first. The second value tells whether there may be more.

        A set is minimal if no proper subset decides for the same recommendation. An answer to an unknown
        input is a change, too; inputs that stay unknown make no difference. Of sets that differ only in
        numbers, the nearest one is returned, with rounder numbers: 499 instead of the double below 500.
        """
        options = alternative_positions(self._cells, self.given_answers)
        choices = {name: () if name in frozen else options.get(name, ()) for name in self.tree.inputs}
        search = CounterfactualSearch(
            self.table, self._options, self.given_answers, choices, self._max_states
        )
        targets = {
            name: paths
            for name, paths in self.table.paths_by_recommendation.items()
            if target in (None, name) and self._candidates != (name,)
        }
        changes = search.minimal_changes(targets)
        counterfactuals = [
            Counterfactual(name, self._changes(answers)) for name, answers in islice(changes, limit)
        ]
        # One set more than the limit tells whether the list is complete.
        has_more = next(changes, None) is not None
        # Inputs with too many cells have no options, so changes of them weren't searched.
        is_incomplete = bool(targets) and len(self._cells) < len(self.tree.inputs)
        return tuple(counterfactuals), has_more or search.exhausted or is_incomplete

    def _changes(self, answers: AnswerPositions) -> tuple[Change, ...]:
        answers = {**answers}
        for group in self.table.input_groups:
            if not answers.keys().isdisjoint(group.names):
                answers |= self._rounded(group, {n: answers[n] for n in group.names if n in answers})
        changed = (
            (input_, self.given_answers.get(name))
            for name, input_ in self.tree.inputs.items()
            if name in answers
        )
        return tuple(
            Change(
                input_.name,
                None if before is None else input_.value(before),
                input_.value(answers[input_.name]),
            )
            for input_, before in changed
        )

    def _rounded(self, group: InputGroup, answers: AnswerPositions) -> AnswerPositions:
        """Return changed answers to inputs of a group, as round as they can be to rule out the same paths."""
        rounded = {**answers}
        excluded = group.excluded_paths({**self.given_answers, **answers})
        # A compared input can keep another one from being rounded until it is rounded itself, so each
        # answer gets as many attempts as there are answers.
        for name in [*answers] * len(answers):
            for number in rounder_numbers(rounded[name], len(group.names)):
                self._rounding_checks_left -= group.check_count
                if self._rounding_checks_left < 0:
                    return rounded
                if number != self.given_answers.get(name) and number in self.tree.axes[name]:
                    with_number = {**self.given_answers, **rounded, name: number}
                    if group.excluded_paths(with_number) == excluded:
                        rounded[name] = number
                        break
        return rounded

    def sensitivity(self) -> Mapping[str, tuple[AnswerOutcome, ...]]:
        """Return for each input the outcomes of all other answers to it, while the rest of the profile stays.

        Adjacent numbers with the same outcome are in one range; the range of the given number is left out.
        Inputs with too many cells are left out, too.
        """
        outcomes = {}
        for index, group in enumerate(self.table.input_groups):
            if self._is_limited(group):
                continue
            excluded_by_others = self._excluded_by_group[:index] + self._excluded_by_group[index + 1 :]
            possible = self.table.all_paths & ~union_of_paths(excluded_by_others)
            for name in group.names:
                outcomes[name] = tuple(self._outcomes(group, possible, name))
        return {name: outcomes[name] for name in self.tree.inputs if name in outcomes}

    def limited_inputs(self) -> list[str]:
        """Return the inputs that `sensitivity` leaves out."""
        return [
            name for group in self.table.input_groups if self._is_limited(group) for name in group.names
        ]

    def _is_limited(self, group: InputGroup) -> bool:
        cell_counts = [len(self._cells[name]) for name in group.names if name in self._cells]
        return not cell_counts or sum(cell_counts) * group.check_count > MAX_SENSITIVITY_CHECKS

    def _outcomes(self, group: InputGroup, possible: PathSet, name: str) -> Iterator[AnswerOutcome]:
        """Yield the outcomes of an input's cells. Adjacent cells of a number are joined if they are equal."""
        input_, cells = self.tree.inputs[name], self._cells[name]
        given_position = self.given_answers.get(name)
        positions = [representative(cells, cell, given_position) for cell in cells]
        excluded = [
            group.excluded_paths({**self.given_answers, name: position}) for position in positions
        ]
        candidates = [self.table.recommendations_of(possible & ~paths) for paths in excluded]
        # The index as a key keeps the values of booleans and enums apart.
        for _, run in groupby(
            range(len(cells)), key=lambda index: candidates[index] if input_.is_numeric else index
        ):
            first, *others = run
            last = others[-1] if others else first
            low, high = cells[first].least, cells[last].greatest
            # Numbers in the range of the given one change nothing.
            if given_position is None or not low <= given_position <= high:
                is_range_below = given_position is not None and high < given_position
                nearest = positions[last if is_range_below else first]
                rounder = (number for number in rounder_numbers(nearest) if low <= number <= high)
                answer = input_.value(next(rounder, nearest))
                limits = (input_.value(low), input_.value(high)) if input_.is_numeric else (None, None)
                yield AnswerOutcome(answer, candidates[first], *limits)
