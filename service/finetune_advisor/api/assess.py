"""POST /assess: one profile in, an assessment out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from finetune_advisor.api import deprecation
from finetune_advisor.api.blueprint import Blueprint
from finetune_advisor.api.problems import (
    BodyTooLarge,
    MalformedRequest,
    NotAcceptable,
    UnsupportedMediaType,
)
from finetune_advisor.api.schemas.assessments import AssessmentSchema
from finetune_advisor.api.schemas.requests import assess_request_schema
from finetune_advisor.catalog import Catalog
from finetune_advisor.engine.evaluation import Assessment, evaluate
from finetune_advisor.engine.region import Region
from finetune_advisor.engine.tree import Tree

Report = Callable[[Assessment, str], None]


def blueprint(catalog: Catalog, report: Report) -> Blueprint:
    """The resource, for the trees of a catalog; `report` hears of each assessment and its endpoint."""
    blp = Blueprint("assessments", "What a profile comes to.")

    @blp.route("/assess", methods=["POST"])
    @blp.doc(operationId="assess")
    @blp.no_parameters
    @blp.arguments(assess_request_schema(catalog), examples=examples(catalog))
    @blp.response(200, AssessmentSchema, description="The assessment", headers=HEADERS)
    @blp.problems(MalformedRequest, NotAcceptable, BodyTooLarge, UnsupportedMediaType)
    def assess(request: dict[str, Any]) -> Any:
        """Assess a profile

        Evaluates what the caller knows of its situation against a version of the decision tree. The
        answer is decided as soon as nothing that is still unknown can change the outcome; otherwise it
        says what can still come out and which question to answer next. Pure: the same profile and tree
        always give the same body, nothing is stored, and a request is safe to repeat.
        """
        assessment = evaluate(catalog.pick(request.get("tree_version")), request["profile"])
        report(assessment, "/assess")
        return assessment, not_stored(assessment.tree)

    return blp


HEADERS = {
    "Cache-Control": {"description": "Always no-store.", "schema": {"type": "string"}},
    **deprecation.HEADERS,
}


def not_stored(tree: Tree) -> dict[str, str]:
    """The headers of an answer that a tree gives to one profile."""
    return {"Cache-Control": "no-store", **deprecation.headers(tree)}


def examples(catalog: Catalog) -> dict[str, Any]:
    """Example requests for the default tree: a whole path, the same one half known, and nothing known."""
    tree = catalog.default
    region, node = Region(tree.axes, {}), tree.root
    asked: list[str] = []
    while node in tree.questions:
        asked.extend(tree.questions[node].inputs)
        moves = [(branch.to, region.narrow(condition)) for condition, branch in tree.cases[node]]
        node, region = next((to, here) for to, here in reversed(moves) if here)
    positions = region.witness()
    path = {name: tree.inputs[name].value(positions[name]) for name in dict.fromkeys(asked)}
    half = dict(list(path.items())[: len(path) // 2])
    return {
        "decided": {"summary": "Enough is known", "value": {"profile": path}},
        "undecided": {"summary": "Some is known", "value": {"profile": half}},
        "nothing": {
            "summary": "Nothing is known yet",
            "value": {"profile": {}, "tree_version": tree.version},
        },
    }
