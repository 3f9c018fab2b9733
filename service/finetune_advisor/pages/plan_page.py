"""What the page of a plan shows: the recommendation, the answers that led to it, and what would change it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import orjson

from finetune_advisor.assessing.answer_reading import write_answer
from finetune_advisor.assessing.interview import (
    InterviewState,
    list_settled_questions,
    list_warning_questions,
)
from finetune_advisor.engine.analysis.explanation import Counterfactual, Explanation
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.formats import answer_words, explanation_words
from finetune_advisor.formats.assessment_text import LIST_HEADINGS
from finetune_advisor.pages.answer_list import describe_answers
from finetune_advisor.pages.interview_query import InterviewQuery, field_name
from finetune_advisor.schemas.assessments import AssessmentSchema

VERDICT_SENTENCES = {
    "no": "No, don't fine-tune",
    "not_yet": "Not yet",
    "partly": "In part",
    "yes": "Yes, fine-tune",
}


def describe_plan(
    query: InterviewQuery, state: InterviewState, explanation: Explanation, *, has_picture: bool
) -> dict[str, Any]:
    """Return the values of the plan's template."""
    tree, assessment = query.tree, state.assessment
    answer = AssessmentSchema().dump(assessment)
    settled = list_settled_questions(tree, query.answers, assessment, query.skipped)
    return {
        "tree": tree,
        "answer": answer,
        "plan": answer.get("recommendation"),
        "list_headings": LIST_HEADINGS,
        "verdict": VERDICT_SENTENCES[answer["recommendation"]["finetune"]]
        if "recommendation" in answer
        else "",
        "answers": describe_answers(query, assessment, settled),
        "warning_questions": list_warning_questions(query.answers, assessment, query.skipped),
        "answer_fields": query.form_fields(),
        "candidates": [tree.recommendations[name] for name in assessment.candidates],
        "changes": [
            _describe_counterfactual(query, counterfactual)
            for counterfactual in explanation.counterfactuals
        ],
        "truncated": explanation.truncated,
        "reasons": explanation_words.describe_reason(explanation),
        "words": explanation_words,
        "changes_heading": explanation_words.choose_changes_heading(
            is_decided=assessment.outcome is not None
        ),
        "effects": _describe_effects(query, explanation) if assessment.outcome is None else [],
        "alternatives": _describe_alternatives(tree, answer),
        "picture": has_picture,
        "picture_query": urlencode({name: write_answer(value) for name, value in query.answers.items()}),
        "picture_text": describe_picture(answer),
        # What a program would send for the same answers.
        "request": orjson.dumps({"profile": query.answers, "tree_version": tree.version}).decode(),
        "query": query.url(),
    }


def _describe_counterfactual(query: InterviewQuery, counterfactual: Counterfactual) -> dict[str, Any]:
    changed = query.with_answers({change.input: change.after for change in counterfactual.changes})
    return {
        "title": query.tree.recommendations[counterfactual.recommendation].title,
        "changes": explanation_words.describe_changes(query.tree, counterfactual),
        "query": changed.url(),
    }


def _describe_effects(query: InterviewQuery, explanation: Explanation) -> list[dict[str, Any]]:
    """What each answer to a question that was skipped leads to, where it is still open."""
    tree = query.tree
    # Inputs with too many cells have no sensitivity.
    open_ = [name for name in query.skipped if name in explanation.sensitivity]
    return [
        {
            "name": field_name(name),
            "label": tree.inputs[name].label,
            "outcomes": [
                {
                    "answer": _describe_outcome_answer(tree, name, outcome),
                    "titles": [tree.recommendations[end].title for end in outcome.candidates],
                    "value": write_answer(outcome.answer),
                }
                for outcome in explanation.sensitivity[name]
            ],
        }
        for name in open_
    ]


def _describe_outcome_answer(tree: Tree, name: str, outcome: Any) -> str:
    input_ = tree.inputs[name]
    if outcome.minimum is None or outcome.minimum == outcome.maximum:
        return answer_words.describe_answer(input_, outcome.answer)
    low, high = (answer_words.describe_answer(input_, end) for end in (outcome.minimum, outcome.maximum))
    return f"{low} to {high}"


def _describe_alternatives(tree: Tree, answer: dict[str, Any]) -> list[dict[str, str]]:
    others = answer.get("recommendation", {}).get("alternatives", [])
    return [{"title": tree.recommendations[one["id"]].title, "when": one["when"]} for one in others]


def describe_picture(answer: dict[str, Any]) -> str:
    """What the picture shows, for those who don't see it."""
    end = answer.get("recommendation", {}).get("title")
    text = "The tree, with the path that your answers take"
    if end:
        return f"{text} to the recommendation “{end}”. "
    return f"{text}, and the {len(answer['candidates'])} recommendations that are still possible. "
