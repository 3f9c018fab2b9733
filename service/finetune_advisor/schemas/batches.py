"""Results of batches."""

from __future__ import annotations

from marshmallow import fields

from finetune_advisor.schemas.assessments import TreeNameSchema
from finetune_advisor.schemas.fields import EnumField, ResponseSchema, describe_field
from finetune_advisor.schemas.problems import ProblemErrorSchema
from finetune_advisor.schemas.trees import FINETUNE_VALUES, LeafSchema


class AskedSchema(ResponseSchema):
    question = fields.String(required=True)
    input = fields.String(required=True, metadata=describe_field("The input to answer with."))


class ResultSchema(ResponseSchema):
    """What one profile of a batch comes to, in short."""

    status = EnumField(["decided", "undecided", "invalid"], "ResultStatus", required=True)
    recommendation = fields.String(metadata=describe_field("Its name in `recommendations`, if decided."))
    finetune = EnumField(
        FINETUNE_VALUES, "Finetune", metadata=describe_field("Whether this means fine-tuning.")
    )
    path = fields.List(
        fields.String(), metadata=describe_field("The questions that the profile answers.")
    )
    candidates = fields.List(
        fields.String(), metadata=describe_field("The recommendations that can still come out.")
    )
    next_question = fields.Nested(
        AskedSchema, metadata=describe_field("What to answer next, if undecided.")
    )
    warnings = fields.List(
        fields.String(), metadata=describe_field("The names of warnings in the tree.")
    )
    ignored = fields.List(
        fields.String(), metadata=describe_field("Inputs given that only another served version knows.")
    )
    receipt = fields.String(metadata=describe_field("As POST /assess gives it."))
    errors = fields.List(
        fields.Nested(ProblemErrorSchema),
        metadata=describe_field(
            "What is wrong with the profile, if invalid: of the first 50 invalid ones up to 20 errors, of "
            "the others one."
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
        metadata=describe_field("How many profiles each recommendation is the answer to."),
    )


class BatchSchema(ResponseSchema):
    """Results in the order of the profiles, and what they have in common."""

    results = fields.List(fields.Nested(ResultSchema), required=True)
    recommendations = fields.Dict(
        keys=fields.String(),
        values=fields.Nested(LeafSchema),
        required=True,
        metadata=describe_field("Each recommendation that is the answer to some profile, in full."),
    )
    summary = fields.Nested(SummarySchema, required=True)
    tree = fields.Nested(TreeNameSchema, required=True)
