"""POST /assess: one profile in, an assessment out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response

from finetune_advisor.api import openapi_examples
from finetune_advisor.api.http import deprecation
from finetune_advisor.api.http.blueprint import Blueprint
from finetune_advisor.api.http.problems import (
    BodyTooLarge,
    MalformedRequest,
    NotAcceptable,
    UnsupportedMediaType,
)
from finetune_advisor.api.http.request_parser import JSON_MEDIA_TYPE
from finetune_advisor.assessing.assessor import Assessor
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.schemas.assessments import AssessmentSchema
from finetune_advisor.schemas.batches import BatchSchema
from finetune_advisor.schemas.requests import assess_request_schema, batch_request_schema
from finetune_advisor.trees.catalog import Catalog


def blueprint(catalog: Catalog, assessors: Mapping[str, Assessor], most: int) -> Blueprint:
    """The resources, for the trees of a catalog and an assessor for each; batches of up to `most`."""
    blp = Blueprint("assessments", "What profiles come to.")

    @blp.route("/assess", methods=["POST"])
    @blp.doc(operationId="assess")
    @blp.no_parameters
    @blp.arguments(
        assess_request_schema(catalog)(), examples=openapi_examples.assess_request_examples(catalog)
    )
    @blp.response(
        200,
        AssessmentSchema,
        description="The assessment",
        examples=openapi_examples.assess_response_examples(catalog),
        headers=ASSESSMENT_HEADERS,
    )
    @blp.document_problems(MalformedRequest, NotAcceptable, BodyTooLarge, UnsupportedMediaType)
    def assess(request: dict[str, Any]) -> Response:
        """Assess a profile

        Evaluates what the caller knows of its situation against a version of the decision tree. The
        answer is decided as soon as nothing that is still unknown can change the outcome; otherwise it
        says what can still come out and which question to answer next. Pure: the same profile and tree
        always give the same body, nothing is stored, and a request is safe to repeat.
        """
        tree = catalog.pick(request.get("tree_version"))
        body = assessors[tree.version].assess(request["profile"], "/assess")
        return Response(body, mimetype=JSON_MEDIA_TYPE, headers=no_store_headers(tree))

    @blp.route("/assess/batch", methods=["POST"])
    @blp.doc(operationId="assessBatch")
    @blp.no_parameters
    @blp.arguments(
        batch_request_schema(catalog, most)(), examples=openapi_examples.batch_request_examples(catalog)
    )
    @blp.response(
        200,
        BatchSchema,
        description="A result for each profile, in order",
        examples=openapi_examples.batch_response_examples(catalog),
        headers=ASSESSMENT_HEADERS,
    )
    @blp.document_problems(MalformedRequest, NotAcceptable, BodyTooLarge, UnsupportedMediaType)
    def assess_batch(request: dict[str, Any]) -> Response:
        """Assess many profiles

        Gives a short result for each profile, in order, and each recommendation in full once. A profile
        at fault gets a result that says so, and concerns no other. Pure, as POST /assess is.
        """
        tree = catalog.pick(request.get("tree_version"))
        body = assessors[tree.version].assess_batch(request["profiles"], request.get("defaults", {}))
        return Response(body, mimetype=JSON_MEDIA_TYPE, headers=no_store_headers(tree))

    return blp


ASSESSMENT_HEADERS = {
    "Cache-Control": {"description": "Always no-store.", "schema": {"type": "string"}},
    **deprecation.DEPRECATION_HEADERS,
}


def no_store_headers(tree: Tree) -> dict[str, str]:
    """The headers of an answer that a tree gives to one profile."""
    return {"Cache-Control": "no-store", **deprecation.build_deprecation_headers(tree)}
