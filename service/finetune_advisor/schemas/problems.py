"""Errors and error types."""

from __future__ import annotations

from marshmallow import fields, validate

from finetune_advisor.schemas.fields import ResponseSchema, describe_field

ERROR_STATUS_RANGE = validate.Range(400, 599)
"""The HTTP statuses of errors."""
PROBLEM_TYPE_METADATA = describe_field(
    "The error type, named by its last segment. It is relative to the URL of the request; GET explains it.",
    format="uri-reference",
)


class ProblemErrorSchema(ResponseSchema):
    pointer = fields.String(metadata=describe_field("A JSON pointer into the body, as a URI fragment."))
    parameter = fields.String(metadata=describe_field("The query parameter that is wrong."))
    header = fields.String(metadata=describe_field("The header of the request that is wrong."))
    detail = fields.String(required=True, metadata=describe_field("What is wrong and what to do."))


class ProblemSchema(ResponseSchema):
    """An error, as problem details (RFC 9457)."""

    class Meta(ResponseSchema.Meta):
        examples = (
            {
                "type": "problems/invalid-request",
                "title": "The request is invalid",
                "status": 422,
                "detail": "the body is invalid",
                "errors": [{"pointer": "#/profile", "detail": "this is missing; add it"}],
            },
        )

    type = fields.String(required=True, metadata=PROBLEM_TYPE_METADATA)
    title = fields.String(required=True)
    status = fields.Integer(required=True, validate=ERROR_STATUS_RANGE)
    detail = fields.String(required=True)
    errors = fields.List(fields.Nested(ProblemErrorSchema))


class ProblemTypeSchema(ResponseSchema):
    type = fields.String(required=True, metadata=PROBLEM_TYPE_METADATA)
    title = fields.String(required=True)
    status = fields.Integer(required=True, validate=ERROR_STATUS_RANGE)
    explanation = fields.String(required=True)
