"""POST /assess: one profile in, an assessment out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response

from finetune_advisor.api import deprecation
from finetune_advisor.api.answers import Prepared
from finetune_advisor.api.assessing import Assessor
from finetune_advisor.api.blueprint import Blueprint
from finetune_advisor.api.problems import (
    BodyTooLarge,
    MalformedRequest,
    NotAcceptable,
    UnsupportedMediaType,
)
from finetune_advisor.api.schemas.assessments import AssessmentSchema
from finetune_advisor.api.schemas.batches import BatchSchema
from finetune_advisor.api.schemas.requests import assess_request_schema, batch_request_schema
from finetune_advisor.catalog import Catalog
from finetune_advisor.engine.region import Region
from finetune_advisor.engine.tree import Tree


def blueprint(catalog: Catalog, assessors: Mapping[str, Assessor], most: int) -> Blueprint:
    """The resources, for the trees of a catalog and an assessor for each; batches of up to `most`."""
    blp = Blueprint("assessments", "What profiles come to.")

    @blp.route("/assess", methods=["POST"])
    @blp.doc(operationId="assess")
    @blp.no_parameters
    @blp.arguments(assess_request_schema(catalog), examples=examples(catalog))
    @blp.response(200, AssessmentSchema, description="The assessment", headers=HEADERS)
    @blp.problems(MalformedRequest, NotAcceptable, BodyTooLarge, UnsupportedMediaType)
    def assess(request: dict[str, Any]) -> Response:
        """Assess a profile

        Evaluates what the caller knows of its situation against a version of the decision tree. The
        answer is decided as soon as nothing that is still unknown can change the outcome; otherwise it
        says what can still come out and which question to answer next. Pure: the same profile and tree
        always give the same body, nothing is stored, and a request is safe to repeat.
        """
        tree = catalog.pick(request.get("tree_version"))
        body = assessors[tree.version].body(request["profile"], "/assess")
        return Prepared(body, not_stored(tree))

    @blp.route("/assess/batch", methods=["POST"])
    @blp.doc(operationId="assessBatch")
    @blp.no_parameters
    @blp.arguments(batch_request_schema(catalog, most), examples=batch_examples(catalog))
    @blp.response(200, BatchSchema, description="A result for each profile, in order", headers=HEADERS)
    @blp.problems(MalformedRequest, NotAcceptable, BodyTooLarge, UnsupportedMediaType)
    def assess_batch(request: dict[str, Any]) -> Response:
        """Assess many profiles

        Gives a short result for each profile, in order, and each recommendation in full once. A profile
        at fault gets a result that says so, and concerns no other. Pure, as POST /assess is.
        """
        tree = catalog.pick(request.get("tree_version"))
        body = assessors[tree.version].batch(request["profiles"], request.get("defaults", {}))
        return Prepared(body, not_stored(tree))

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


def batch_examples(catalog: Catalog) -> dict[str, Any]:
    """An example request: two profiles that differ, with what they share said once."""
    path = examples(catalog)["decided"]["value"]["profile"]
    *shared, last = path
    value = {"defaults": {name: path[name] for name in shared}, "profiles": [{last: path[last]}, {}]}
    return {"defaults": {"summary": "Two profiles with shared answers", "value": value}}
