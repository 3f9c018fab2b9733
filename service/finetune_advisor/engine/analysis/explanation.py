"""Explanations: which answers force an outcome, what would change it, and what each answer does."""

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
"""How many domains and orders the cells of compared inputs are held against for `sensitivity`, and how many
rounded numbers are.
"""


@dataclass(frozen=True)
class Change:
    """An answer that changes; `before` is None where the input was unknown."""

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
    """What an answer alone would lead to: one candidate if it decides, several if not.

    A number stands for all from `minimum` to `maximum`, which lead to the same; they are exact.
    """

    answer: Value
    candidates: tuple[str, ...]
    minimum: Value | None = None
    maximum: Value | None = None


@dataclass(frozen=True)
class Explanation:
    """An assessment, why it came out, and what would change it.

    `truncated` says that something is left out: counterfactuals, for the limit or because there are too
    many to search through; the reason of a decided profile; or inputs in `sensitivity`, where compared
    inputs have too many different answers. What is said is exact all the same.
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

    A tree with too many paths for a table isn't explained: its explanations have neither reason nor
    counterfactuals nor sensitivity, and say that they are truncated.
    """

    def __init__(self, tree: Tree, table: PathTable | None, *, work: int = MAX_SEARCH_STATES) -> None:
        self.tree, self._table, self._work = tree, table, work
        self._options = ChangeOptions(table) if table else None

    def explain(
        self,
        profile: Profile,
        *,
        target: str | None = None,
        frozen: Collection[str] = (),
        limit: int | None = None,
    ) -> Explanation:
        """The explanation of a profile, with at most `limit` counterfactuals.

        `target` asks for those to one recommendation, of which a tree that lacks it has none; `frozen` inputs
        stay. Raises ValueError or TypeError
        for a value of another type than its input's.
        """
        if self._table is None or self._options is None:
            return Explanation(self.tree, profile, None, (), truncated=True, sensitivity={})
        case = _Case(self._table, self._options, profile, self._work)
        found, more = case.counterfactuals(target, frozen, limit)
        reason, sensitivity = case.sufficient_reason(), case.sensitivity()
        unsaid = len(sensitivity) < len(self.tree.inputs) or (reason is None and case.decided)
        return Explanation(self.tree, profile, reason, found, more or unsaid, sensitivity)

    def limited_inputs(self, profile: Profile) -> list[str]:
        """The inputs that an explanation of a profile leaves out of its sensitivity.

        Raises as `explain` does.
        """
        if self._table is None or self._options is None:
            return list(self.tree.inputs)
        return _Case(self._table, self._options, profile, self._work).limited_inputs()


class _Case:
    """A profile to explain. Its inputs' axes are cut into cells, of which one position stands for all."""

    def __init__(self, table: PathTable, options: ChangeOptions, profile: Profile, work: int) -> None:
        self.table, self.tree, self._options, self._work = table, table.tree, options, work
        inputs = self.tree.inputs
        self.given = {n: inputs[n].position(v) for n, v in profile.items() if n in inputs}
        self._cells = partition_inputs(self.tree, self.given)
        self._ruled_out = [block.excluded_paths(self.given) for block in table.input_groups]
        self._possible = table.all_paths & ~union_of_paths(self._ruled_out)
        self._current = table.recommendations_of(self._possible)
        self._tests_left = MAX_SENSITIVITY_CHECKS

    @property
    def decided(self) -> bool:
        return len(self._current) == 1

    def sufficient_reason(self) -> tuple[str, ...] | None:
        """A smallest set of the given answers that alone forces the recommendation, in the tree's order.

        None for an undecided profile, and where the search ended without one that is certainly smallest.
        """
        if not self.decided:
            return None
        own = {name: (self.given[name],) if name in self.given else () for name in self.tree.inputs}
        search = CounterfactualSearch(self.table, self._options, {}, own, self._work)
        one_path = next(iter_bits(self._possible))
        smallest = next(search.minimal_changes({self._current[0]: one_path}), None)
        if smallest is None or len(smallest[1]) > search.untried:
            return None
        return tuple(name for name in self.tree.inputs if name in smallest[1])

    def counterfactuals(
        self, target: str | None, frozen: Collection[str], limit: int | None
    ) -> tuple[tuple[Counterfactual, ...], bool]:
        """Every minimal set of changed answers that decides for another recommendation, nearest first, up
        to a limit; and whether there may be more.

        Minimal: no proper subset of the changes decides for the same one. Giving an answer that was
        unknown is a change too; what stays unknown then makes no difference. Sets that differ in numbers
        alone are one. The nearest numbers that do it give the order; what is named is rounder, where the
        nearest one is a double next to a limit: 499 for less than 500.
        """
        options = alternative_positions(self._cells, self.given)
        free = {name: () if name in frozen else options.get(name, ()) for name in self.tree.inputs}
        search = CounterfactualSearch(self.table, self._options, self.given, free, self._work)
        targets = {
            end: paths
            for end, paths in self.table.paths_by_recommendation.items()
            if target in (None, end) and self._current != (end,)
        }
        found = search.minimal_changes(targets)
        listed = [Counterfactual(end, self._changes(answers)) for end, answers in islice(found, limit)]
        more = next(found, None) is not None
        unsearched = bool(targets) and len(self._cells) < len(self.tree.inputs)
        return tuple(listed), more or search.exhausted or unsearched

    def _changes(self, answers: AnswerPositions) -> tuple[Change, ...]:
        answers = {**answers}
        for block in self.table.input_groups:
            if not answers.keys().isdisjoint(block.names):
                answers |= self._rounded(block, {n: answers[n] for n in block.names if n in answers})
        changed = (
            (one, self.given.get(name)) for name, one in self.tree.inputs.items() if name in answers
        )
        return tuple(
            Change(one.name, None if before is None else one.value(before), one.value(answers[one.name]))
            for one, before in changed
        )

    def _rounded(self, block: InputGroup, answers: AnswerPositions) -> AnswerPositions:
        """Changed answers to inputs of one block, rounded as far as they rule out the same paths then.

        Each is tried as often as there are answers, as a compared input may stand in its way at first.
        """
        rounder = {**answers}
        ruled_out = block.excluded_paths({**self.given, **answers})
        for name in [*answers] * len(answers):
            for number in rounder_numbers(rounder[name], len(block.names)):
                self._tests_left -= block.check_count
                if self._tests_left < 0:
                    return rounder
                if number != self.given.get(name) and number in self.tree.axes[name]:
                    others = {**self.given, **rounder, name: number}
                    if block.excluded_paths(others) == ruled_out:
                        rounder[name] = number
                        break
        return rounder

    def sensitivity(self) -> Mapping[str, tuple[AnswerOutcome, ...]]:
        """For each input, what every other answer to it alone would lead to; numbers in ranges that lead
        to the same, without the range of the given one. Inputs with too many cells are left out.
        """
        outcomes = {}
        for place, block in enumerate(self.table.input_groups):
            if self._is_limited(block):
                continue
            others = self._ruled_out[:place] + self._ruled_out[place + 1 :]
            possible = self.table.all_paths & ~union_of_paths(others)
            for name in block.names:
                outcomes[name] = tuple(self._outcomes(block, possible, name))
        return {name: outcomes[name] for name in self.tree.inputs if name in outcomes}

    def limited_inputs(self) -> list[str]:
        """The inputs that `sensitivity` leaves out."""
        return [
            name for block in self.table.input_groups if self._is_limited(block) for name in block.names
        ]

    def _is_limited(self, block: InputGroup) -> bool:
        cells = [len(self._cells[name]) for name in block.names if name in self._cells]
        return not cells or sum(cells) * block.check_count > MAX_SENSITIVITY_CHECKS

    def _outcomes(self, block: InputGroup, possible: PathSet, name: str) -> Iterator[AnswerOutcome]:
        """The outcomes of an input's cells, neighbouring cells of a number with the same one together."""
        one, given, all_ = self.tree.inputs[name], self.given.get(name), self._cells[name]
        spots = [representative(all_, cell, given) for cell in all_]
        ruled_out = [block.excluded_paths({**self.given, name: spot}) for spot in spots]
        ends = [self.table.recommendations_of(possible & ~paths) for paths in ruled_out]
        for _, run in groupby(
            range(len(all_)), key=lambda place: ends[place] if one.is_numeric else place
        ):
            first, *others = run
            last = others[-1] if others else first
            low, high = all_[first].least, all_[last].greatest
            if given is None or not low <= given <= high:
                spot = spots[last] if given is not None and given > high else spots[first]
                spot = next((number for number in rounder_numbers(spot) if low <= number <= high), spot)
                limits = (one.value(low), one.value(high)) if one.is_numeric else (None, None)
                yield AnswerOutcome(one.value(spot), ends[first], *limits)
