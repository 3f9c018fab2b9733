"""Examples for the contract: requests to the default tree, and what it answers them with."""

from __future__ import annotations

from typing import Any

import orjson

from finetune_advisor.assessing import rendering
from finetune_advisor.assessing.assessor import Assessor, NullRecorder
from finetune_advisor.engine.analysis.explanation import Explainer
from finetune_advisor.engine.evaluation.exact import evaluate
from finetune_advisor.engine.model.region import Region
from finetune_advisor.trees.catalog import Catalog

Examples = dict[str, Any]
"""Examples by name, as OpenAPI has them."""


def assess_request_examples(catalog: Catalog) -> Examples:
    """A whole path, the same one half known, and nothing known."""
    tree = catalog.default
    region, node = Region(tree.axes, {}), tree.root
    asked: list[str] = []
    while node in tree.questions:
        asked.extend(tree.questions[node].inputs)
        moves = [
            (branch.to, region.narrow(condition)) for condition, branch in tree.branch_conditions[node]
        ]
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


def assess_response_examples(catalog: Catalog) -> Examples:
    """The answers to a whole path, and to one half known."""
    requests = assess_request_examples(catalog)
    profiles = {name: requests[name]["value"]["profile"] for name in ("decided", "undecided")}
    return {
        name: _example(requests[name], rendering.render_assessment(evaluate(catalog.default, profile)))
        for name, profile in profiles.items()
    }


def batch_request_examples(catalog: Catalog) -> Examples:
    """Two profiles that differ, with what they share said once."""
    path = assess_request_examples(catalog)["decided"]["value"]["profile"]
    *shared, last = path
    value = {"defaults": {name: path[name] for name in shared}, "profiles": [{last: path[last]}, {}]}
    return {"defaults": {"summary": "Two profiles with shared answers", "value": value}}


def batch_response_examples(catalog: Catalog) -> Examples:
    """The answer to the two profiles."""
    assessor = Assessor(catalog, catalog.default, NullRecorder())
    return {
        name: _example(request, assessor.assess_batch(**request["value"]))
        for name, request in batch_request_examples(catalog).items()
    }


def explain_request_examples(catalog: Catalog) -> Examples:
    """Those of POST /assess, and one that narrows what is asked."""
    shared = assess_request_examples(catalog)
    profile = shared["decided"]["value"]["profile"]
    target = next(iter(catalog.default.recommendations))
    narrowed = {"profile": profile, "target": target, "frozen": list(profile)[-1:], "limit": 3}
    return shared | {"narrowed": {"summary": "How to get somewhere", "value": narrowed}}


def explain_response_examples(catalog: Catalog, explainer: Explainer) -> Examples:
    """The answer to the request that narrows what is asked, by the default tree's explainer."""
    request = explain_request_examples(catalog)["narrowed"]
    explained = explainer.explain(**request["value"])
    body = rendering.render_explanation(explained, rendering.render_assessment(explained.assessment))
    return {"narrowed": _example(request, body)}


def _example(request: dict[str, Any], body: bytes) -> dict[str, Any]:
    """The example of an answer, beside that of its request."""
    return {"summary": request["summary"], "value": orjson.loads(body)}
