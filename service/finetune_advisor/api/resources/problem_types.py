"""GET /problems/{slug}: what an error type means."""

from __future__ import annotations

from flask import Response, jsonify, request

from finetune_advisor.api.http.blueprint import Blueprint
from finetune_advisor.api.http.problems import NotAcceptable, NotFound, Problem
from finetune_advisor.schemas.problems import ProblemTypeSchema


def blueprint() -> Blueprint:
    """The resource."""
    blp = Blueprint("problems", "What the errors of this API mean.")
    slug_parameter = {
        "name": "slug",
        "in": "path",
        "required": True,
        "description": "The last part of a problem's type.",
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

        Every error has a type; this is what it means and what to do about it.
        """
        if slug not in Problem.types_by_slug:
            raise NotFound(
                f"there is no such problem type; there are {', '.join(Problem.types_by_slug)}"
            )
        return jsonify(Problem.types_by_slug[slug].explain(request.environ))

    return blp
