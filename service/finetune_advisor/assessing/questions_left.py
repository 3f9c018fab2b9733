"""How many questions an interview still has, from the paths that the answers so far leave possible."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from finetune_advisor.engine.evaluation.partial import PartialProfiles
from finetune_advisor.engine.evaluation.path_table import PathSet, PathTable, union_of_paths
from finetune_advisor.engine.model.inputs import Profile
from finetune_advisor.engine.model.tree import Tree

MAX_EXAMINED_PATHS = 5_000
"""Paths that are looked at one by one. A tree with more of them gets a bound instead of a count."""
MAX_COUNTED_QUESTIONS = 200
"""Questions of a tree that is counted: a count goes as deep as a tree, and Python's stack is limited."""
MAX_COUNTED_STATES = 1_500
"""States of an interview that a count looks at; from the start of tree 2.0.0 there are 884. Where there are
more, as after a skipped question that leaves much open, a bound is given.
"""
CACHE_SIZE = 10_000
"""Counts that are kept for each tree."""

State = tuple[PathSet, frozenset[str], frozenset[str]]
"""What the rest of an interview depends on: the possible paths, the repeated inputs that are answered, and
those that were skipped.
"""


class TooManyStatesError(Exception):
    """An interview can go on in more ways than a count looks at."""


class QuestionsLeft(NamedTuple):
    """The fewest and the most questions that an interview still asks, the next one included."""

    fewest: int
    most: int

    def __str__(self) -> str:
        if self.most == 1:
            return "Last question"
        span = f"{self.most}" if self.fewest == self.most else f"{self.fewest} to {self.most}"
        return f"{span} questions left"


class QuestionCounter:
    """Counts the questions that are left in interviews about one sound tree, in a bounded time.

    The counts are exact if the tree is small, asks about each input once and compares none with several.
    Otherwise they are estimates: the most questions are still an upper bound, and the fewest may be too many.
    """

    def __init__(self, tree: Tree, table: PathTable | None) -> None:
        self._tree = tree
        is_small = (
            table is not None
            and table.all_paths.bit_count() <= MAX_EXAMINED_PATHS
            and len(tree.questions) <= MAX_COUNTED_QUESTIONS
        )
        self._table = table if is_small else None
        self._partial = PartialProfiles(table) if table and is_small else None
        asked = [name for question in tree.questions.values() for name in question.inputs]
        self._repeated = frozenset(name for name in asked if asked.count(name) > 1)
        self._counts: dict[State, QuestionsLeft] = {}
        self._bounds = _count_from_each_node(tree)

    def count(self, profile: Profile, skipped: Collection[str], next_question: str) -> QuestionsLeft:
        """The questions that are left for a valid profile, whose next one is known.

        Paths on which an answer is certain are not asked about it again. A question that lacks a skipped
        input isn't asked.
        """
        inputs = self._tree.inputs
        given = {name: inputs[name].position(profile[name]) for name in profile if name in inputs}
        missing = frozenset(name for name in skipped if name not in given)
        if self._table is None:
            # Behind a skipped question, an interview follows more than one way down.
            return self._bound({*given, *missing}) if missing else self._bounds[next_question]
        excluded = (group.excluded_paths(given) for group in self._table.input_groups)
        possible = self._table.all_paths & ~union_of_paths(excluded)
        state = possible, frozenset(given) & self._repeated, missing
        if state not in self._counts:
            if len(self._counts) >= CACHE_SIZE:
                self._counts.clear()
            self._counts[state] = self._count_or_bound(state, {*given, *missing})
        left = self._counts[state]
        return QuestionsLeft(max(1, left.fewest), max(1, left.most))

    def _count_or_bound(self, state: State, settled: Collection[str]) -> QuestionsLeft:
        # Counts of an earlier call aren't used: whether there are too many states must not depend on it.
        try:
            return self._count(state, {})
        except TooManyStatesError:
            return self._bound(settled)

    def _bound(self, settled: Collection[str]) -> QuestionsLeft:
        """All questions about other inputs than the answered and the skipped ones."""
        asked = {frozenset(question.inputs) for question in self._tree.questions.values()}
        return QuestionsLeft(1, sum(not inputs <= {*settled} for inputs in asked))

    def _count(self, state: State, counts: dict[State, QuestionsLeft]) -> QuestionsLeft:
        if state not in counts:
            if len(counts) >= MAX_COUNTED_STATES:
                raise TooManyStatesError
            counts[state] = self._count_anew(state, counts)
        return counts[state]

    def _count_anew(self, state: State, counts: dict[State, QuestionsLeft]) -> QuestionsLeft:
        """Take the first question that can change the outcome, and count on for each of its branches."""
        paths, answered, skipped = state
        table, partial = self._table, self._partial
        if table is None or partial is None or len(table.recommendations_of(paths)) <= 1:
            return QuestionsLeft(0, 0)
        for node, passing, branches in table.paths_by_branch:
            asked = frozenset(self._tree.questions[node].inputs)
            parts = [paths & ~(passing & ~taking) for _, taking in branches if paths & taking]
            if len(parts) <= 1 or asked & skipped:
                continue
            # An interview doesn't ask what makes no difference.
            if asked <= answered or any(partial.affects_outcome_of_paths(paths, name) for name in asked):
                known = answered | asked & self._repeated
                return _after_question(
                    [self._count((part, known, skipped), counts) for part in parts],
                    is_answered=asked <= answered,
                )
        return QuestionsLeft(0, 0)


def _after_question(counts: list[QuestionsLeft], *, is_answered: bool) -> QuestionsLeft:
    """The count at a question, from those behind its branches."""
    own = 0 if is_answered else 1
    return QuestionsLeft(
        own + min(left.fewest for left in counts), own + max(left.most for left in counts)
    )


def _count_from_each_node(tree: Tree) -> Mapping[str, QuestionsLeft]:
    """A bound for each node: the questions of the shortest and of the longest way down from it."""
    bounds = dict.fromkeys(tree.recommendations, QuestionsLeft(0, 0))
    for question in reversed(tree.ordered_questions):
        bounds[question.id] = _after_question(
            [bounds[branch.to] for branch in question.branches], is_answered=False
        )
    return bounds
