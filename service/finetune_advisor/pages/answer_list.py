"""The answers of an interview in words, each with the way to change it."""

from __future__ import annotations

from finetune_advisor.engine.evaluation.exact import Assessment
from finetune_advisor.engine.model.tree import Question
from finetune_advisor.formats import labels
from finetune_advisor.pages.interview_query import InterviewQuery


def describe_answers(
    query: InterviewQuery, assessment: Assessment, questions: list[Question]
) -> list[dict[str, str]]:
    """The answers to some questions in words, each with the query that asks it again."""
    steps = {step.question.id: step for step in assessment.path}
    return [
        {
            "question": question.text,
            "answer": labels.describe_step(query.tree, steps[question.id])
            if question.id in steps
            else "I don't know yet",
            "change": query.url(change=question),
        }
        for question in questions
    ]
