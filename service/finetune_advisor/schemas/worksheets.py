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
    NestedObject,
    PlainNumber,
    RequestSchema,
    ResponseSchema,
    StrictNumber,
    describe_field,
)
from finetune_advisor.schemas.requests import describe_input, input_field
from finetune_advisor.trees.catalog import Catalog


class UncheckedObject(NestedObject):
    """Accepts a bounded object and leaves its members unchecked, for code that knows more."""

    default_error_messages = {"long": "more than {limit} names; give fewer"}

    def __init__(self, schema: type[Schema], max_members: int, **kwargs: Any) -> None:
        super().__init__(schema, **kwargs)
        self.max_members = max_members

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        if not isinstance(value, Mapping):
            raise self.make_error("type")
        if len(value) > self.max_members:
            raise self.make_error("long", limit=self.max_members)
        return value


def worksheet_request_schema(catalog: Catalog) -> type[Schema]:
    """Build the schema of the body of POST /tree/versions/{version}/worksheets/{input}.

    It describes the quantities of all worksheets, since a contract can't say which of them belong to the
    path. `quantities_schema` checks those of one worksheet.
    """
    quantities = {
        name: StrictNumber(metadata=describe_input(input_of_quantity(quantity)))
        for worksheet in _all_worksheets(catalog)
        for name, quantity in worksheet.quantities.items()
    }
    schema_fields = {
        "quantities": UncheckedObject(
            type("QuantitiesSchema", (RequestSchema,), quantities),
            MAX_ENTRIES,
            required=True,
            metadata=describe_field(
                "The worksheet's quantities. Those with a default may be left out. GET "
                "/tree/versions/{version} lists them with their ranges."
            ),
        )
    }
    return type("WorksheetRequestSchema", (RequestSchema,), schema_fields)


def _all_worksheets(catalog: Catalog) -> list[Worksheet]:
    inputs = (input_ for tree in catalog.trees.values() for input_ in tree.inputs.values())
    return [input_.worksheet for input_ in inputs if input_.worksheet]


def quantities_schema(worksheet: Worksheet) -> Schema:
    """Build the schema of the quantities of one worksheet."""
    schema_fields = {
        name: input_field(input_of_quantity(quantity), required=quantity.default is None)
        for name, quantity in worksheet.quantities.items()
    }
    return RequestSchema.from_dict(schema_fields)()


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
