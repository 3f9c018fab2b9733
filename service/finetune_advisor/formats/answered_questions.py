"""The questions that a person answered, each once: one place for pages, texts and Markdown."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from finetune_advisor.engine.evaluation.exact import Assessment
from finetune_advisor.engine.model.tree import Question
from finetune_advisor.formats import answer_words, labels

ANSWERS_HEADING = "Your answers"


def list_asked_questions(questions: Iterable[Question], settled: Collection[str]) -> list[Question]:
    """The questions, in their order, that were the first to ask about an input.

    `settled` are the inputs that were answered or skipped. A tree can come back to an input further down,
    but people are asked for it once.
    """
    asked: list[Question] = []
    seen: set[str] = set()
    for question in questions:
        names = {name for name in question.inputs if name in settled}
        if not names <= seen:
            asked.append(question)
        seen |= names
    return asked


def describe_answered_questions(assessment: Assessment) -> list[str]:
    """Each answered question with its answer in words; inputs that only warnings look at come last."""
    return [*_describe_steps(assessment), *_describe_warning_answers(assessment)]


def _describe_steps(assessment: Assessment) -> Iterator[str]:
    steps = {step.question.id: step for step in assessment.path}
    for question in list_asked_questions(
        (step.question for step in assessment.path), assessment.answers
    ):
        yield f"{question.text} {labels.describe_step(assessment.tree, steps[question.id])}"


def _describe_warning_answers(assessment: Assessment) -> Iterator[str]:
    tree, answers = assessment.tree, assessment.answers
    asked = {name for step in assessment.path for name in step.question.inputs}
    for name in tree.warning_inputs:
        if name in answers and name not in asked:
            yield answer_words.describe_labelled_answer(tree.inputs[name], answers[name])
