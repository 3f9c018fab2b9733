"""Results of batches."""

from __future__ import annotations

from marshmallow import fields

from finetune_advisor.schemas.assessments import TreeNameSchema
from finetune_advisor.schemas.fields import EnumField, ResponseSchema, describe_field
from finetune_advisor.schemas.problems import ProblemErrorSchema
from finetune_advisor.schemas.trees import FINETUNE_VALUES, LeafSchema


class AskedSchema(ResponseSchema):
    question = fields.String(required=True)
    input = fields.String(required=True, metadata=describe_field("The input that answers the question."))


class ResultSchema(ResponseSchema):
    """The short result of one profile of a batch."""

    status = EnumField(["decided", "undecided", "invalid"], "ResultStatus", required=True)
    recommendation = fields.String(
        metadata=describe_field("The name of the recommendation in `recommendations`, if decided.")
    )
    finetune = EnumField(
        FINETUNE_VALUES,
        "Finetune",
        metadata=describe_field("Whether the recommendation is to fine-tune, if decided."),
    )
    path = fields.List(
        fields.String(), metadata=describe_field("The questions that the profile answers.")
    )
    candidates = fields.List(
        fields.String(), metadata=describe_field("The recommendations that are still possible.")
    )
    next_question = fields.Nested(
        AskedSchema, metadata=describe_field("The next question to answer, if undecided.")
    )
    warnings = fields.List(
        fields.String(), metadata=describe_field("The names of the tree's warnings that apply.")
    )
    ignored = fields.List(
        fields.String(), metadata=describe_field("Inputs that only another served version knows.")
    )
    receipt = fields.String(metadata=describe_field("The receipt, as in POST /assess."))
    errors = fields.List(
        fields.Nested(ProblemErrorSchema),
        metadata=describe_field(
            "What is wrong with the profile, if invalid. The first 50 invalid profiles list up to 20 errors "
            "each, the others only the first."
        ),
    )


class SummarySchema(ResponseSchema):
    decided = fields.Integer(required=True)
    undecided = fields.Integer(required=True)
    invalid = fields.Integer(required=True)
    recommendations = fields.Dict(
        keys=fields.String(),
        values=fields.Integer(),
        required=True,
        metadata=describe_field("The number of profiles by recommendation."),
    )


class BatchSchema(ResponseSchema):
    """The results in the order of the profiles, with the recommendations that they name."""

    results = fields.List(fields.Nested(ResultSchema), required=True)
    recommendations = fields.Dict(
        keys=fields.String(),
        values=fields.Nested(LeafSchema),
        required=True,
        metadata=describe_field("Each recommendation that a result names, in full."),
    )
    summary = fields.Nested(SummarySchema, required=True)
    tree = fields.Nested(TreeNameSchema, required=True)
