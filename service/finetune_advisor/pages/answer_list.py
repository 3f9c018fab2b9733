"""The answers of an interview in words, each with the question to ask again."""

from __future__ import annotations

from finetune_advisor.assessing.interview import is_warning_question
from finetune_advisor.engine.evaluation.exact import Assessment, Step
from finetune_advisor.engine.model.tree import Question
from finetune_advisor.formats import answer_words, labels
from finetune_advisor.pages.interview_query import InterviewQuery


def describe_answers(
    query: InterviewQuery, assessment: Assessment, questions: list[Question]
) -> list[dict[str, str]]:
    """The answers to some questions in words, each with the id of the question that asks for it."""
    steps = {step.question.id: step for step in assessment.path}
    return [
        {
            "question": question.text,
            "answer": _describe_answer(query, question, steps.get(question.id)),
            "id": question.id,
        }
        for question in questions
    ]


def _describe_answer(query: InterviewQuery, question: Question, step: Step | None) -> str:
    if step:
        return labels.describe_step(query.tree, step)
    if is_warning_question(question) and question.input in query.answers:
        return answer_words.describe_answer(
            query.tree.inputs[question.input], query.answers[question.input]
        )
    return "I don't know yet"
