"""Errors, and what they mean."""

from __future__ import annotations

from marshmallow import fields, validate

from finetune_advisor.schemas.fields import Growing, described

ERROR = validate.Range(400, 599)
"""The statuses that say that something is wrong."""
TYPE = described(
    "The kind of problem, named by its last segment. Relative to the URL of the request; GET explains it.",
    format="uri-reference",
)


class ProblemErrorSchema(Growing):
    pointer = fields.String(metadata=described("JSON pointer into the body, as a URI fragment."))
    parameter = fields.String(metadata=described("The query parameter at fault."))
    header = fields.String(metadata=described("The header of the request at fault."))
    detail = fields.String(required=True, metadata=described("What is wrong and what to do."))


class ProblemSchema(Growing):
    """An error, as RFC 9457 lays it out."""

    class Meta(Growing.Meta):
        examples = (
            {
                "type": "problems/invalid-request",
                "title": "The request breaks the contract",
                "status": 422,
                "detail": "the body breaks the contract",
                "errors": [{"pointer": "#/profile", "detail": "this is missing; add it"}],
            },
        )

    type = fields.String(required=True, metadata=TYPE)
    title = fields.String(required=True)
    status = fields.Integer(required=True, validate=ERROR)
    detail = fields.String(required=True)
    errors = fields.List(fields.Nested(ProblemErrorSchema))


class ProblemTypeSchema(Growing):
    type = fields.String(required=True, metadata=TYPE)
    title = fields.String(required=True)
    status = fields.Integer(required=True, validate=ERROR)
    explanation = fields.String(required=True)
