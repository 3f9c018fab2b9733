"""POST /assess/explain: explain an assessment, and list the changes that would lead to another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response

from finetune_advisor.api import openapi_examples
from finetune_advisor.api.http.blueprint import Blueprint
from finetune_advisor.api.http.problems import BODY_PROBLEMS
from finetune_advisor.api.http.request_parser import JSON_MEDIA_TYPE
from finetune_advisor.api.resources.assess import ASSESSMENT_HEADERS, no_store_headers
from finetune_advisor.assessing import rendering
from finetune_advisor.assessing.assessor import Assessor
from finetune_advisor.schemas.explanations import ExplanationSchema
from finetune_advisor.schemas.requests import DEFAULT_COUNTERFACTUALS, explain_request_schema
from finetune_advisor.trees.catalog import Catalog


def blueprint(catalog: Catalog, assessors: Mapping[str, Assessor]) -> Blueprint:
    """Build the resource. `assessors` has one assessor for each version that the catalog serves."""
    # Built before the workers fork: they share the path tables, and no request waits for one.
    explainers = {version: assessor.advisor.explainer for version, assessor in assessors.items()}
    blp = Blueprint("explanations", "Explanations of assessments.")

    @blp.route("/assess/explain", methods=["POST"])
    @blp.doc(operationId="explain")
    @blp.no_parameters
    @blp.arguments(
        explain_request_schema(catalog)(), examples=openapi_examples.explain_request_examples(catalog)
    )
    @blp.response(
        200,
        ExplanationSchema,
        description="The explanation",
        examples=openapi_examples.explain_response_examples(
            catalog, explainers[catalog.default.version]
        ),
        headers=ASSESSMENT_HEADERS,
    )
    @blp.document_problems(*BODY_PROBLEMS)
    def explain_assessment(request: dict[str, Any]) -> Response:
        """Explain an assessment

        Gives the assessment of a profile with three explanations: a smallest set of answers that leads to
        the recommendation by itself, the minimal sets of changed answers that lead to another
        recommendation, nearest first, and what each other answer to a single input would lead to. The
        explanations are exact; `truncated` says whether any are left out. A request is safe to repeat, as
        with POST /assess.
        """
        # The other members of the request are the arguments of `Explainer.explain`.
        tree = catalog.pick(request.pop("tree_version", None))
        explanation = explainers[tree.version].explain(**{"limit": DEFAULT_COUNTERFACTUALS, **request})
        assessment = assessors[tree.version].assess(request["profile"], "/assess/explain")
        body = rendering.render_explanation(explanation, assessment)
        return Response(body, mimetype=JSON_MEDIA_TYPE, headers=no_store_headers(tree))

    return blp
