"""Compiled trees: a complete profile is looked up by its path, a partial one in a table of all paths."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from operator import itemgetter
from typing import Any, NamedTuple

from finetune_advisor.engine.evaluation.exact import Assessment, Step, evaluate
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
from finetune_advisor.engine.model.tree import Branch, Question, Recommendation, Tree, WarningRule

MAX_NODES = 10_000
"""Nodes of a compiled tree that are kept. Tree 2.0.0 has 981; a tree with more paths makes the others anew
for each profile.
"""

TakenBranches = tuple[tuple[Question, Branch], ...]
"""The questions on a path, each with the branch that is taken there."""


@dataclass(frozen=True, eq=False)
class CompiledPath:
    """A path through a tree, as taken by profiles that answer every question on it.

    `names` are the inputs whose answers belong to the assessment: those on the path, and those that the
    warnings look at.
    """

    tree: Tree
    taken: TakenBranches
    names: tuple[str, ...]
    warnings: WarningPredicates

    @property
    def last_branch(self) -> Branch:
        return self.taken[-1][1]

    @cached_property
    def outcome(self) -> str:
        """The id of the recommendation that the path ends in."""
        return self.last_branch.to

    @cached_property
    def recommendation(self) -> Recommendation:
        return self.tree.recommendations[self.last_branch.to]

    @cached_property
    def free_names(self) -> tuple[str, ...]:
        """Those of `names` whose answers may differ from profile to profile on this path."""
        settled = {question.input for question, branch in self.taken if _is_single(branch)}
        return tuple(name for name in self.names if name not in settled)

    @cached_property
    def is_finite(self) -> bool:
        """Whether the answers that belong to the assessment are booleans and enum values alone."""
        return not any(self.tree.inputs[name].is_numeric for name in self.names)

    def answers(self, profile: Profile) -> dict[str, Value]:
        """The answers of a profile that belong to the assessment, each in its normal form."""
        return normal_answers(profile, self.names)

    def assessment(self, profile: Profile) -> Assessment:
        """The assessment of a profile that takes this path."""
        answers = self.answers(profile)
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
        """The warnings that belong to some answers."""
        return [rule for rule, is_active in self.warnings if is_active(answers)]

    def ignored(self, profile: Profile) -> list[str]:
        """The names in a profile that the tree doesn't have."""
        known = self.tree.inputs.keys()
        return [] if profile.keys() <= known else sorted(profile.keys() - known)

    @staticmethod
    def _step(question: Question, branch: Branch, answers: Profile) -> Step:
        return Step(question, tuple([(name, answers[name]) for name in question.inputs]), branch)


class CompiledTree:
    """A sound tree, ready to be asked often. Its assessments are those of `evaluate`."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self._selectors = {node: _selector(tree, question) for node, question in tree.questions.items()}
        self._warnings = warning_predicates(tree)
        self._nodes_left = MAX_NODES
        self._root = self._node(tree.root, ())

    def path(self, profile: Profile) -> CompiledPath | None:
        """The path that a profile takes, None if it leaves a question on it open. Values must be valid."""
        node: Any = self._root
        try:
            while node.__class__ is _Node:
                node = node.children[node.select(profile)]
        except KeyError:
            return None
        path: CompiledPath = node
        return path

    def evaluate(self, profile: Profile) -> Assessment:
        """As `evaluate` does, for valid values."""
        path = self.path(profile)
        return self.partial(profile) if path is None else path.assessment(profile)

    def partial(self, profile: Profile) -> Assessment:
        """As `evaluate` does, for valid values that leave some question open."""
        return self._partial.evaluate(profile) if self._partial else evaluate(self.tree, profile)

    @cached_property
    def table(self) -> PathTable | None:
        """The table of the tree's paths, made when it is asked for; None if there are too many."""
        return PathTable.of(self.tree)

    @cached_property
    def _partial(self) -> PartialProfiles | None:
        return PartialProfiles(self.table) if self.table else None

    def _node(self, question_id: str, taken: TakenBranches) -> _Node:
        select, branch_of = self._selectors[question_id]
        return _Node(select, _Children(branch_of, partial(self._child, question_id, taken)))

    def _child(
        self, question_id: str, taken: TakenBranches, index: int
    ) -> tuple[_Node | CompiledPath, bool]:
        """What follows a branch that no profile took before, and whether it is to be kept."""
        question = self.tree.questions[question_id]
        branch = question.branches[index]
        onwards = (*taken, (question, branch))
        is_question = branch.to in self.tree.questions
        child = self._node(branch.to, onwards) if is_question else self._path(onwards)
        self._nodes_left -= 1
        return child, self._nodes_left >= 0

    def _path(self, taken: TakenBranches) -> CompiledPath:
        asked = [name for question, _ in taken for name in question.inputs]
        names = tuple(dict.fromkeys([*asked, *self.tree.warning_inputs]))
        end = taken[-1][1].to
        warnings = [(rule, is_active) for rule, is_active in self._warnings if rule.applies_to(end)]
        return CompiledPath(self.tree, taken, names, tuple(warnings))


def _is_single(branch: Branch) -> bool:
    """Whether a branch is taken by one answer alone."""
    return isinstance(branch.test, InChoices) and len(branch.test.values) == 1


class _Children(dict[Any, Any]):
    """What follows each answer to a question: a node or a path, made when a profile first comes there."""

    def __init__(
        self, branch_of: Mapping[Any, int], make: Callable[[int], tuple[_Node | CompiledPath, bool]]
    ) -> None:
        super().__init__()
        self._branch_of, self._make = branch_of, make

    def __missing__(self, answer: Any) -> _Node | CompiledPath:
        index = self._branch_of[answer]
        child, keep = self._make(index)
        if keep:
            self.update((other, child) for other, place in self._branch_of.items() if place == index)
        return child


class _Node(NamedTuple):
    """A question on a path: `select` turns a profile into a key of `children`.

    It raises KeyError for a profile that doesn't answer the question.
    """

    select: Callable[[Profile], Any]
    children: _Children


def _selector(tree: Tree, question: Question) -> tuple[Callable[[Profile], Any], Mapping[Any, int]]:
    """What turns a profile into a key, and the branch that is taken for each key.

    The key is the sign of a comparison, the number of the span that a number lies in, or the answer.
    """
    name, input_ = question.input, tree.inputs[question.input]
    branches = [condition for condition, _ in tree.branch_conditions[question.id]]
    if question.compared_to is not None:
        sign_branches = {
            sign: place for place, one in enumerate(branches) for sign in signs_of_condition(one)
        }
        return comparison_sign(name, question.compared_to), sign_branches
    if not input_.is_numeric:
        return itemgetter(name), {
            v: place for place, one in enumerate(branches) for v in values_of_condition(input_, one)
        }
    spans = sorted((low, place) for place, one in enumerate(branches) for low, _ in one.domain.spans)  # type: ignore[union-attr]  # no comparison
    starts = [low for low, _ in spans]
    return lambda profile: bisect_right(starts, profile[name]), dict(enumerate((p for _, p in spans), 1))
