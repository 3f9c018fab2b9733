"""Explanations of assessments."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, pre_dump

from finetune_advisor.engine.analysis.explanation import AnswerOutcome, Change, Explanation
from finetune_advisor.schemas.assessments import AssessmentSchema
from finetune_advisor.schemas.fields import PlainNumber, ResponseSchema, ScalarField, describe_field


class ChangeSchema(ResponseSchema):
    input = fields.String(required=True)
    before = ScalarField(
        data_key="from",
        metadata=describe_field("The answer that the profile gives; absent if it gives none."),
    )
    after = ScalarField(
        data_key="to",
        required=True,
        metadata=describe_field(
            "The answer that replaces it. Of numbers, it is the nearest that has no more decimals than the "
            "limit that it has to pass, if there is one: 499 for less than 500."
        ),
    )

    @pre_dump
    def _as_mapping(self, change: Change, **_: Any) -> dict[str, Any]:
        before = {} if change.before is None else {"before": change.before}
        return {"input": change.input, "after": change.after, **before}


class CounterfactualSchema(ResponseSchema):
    """A minimal set of changed answers that leads to another recommendation."""

    recommendation = fields.String(required=True)
    changes = fields.List(fields.Nested(ChangeSchema), required=True)


class OutcomeSchema(ResponseSchema):
    answer = ScalarField(
        required=True,
        metadata=describe_field(
            "Another answer. A number stands for a range, and is rounded if necessary."
        ),
    )
    minimum = PlainNumber(metadata=describe_field("The smallest number that leads to the same outcome."))
    maximum = PlainNumber(metadata=describe_field("The largest number that leads to the same outcome."))
    recommendation = fields.String(
        metadata=describe_field("The recommendation that the answer leads to, if it decides.")
    )
    candidates = fields.List(
        fields.String(),
        required=True,
        metadata=describe_field("The recommendations that are possible with this answer."),
    )

    @pre_dump
    def _as_mapping(self, outcome: AnswerOutcome, **_: Any) -> dict[str, Any]:
        decided = len(outcome.candidates) == 1
        return {
            "answer": outcome.answer,
            "minimum": outcome.minimum,
            "maximum": outcome.maximum,
            "recommendation": outcome.candidates[0] if decided else None,
            "candidates": outcome.candidates,
        }


class SensitivitySchema(ResponseSchema):
    input = fields.String(required=True)
    outcomes = fields.List(fields.Nested(OutcomeSchema), required=True)


class ExplanationSchema(ResponseSchema):
    """An assessment with its exact explanation."""

    assessment = fields.Nested(AssessmentSchema, required=True)
    sufficient_reason = fields.List(
        fields.String(),
        metadata=describe_field(
            "A smallest set of given inputs whose answers alone lead to the recommendation, if decided."
        ),
    )
    counterfactuals = fields.List(
        fields.Nested(CounterfactualSchema),
        required=True,
        metadata=describe_field(
            "Every minimal set of changed answers that leads to another recommendation, nearest first."
        ),
    )
    truncated = fields.Boolean(
        required=True,
        metadata=describe_field(
            "Whether anything is left out, because the limit was reached or the search grew too large: "
            "counterfactuals, the sufficient reason of a decided profile, or inputs in the sensitivity."
        ),
    )
    sensitivity = fields.List(
        fields.Nested(SensitivitySchema),
        required=True,
        metadata=describe_field(
            "For each input of the tree, what each other answer to it would lead to, while all others stay."
        ),
    )

    @pre_dump
    def _as_mapping(self, explanation: Explanation, **_: Any) -> dict[str, Any]:
        pairs = explanation.sensitivity.items()
        return {
            "assessment": explanation.assessment,
            "sufficient_reason": explanation.sufficient_reason,
            "counterfactuals": explanation.counterfactuals,
            "truncated": explanation.truncated,
            "sensitivity": [{"input": name, "outcomes": outcomes} for name, outcomes in pairs],
        }
