"""POST /assess and POST /assess/batch: assess one profile or many."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response

from finetune_advisor.api import openapi_examples
from finetune_advisor.api.http import deprecation
from finetune_advisor.api.http.blueprint import Blueprint
from finetune_advisor.api.http.problems import BODY_PROBLEMS
from finetune_advisor.api.http.request_parser import JSON_MEDIA_TYPE
from finetune_advisor.assessing.assessor import Assessor
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.schemas.assessments import AssessmentSchema
from finetune_advisor.schemas.batches import BatchSchema
from finetune_advisor.schemas.plain_requests import PlainRequest
from finetune_advisor.schemas.requests import assess_request_schema, batch_request_schema
from finetune_advisor.trees.catalog import Catalog


def blueprint(catalog: Catalog, assessors: Mapping[str, Assessor], max_batch: int) -> Blueprint:
    """Build the resources. `assessors` has one assessor for each version that the catalog serves, and
    `max_batch` limits the profiles of a batch.
    """
    blp = Blueprint("assessments", "Assessments.")

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
    @blp.document_problems(*BODY_PROBLEMS)
    def assess(request: dict[str, Any]) -> Response:
        """Assess a profile

        Evaluates a profile against a version of the decision tree. The answer is decided as soon as no
        unanswered question can change the recommendation. Otherwise it lists the recommendations that are
        still possible, and gives the next question to answer. The service stores nothing, and the same
        profile and tree always give the same body, so a request is safe to repeat.
        """
        # Most requests never get here: see api/fast_assess.py.
        tree = catalog.pick(request.get("tree_version"))
        body = assessors[tree.version].assess(request["profile"], "/assess")
        return Response(body, mimetype=JSON_MEDIA_TYPE, headers=no_store_headers(tree))

    @blp.route("/assess/batch", methods=["POST"])
    @blp.doc(operationId="assessBatch")
    @blp.no_parameters
    @blp.arguments(
        batch_request_schema(catalog, max_batch)(),
        examples=openapi_examples.batch_request_examples(catalog),
    )
    @blp.response(
        200,
        BatchSchema,
        description="A result for each profile, in order",
        examples=openapi_examples.batch_response_examples(catalog),
        headers=ASSESSMENT_HEADERS,
    )
    @blp.document_problems(*BODY_PROBLEMS)
    def assess_batch(request: dict[str, Any]) -> Response:
        """Assess many profiles

        Gives a short result for each profile, in the order of the profiles, and each recommendation in full
        once. An invalid profile gets a result with its errors and never fails the others. A request is safe
        to repeat, as with POST /assess.
        """
        tree = catalog.pick(request.get("tree_version"))
        body = assessors[tree.version].assess_batch(
            request["profiles"], request.get("defaults", {}), are_valid=isinstance(request, PlainRequest)
        )
        return Response(body, mimetype=JSON_MEDIA_TYPE, headers=no_store_headers(tree))

    return blp


ASSESSMENT_HEADERS = {
    "Cache-Control": {"description": "Always no-store.", "schema": {"type": "string"}},
    **deprecation.DEPRECATION_HEADERS,
}


def no_store_headers(tree: Tree) -> dict[str, str]:
    """Build the headers of an answer that depends on a profile: no cache may store it."""
    return {"Cache-Control": "no-store", **deprecation.build_deprecation_headers(tree)}
