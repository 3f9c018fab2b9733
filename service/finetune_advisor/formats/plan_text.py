"""A plan as text: an assessment with what decided it and what would change it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from finetune_advisor.engine.analysis.explanation import Explanation
from finetune_advisor.formats import answered_questions, assessment_text, explanation_words


def render_plan_text(explanation: Explanation, assessment: Mapping[str, Any]) -> str:
    """Render the plan of an explained assessment as text of at most 88 columns.

    `assessment` is the answer of POST /assess, as its JSON object.
    """
    return assessment_text.render_assessment_text(
        assessment, answers=[*_answers(explanation)], more=[*_explanation(explanation)]
    )


def _answers(explanation: Explanation) -> Iterator[str]:
    if answers := answered_questions.describe_answered_questions(explanation.assessment):
        yield assessment_text.format_list(answered_questions.ANSWERS_HEADING, answers)


def _explanation(explanation: Explanation) -> Iterator[str]:
    if reason := explanation_words.describe_reason(explanation):
        yield assessment_text.format_list(explanation_words.REASON_HEADING, reason)
    if changes := explanation_words.describe_counterfactuals(explanation):
        heading = explanation_words.choose_changes_heading(
            is_decided=explanation.assessment.outcome is not None
        )
        yield assessment_text.format_list(heading, changes)
    if explanation.truncated:
        yield explanation_words.MORE_CHANGES_NOTE
