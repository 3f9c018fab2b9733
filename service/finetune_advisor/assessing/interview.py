"""Interviews: the question that comes next, past those that were skipped, and how many are left."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from finetune_advisor.assessing.advisor import Advisor
from finetune_advisor.assessing.next_questions import find_next_question, is_skipped
from finetune_advisor.assessing.questions_left import QuestionCounter, QuestionsLeft
from finetune_advisor.engine.analysis.explanation import Explanation
from finetune_advisor.engine.evaluation.exact import Assessment, list_possible_warnings
from finetune_advisor.engine.model.inputs import Profile
from finetune_advisor.engine.model.tree import Question, Tree
from finetune_advisor.formats.answered_questions import list_asked_questions

WARNING_PREFIX = "warning."
"""The beginning of the id of a question that can only add a warning. No id of a tree has a dot."""


@dataclass(frozen=True)
class InterviewState:
    """Where an interview stands. `question` is the one to ask now, None if nothing is left to ask."""

    assessment: Assessment
    question: Question | None
    left: QuestionsLeft | None


class Interviewer:
    """Leads interviews about one tree. It keeps nothing of them."""

    def __init__(self, advisor: Advisor) -> None:
        self.tree, self._advisor = advisor.tree, advisor
        self._counter = QuestionCounter(advisor.tree, advisor.compiled.table)

    def state(self, profile: Profile, skipped: Collection[str]) -> InterviewState:
        """Where an interview stands with a valid profile and some inputs that aren't known."""
        assessment = self._advisor.assess(profile)
        next_question = find_next_question(self.tree, profile, assessment, skipped)
        question = next_question and next_question.question
        left = self._counter.count(profile, skipped, question.id) if question else None
        return InterviewState(assessment, question, left)

    def list_inputs_without_effect(self, profile: Profile) -> list[str]:
        """The inputs that a valid profile lacks and whose answers make no difference, in the tree's order.

        They can't change the outcome. Inputs that may still add a warning aren't among them.
        """
        assessment = self._advisor.assess(profile)
        if assessment.outcome is None:
            # Which warnings go with the outcome isn't known yet.
            kept: Collection[str] = self.tree.warning_inputs
        else:
            kept = {question.input for question in list_warning_questions(profile, assessment, ())}
        return [
            name
            for name in self.tree.inputs
            if name not in profile
            and name not in kept
            and (assessment.outcome or not self._advisor.compiled.affects_outcome(profile, name))
        ]

    def explain_plan(self, profile: Profile, limit: int) -> Explanation:
        """The explanation of a plan, with at most `limit` counterfactuals.

        Before a decision, these only add answers: what would settle it leaves those that were
        given as they are.
        """
        is_decided = self._advisor.assess(profile).outcome is not None
        frozen = () if is_decided else tuple(profile)
        return self._advisor.explain(profile, frozen=frozen, limit=limit)


def list_settled_questions(
    tree: Tree, profile: Profile, assessment: Assessment, skipped: Sequence[str]
) -> list[Question]:
    """The questions of an interview that were answered or skipped, in the tree's order.

    Questions that only repeat earlier ones are left out. Behind the questions come the inputs that only
    warnings look at there.
    """
    answered = {step.question.id for step in assessment.path}
    open_ = {one.question.id for one in assessment.unanswered}
    settled = (
        question
        for question in tree.ordered_questions
        if question.id in answered or (question.id in open_ and is_skipped(question, profile, skipped))
    )
    questions = list_asked_questions(settled, {*profile, *skipped})
    asked = {name for question in questions for name in question.inputs}
    names = [name for name in tree.warning_inputs if name in profile or name in skipped]
    return [*questions, *(_ask_for_warnings(tree, name) for name in names if name not in asked)]


def list_warning_questions(
    profile: Profile, assessment: Assessment, skipped: Collection[str]
) -> list[Question]:
    """A question for each input whose answer could add a warning to a decided assessment.

    No answer to them changes the outcome. There are none before a decision.
    """
    if assessment.outcome is None:
        return []
    names = dict.fromkeys(
        name
        for warning in list_possible_warnings(assessment)
        for condition in warning.when
        for name in condition.inputs
    )
    tree = assessment.tree
    return [
        _ask_for_warnings(tree, name) for name in names if name not in profile and name not in skipped
    ]


def find_question(tree: Tree, name: str) -> Question | None:
    """A question by its id, or one of `list_warning_questions`; None if the tree has neither."""
    input_name = name.removeprefix(WARNING_PREFIX)
    if name != input_name and input_name in tree.warning_inputs:
        return _ask_for_warnings(tree, input_name)
    return tree.questions.get(name)


def is_warning_question(question: Question) -> bool:
    """Whether a question is about an input that only adds warnings."""
    return question.id.startswith(WARNING_PREFIX)


def _ask_for_warnings(tree: Tree, name: str) -> Question:
    input_ = tree.inputs[name]
    return Question(f"{WARNING_PREFIX}{name}", input_.label, name, branches=())
