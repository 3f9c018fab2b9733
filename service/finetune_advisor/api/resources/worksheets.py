"""POST /tree/versions/{version}/worksheets/{input}: work out the answer to an input."""

from __future__ import annotations

from typing import Any

import orjson
from flask import Response
from marshmallow import ValidationError

from finetune_advisor.api import openapi_examples
from finetune_advisor.api.http.blueprint import Blueprint
from finetune_advisor.api.http.problems import BODY_PROBLEMS, RetiredVersion, UnknownWorksheet
from finetune_advisor.api.http.request_parser import JSON_MEDIA_TYPE, invalid_request
from finetune_advisor.api.resources.assess import ASSESSMENT_HEADERS, no_store_headers
from finetune_advisor.api.resources.tree import tree_or_404, version_parameter
from finetune_advisor.engine.evaluation.worksheets import (
    UnknownWorksheetError,
    find_worksheet,
    work_out_answer,
)
from finetune_advisor.engine.model.worksheets import Worksheet
from finetune_advisor.schemas.error_details import shorten_name
from finetune_advisor.schemas.worksheets import (
    WorkedAnswerSchema,
    quantities_schema,
    worksheet_request_schema,
)
from finetune_advisor.trees.catalog import Catalog

INPUT_PARAMETER = {
    "name": "input",
    "in": "path",
    "required": True,
    "description": "The name of an input that has a worksheet.",
    "schema": {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,63}$", "maxLength": 64},
}
"""It has no example. With one, fuzzers would send quantities that a worksheet doesn't have: a contract can't
say which quantities belong to the input in the path.
"""


def blueprint(catalog: Catalog) -> Blueprint:
    """Build the resource for the trees of a catalog."""
    blp = Blueprint("worksheets", "Answers that follow from other quantities.")

    @blp.route(
        "/tree/versions/<version>/worksheets/<input>",
        methods=["POST"],
        parameters=[version_parameter(catalog), INPUT_PARAMETER],
    )
    @blp.doc(operationId="workOutInput")
    @blp.no_parameters
    @blp.arguments(
        worksheet_request_schema(catalog)(),
        examples=openapi_examples.worksheet_request_examples(catalog),
    )
    @blp.response(
        200,
        WorkedAnswerSchema,
        description="The answer",
        examples=openapi_examples.worksheet_response_examples(catalog),
        headers=ASSESSMENT_HEADERS,
    )
    @blp.document_problems(*BODY_PROBLEMS, UnknownWorksheet, RetiredVersion)
    def work_out_input(body: dict[str, Any], version: str, input: str) -> Response:  # noqa: A002
        """Work out the answer to an input

        Some numeric inputs have a worksheet: quantities that people know, and a formula over them.
        GET /tree/versions/{version} has it as `inputs.{input}.worksheet`. The answer always lies in the
        input's range, and is rounded half up. Which quantities a worksheet has depends on the path, so a
        body that follows this contract may still be refused with a 422. A request is safe to repeat, as
        with POST /assess.
        """
        tree = tree_or_404(catalog, version)
        try:
            input_, worksheet = find_worksheet(tree, shorten_name(input))
        except UnknownWorksheetError as error:
            raise UnknownWorksheet(str(error)) from error
        quantities = _load_quantities(worksheet, body["quantities"])
        answer = WorkedAnswerSchema().dump(work_out_answer(tree, input_.name, quantities))
        headers = no_store_headers(tree)
        return Response(orjson.dumps(answer), mimetype=JSON_MEDIA_TYPE, headers=headers)

    return blp


def _load_quantities(worksheet: Worksheet, quantities: Any) -> dict[str, int | float]:
    """Check quantities by the schema of their worksheet. Raises InvalidRequest."""
    schema = quantities_schema(worksheet)
    try:
        loaded: dict[str, int | float] = schema.load(quantities)
    except ValidationError as error:
        raise invalid_request(error.messages, schema, in_body=True, place=("quantities",)) from None
    return loaded
