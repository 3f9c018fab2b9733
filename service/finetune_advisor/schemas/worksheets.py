"""Worksheets: the quantities that a request gives, and the answer that follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields, pre_dump

from finetune_advisor.engine.analysis.worksheet_proof import MAX_ENTRIES
from finetune_advisor.engine.evaluation.worksheets import WorkedAnswer
from finetune_advisor.engine.model.inputs import input_of_quantity
from finetune_advisor.engine.model.worksheets import Worksheet
from finetune_advisor.schemas.assessments import TreeNameSchema
from finetune_advisor.schemas.fields import (
    PlainNumber,
    RequestField,
    RequestSchema,
    ResponseSchema,
    StrictNumber,
    describe_field,
)
from finetune_advisor.schemas.requests import input_field


class UncheckedNumbers(RequestField, fields.Dict):
    """Accepts a bounded object and leaves its members unchecked, for code that knows more."""

    default_error_messages = {
        "invalid": "not an object; give one in braces",
        "long": "more than {limit} names; give fewer",
    }

    def __init__(self, max_entries: int, **kwargs: Any) -> None:
        self.max_entries = max_entries
        # The types of the members are for the contract.
        super().__init__(fields.String(), StrictNumber(), **kwargs)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        if not isinstance(value, Mapping):
            raise self.make_error("invalid")
        if len(value) > self.max_entries:
            raise self.make_error("long", limit=self.max_entries)
        return value


class WorksheetRequestSchema(RequestSchema):
    """The quantities of a worksheet."""

    quantities = UncheckedNumbers(
        MAX_ENTRIES,
        required=True,
        metadata=describe_field(
            "The worksheet's quantities by name. Those with a default may be left out. GET "
            "/tree/versions/{version} lists them with their units and ranges.",
            maxProperties=MAX_ENTRIES,
        ),
    )


def quantities_schema(worksheet: Worksheet) -> Schema:
    """Build the schema of the quantities of one worksheet."""
    schema_fields = {
        name: input_field(input_of_quantity(quantity), required=quantity.default is None)
        for name, quantity in worksheet.quantities.items()
    }
    return RequestSchema.from_dict(schema_fields, name="QuantitiesSchema")()


class WorkedAnswerSchema(ResponseSchema):
    """The answer to an input that a worksheet gives. It is valid in a profile."""

    input = fields.String(required=True)
    value = PlainNumber(required=True, metadata=describe_field("The answer."))
    unit = fields.String()
    formula = fields.String(
        required=True, metadata=describe_field("The formula that gives the answer before it is rounded.")
    )
    quantities = fields.Dict(
        fields.String(),
        PlainNumber(),
        required=True,
        metadata=describe_field("All quantities of the worksheet, with defaults for those left out."),
    )
    tree = fields.Nested(TreeNameSchema, required=True)

    @pre_dump
    def _as_mapping(self, answer: WorkedAnswer, **_: Any) -> dict[str, Any]:
        return {
            "input": answer.input.name,
            "value": answer.value,
            "unit": answer.input.unit or None,
            "formula": answer.worksheet.formula,
            "quantities": answer.quantities,
            "tree": {"version": answer.tree.version, "digest": answer.tree.digest},
        }
