"""The same endpoint as one would write it first: flask-smorest, marshmallow and a walk through the tree."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from flask import Flask
from flask_smorest import Api, Blueprint
from marshmallow import Schema, fields, validate

TREE = json.loads(Path(os.environ["BENCH_TREE"]).read_text())
ProfileSchema = Schema.from_dict(
    {name: fields.Boolean() for name in TREE["inputs"]}, name="ProfileSchema"
)


class RequestSchema(Schema):
    profile = fields.Nested(ProfileSchema, required=True)
    tree_version = fields.String(validate=validate.OneOf([TREE["version"]]))


class AlternativeSchema(Schema):
    id = fields.String(required=True)
    when = fields.String(required=True)


class ReferenceSchema(Schema):
    title = fields.String(required=True)
    url = fields.String(required=True)


class RecommendationSchema(Schema):
    id = fields.String(required=True)
    title = fields.String(required=True)
    finetune = fields.String(required=True)
    family = fields.String()
    summary = fields.String(required=True)
    reason = fields.String(required=True)
    prerequisites = fields.List(fields.String())
    next_steps = fields.List(fields.String())
    data_needed = fields.List(fields.String())
    evaluation = fields.List(fields.String())
    risks = fields.List(fields.String())
    cautions = fields.List(fields.String())
    alternatives = fields.List(fields.Nested(AlternativeSchema))
    references = fields.List(fields.Nested(ReferenceSchema))


class BranchSchema(Schema):
    text = fields.String(required=True)
    answer = fields.Boolean(required=True, data_key="is")


class StepSchema(Schema):
    question = fields.String(required=True)
    text = fields.String(required=True)
    input = fields.String(required=True)
    answer = fields.Boolean(required=True)
    branch = fields.Nested(BranchSchema, required=True)


class TreeSchema(Schema):
    version = fields.String(required=True)
    digest = fields.String(required=True)


class AssessmentSchema(Schema):
    status = fields.String(required=True)
    recommendation = fields.Nested(RecommendationSchema)
    path = fields.List(fields.Nested(StepSchema), required=True)
    candidates = fields.List(fields.String(), required=True)
    tree = fields.Nested(TreeSchema, required=True)
    receipt = fields.String(required=True)


blueprint = Blueprint("assessments", __name__)


@blueprint.route("/assess", methods=["POST"])
@blueprint.arguments(RequestSchema)
@blueprint.response(200, AssessmentSchema)
def assess(body: dict[str, Any]) -> dict[str, Any]:
    profile, node, reason = body["profile"], TREE["root"], ""
    path: list[dict[str, Any]] = []
    while node in TREE["questions"]:
        question = TREE["questions"][node]
        answer = profile.get(question["input"])
        if answer is None:
            return assessment("undecided", None, path)
        step = {"question": node, "text": question["text"], "input": question["input"], "answer": answer}
        step["branch"] = {"text": "yes" if answer else "no", "answer": answer}
        path.append(step)
        branch = next(one for one in question["branches"] if one["is"] == answer)
        node, reason = branch["to"], branch.get("reason", "")
    recommendation = {"id": node, "reason": reason, **TREE["recommendations"][node]}
    if recommendation["finetune"] != "no":
        recommendation["cautions"] = TREE["cautions"]
    return assessment("decided", recommendation, path)


def assessment(
    status: str, recommendation: dict[str, Any] | None, path: list[dict[str, Any]]
) -> dict[str, Any]:
    answers = {step["input"]: step["answer"] for step in path}
    receipt = json.dumps(
        {"answers": answers, "digest": TREE["digest"]}, sort_keys=True, separators=(",", ":")
    )
    found = {
        "status": status,
        "path": path,
        "candidates": [recommendation["id"]] if recommendation else [],
        "tree": TREE,
        "receipt": "sha256:" + hashlib.sha256(receipt.encode()).hexdigest(),
    }
    return found | ({"recommendation": recommendation} if recommendation else {})


application = Flask(__name__)
application.config.update(API_TITLE="Finetune Advisor", API_VERSION="1", OPENAPI_VERSION="3.1.0")
Api(application).register_blueprint(blueprint)


@application.get("/healthz")
def healthz() -> str:
    return "ok"
