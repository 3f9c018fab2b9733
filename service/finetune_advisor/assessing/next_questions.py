"""The question that an interview asks next, past those that were skipped."""

from __future__ import annotations

from collections.abc import Collection

from finetune_advisor.engine.evaluation.exact import Assessment, affects_outcome
from finetune_advisor.engine.model.inputs import Profile
from finetune_advisor.engine.model.region import region_of_completions
from finetune_advisor.engine.model.tree import OpenQuestion, Question, Tree


def find_next_question(
    tree: Tree, profile: Profile, assessment: Assessment, skipped: Collection[str]
) -> OpenQuestion | None:
    """The first open question that isn't skipped and whose answer can still change the outcome."""
    if assessment.next_question is None:
        return None
    first = assessment.unanswered.index(assessment.next_question)
    if not is_skipped(assessment.next_question.question, profile, skipped):
        return assessment.next_question
    region = region_of_completions(tree, profile)
    tried: set[str] = set()
    for open_question in assessment.unanswered[first + 1 :]:
        name = open_question.input.name
        if name in tried or is_skipped(open_question.question, profile, skipped):
            continue
        if affects_outcome(tree, region, name):
            return open_question
        tried.add(name)
    return None


def is_skipped(question: Question, profile: Profile, skipped: Collection[str]) -> bool:
    """Whether a question lacks an input that was skipped: without it, the question can't be answered."""
    return any(name in skipped and name not in profile for name in question.inputs)
