"""Compiled trees, which look up complete profiles by path and partial profiles in a table of all paths."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from operator import itemgetter
from typing import Any, NamedTuple

from finetune_advisor.engine.evaluation.exact import (
    Assessment,
    Step,
    affects_outcome,
    evaluate,
    ignored_names,
)
from finetune_advisor.engine.evaluation.partial import PartialProfiles
from finetune_advisor.engine.evaluation.path_table import PathTable
from finetune_advisor.engine.evaluation.predicates import (
    WarningPredicates,
    comparison_sign,
    signs_of_condition,
    values_of_condition,
    warning_predicates,
)
from finetune_advisor.engine.model.conditions import InChoices
from finetune_advisor.engine.model.inputs import Profile, Value, normal_answers
from finetune_advisor.engine.model.region import region_of_completions
from finetune_advisor.engine.model.tree import Branch, Question, Recommendation, Tree, WarningRule

MAX_NODES = 10_000
"""Nodes of a compiled tree that are kept in memory; tree 2.0.0 has 981. Any others are made again for each
profile.
"""

TakenBranches = tuple[tuple[Question, Branch], ...]
"""The questions on a path, each with the branch that the path takes."""


@dataclass(frozen=True, eq=False)
class CompiledPath:
    """A path through a tree, which makes assessments of the profiles that take it.

    These profiles answer every question on the path. `names` are the inputs whose answers belong to an
    assessment: those of the questions and of the tree's warnings. `warnings` are the ones that may go with
    the outcome.
    """

    tree: Tree
    taken: TakenBranches
    names: tuple[str, ...]
    warnings: WarningPredicates

    @property
    def last_branch(self) -> Branch:
        """The branch that leads to the recommendation."""
        return self.taken[-1][1]

    @cached_property
    def outcome(self) -> str:
        """The id of the recommendation at the end of the path."""
        return self.last_branch.to

    @property
    def candidates(self) -> tuple[str, ...]:
        """The only recommendation that profiles on the path end in, as an assessment has it."""
        return (self.outcome,)

    @cached_property
    def recommendation(self) -> Recommendation:
        """The recommendation at the end of the path."""
        return self.tree.recommendations[self.last_branch.to]

    @cached_property
    def free_names(self) -> tuple[str, ...]:
        """The names whose answers can differ between profiles on this path."""
        fixed = {question.input for question, branch in self.taken if _has_one_answer(branch)}
        return tuple(name for name in self.names if name not in fixed)

    @cached_property
    def is_finite(self) -> bool:
        """Whether all answers that belong to the assessment are booleans and enum values."""
        return not any(self.tree.inputs[name].is_numeric for name in self.names)

    def answers(self, profile: Profile) -> dict[str, Value]:
        """Return the answers of a profile that belong to its assessment, each in its normal form."""
        return normal_answers(profile, self.names)

    def assessment(self, profile: Profile) -> Assessment:
        """Return the assessment of a profile that takes this path."""
        answers = self.answers(profile)
        # tuple() of a list is faster than of a generator, and every complete profile comes through here.
        return Assessment(
            tree=self.tree,
            path=tuple([self._step(question, branch, answers) for question, branch in self.taken]),
            answers=answers,
            unanswered=(),
            candidates=(self.last_branch.to,),
            reasons=(self.last_branch.reason,),
            next_question=None,
            warnings=tuple(self.active_warnings(answers)),
            ignored=tuple(self.ignored(profile)),
        )

    def active_warnings(self, answers: Profile) -> list[WarningRule]:
        """Return the warnings that go with some answers on this path."""
        # Most paths have none.
        return [rule for rule, is_active in self.warnings if is_active(answers)] if self.warnings else []

    def ignored(self, profile: Profile) -> list[str]:
        """Return the names in a profile that the tree doesn't have, sorted."""
        return ignored_names(self.tree, profile)

    @staticmethod
    def _step(question: Question, branch: Branch, answers: Profile) -> Step:
        return Step(question, tuple([(name, answers[name]) for name in question.inputs]), branch)


class CompiledTree:
    """A sound tree that is prepared for many profiles. It gives the same assessments as `exact.evaluate`."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self._selectors = {node: _selector(tree, question) for node, question in tree.questions.items()}
        self._warnings = warning_predicates(tree)
        self._nodes_left = MAX_NODES
        self._root = self._node(tree.root, ())

    def path(self, profile: Profile) -> CompiledPath | None:
        """Return the path of a profile with valid values, or None if it leaves a question open."""
        node: Any = self._root
        # Missing answers raise KeyError. A check before each lookup would slow down all complete profiles.
        try:
            while node.__class__ is _Node:
                node = node.children[node.select(profile)]
        except KeyError:
            return None
        path: CompiledPath = node
        return path

    def evaluate(self, profile: Profile) -> Assessment:
        """Return the assessment of a profile with valid values."""
        path = self.path(profile)
        return self.partial(profile) if path is None else path.assessment(profile)

    def candidates(self, profile: Profile) -> tuple[str, ...]:
        """Return the recommendations that completions of a profile with valid values end in, in tree order.

        It takes a fraction of the time that an assessment does.
        """
        path = self.path(profile)
        if path is not None:
            return path.candidates
        if self._partial:
            return self._partial.candidates(profile)
        return evaluate(self.tree, profile).candidates

    def partial(self, profile: Profile) -> Assessment:
        """Return the assessment of a profile with valid values that leaves a question open."""
        return self._partial.evaluate(profile) if self._partial else evaluate(self.tree, profile)

    def affects_outcome(self, profile: Profile, name: str) -> bool:
        """Return whether an input that a profile with valid values lacks can still change its outcome.

        It is also True in a tree so large that finding out would take long.
        """
        if self._partial:
            return self._partial.affects_outcome(profile, name)
        return affects_outcome(self.tree, region_of_completions(self.tree, profile), name)

    def decides_between(self, profile: Profile, name: str, recommendation: str) -> bool:
        """Return whether an input that a profile lacks can still change its outcome to or from this one.

        It is also True if any change is possible, in a tree that compares very many inputs or has no table.
        """
        if self._partial:
            return self._partial.decides_between(profile, name, recommendation)
        return affects_outcome(self.tree, region_of_completions(self.tree, profile), name)

    @cached_property
    def table(self) -> PathTable | None:
        """The table of the tree's paths, or None if there are too many. It is made at the first access."""
        return PathTable.of(self.tree)

    @cached_property
    def _partial(self) -> PartialProfiles | None:
        return PartialProfiles(self.table) if self.table else None

    def _node(self, question_id: str, taken: TakenBranches) -> _Node:
        select, branch_by_answer = self._selectors[question_id]
        return _Node(select, _Children(branch_by_answer, partial(self._child, question_id, taken)))

    def _child(
        self, question_id: str, taken: TakenBranches, index: int
    ) -> tuple[_Node | CompiledPath, bool]:
        """Return what follows a branch, and whether to keep it in memory."""
        question = self.tree.questions[question_id]
        branch = question.branches[index]
        taken_here = (*taken, (question, branch))
        is_question = branch.to in self.tree.questions
        child = self._node(branch.to, taken_here) if is_question else self._path(taken_here)
        # Without this limit, profiles that take ever new paths would fill the memory.
        self._nodes_left -= 1
        return child, self._nodes_left >= 0

    def _path(self, taken: TakenBranches) -> CompiledPath:
        asked = [name for question, _ in taken for name in question.inputs]
        names = tuple(dict.fromkeys([*asked, *self.tree.warning_inputs]))
        outcome = taken[-1][1].to
        warnings = [(rule, is_active) for rule, is_active in self._warnings if rule.applies_to(outcome)]
        return CompiledPath(self.tree, taken, names, tuple(warnings))


def _has_one_answer(branch: Branch) -> bool:
    """Return whether only one answer takes a branch."""
    return isinstance(branch.test, InChoices) and len(branch.test.values) == 1


class _Children(dict[Any, Any]):
    """The node or path that follows each answer to a question.

    It is made when a profile first needs it, because a tree can have more paths than fit in memory.
    """

    def __init__(
        self,
        branch_by_answer: Mapping[Any, int],
        make: Callable[[int], tuple[_Node | CompiledPath, bool]],
    ) -> None:
        super().__init__()
        self._branch_by_answer, self._make = branch_by_answer, make

    def __missing__(self, answer: Any) -> _Node | CompiledPath:
        branch_index = self._branch_by_answer[answer]
        child, keep = self._make(branch_index)
        if keep:
            # All answers that take the branch share the child.
            same_branch = [key for key, index in self._branch_by_answer.items() if index == branch_index]
            self.update(dict.fromkeys(same_branch, child))
        return child


class _Node(NamedTuple):
    """A question on a path. `select` turns a profile into a key of `children`.

    `select` raises KeyError for a profile that doesn't answer the question.
    """

    select: Callable[[Profile], Any]
    children: _Children


def _selector(tree: Tree, question: Question) -> tuple[Callable[[Profile], Any], Mapping[Any, int]]:
    """Return a function that turns a profile into a key, and the index of the branch for each key.

    The key is the answer to a boolean or enum, the sign of a comparison, or the number of the span that a
    number lies in.
    """
    name, input_ = question.input, tree.inputs[question.input]
    conditions = [condition for condition, _ in tree.branch_conditions[question.id]]
    if question.compared_to is not None:
        return comparison_sign(name, question.compared_to), {
            sign: index
            for index, condition in enumerate(conditions)
            for sign in signs_of_condition(condition)
        }
    if not input_.is_numeric:
        return itemgetter(name), {
            value: index
            for index, condition in enumerate(conditions)
            for value in values_of_condition(input_, condition)
        }
    # The spans of a sound question cover the axis, so the last start up to a number tells its span.
    spans = sorted(
        (low, index)
        for index, condition in enumerate(conditions)
        for low, _ in condition.domain.spans  # type: ignore[union-attr]  # this question compares nothing
    )
    starts = [low for low, _ in spans]
    branch_by_span = dict(enumerate((index for _, index in spans), 1))
    return lambda profile: bisect_right(starts, profile[name]), branch_by_span
