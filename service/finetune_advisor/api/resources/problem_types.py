"""GET /problems/{slug}: explain an error type."""

from __future__ import annotations

from flask import Response, jsonify, request

from finetune_advisor.api.http.blueprint import Blueprint
from finetune_advisor.api.http.problems import NotAcceptable, NotFound, Problem
from finetune_advisor.schemas.problems import ProblemTypeSchema


def blueprint() -> Blueprint:
    """Build the resource."""
    blp = Blueprint("problems", "Explanations of error types.")
    slug_parameter = {
        "name": "slug",
        "in": "path",
        "required": True,
        "description": "The last segment of a problem's `type`.",
        "schema": {"$ref": "#/components/schemas/ProblemSlug"},
        "example": "invalid-request",
    }

    @blp.route("/problems/<slug>", parameters=[slug_parameter])
    @blp.doc(operationId="explainProblem")
    @blp.no_parameters
    @blp.response(200, ProblemTypeSchema, description="The explanation")
    @blp.document_problems(NotFound, NotAcceptable)
    def explain_problem(slug: str) -> Response:
        """Explain a problem type

        Says what an error type means and what to do about it.
        """
        if slug not in Problem.types_by_slug:
            slugs = ", ".join(Problem.types_by_slug)
            raise NotFound(f"there is no such problem type; choose from {slugs}")
        return jsonify(Problem.types_by_slug[slug].explain(request.environ))

    return blp
