"""Examples for the contract: requests to the default tree, with their answers."""

from __future__ import annotations

from typing import Any

import orjson

from finetune_advisor.assessing import rendering
from finetune_advisor.assessing.advisor import Advisor
from finetune_advisor.assessing.assessor import Assessor, NullRecorder
from finetune_advisor.engine.analysis.explanation import Explainer
from finetune_advisor.engine.evaluation.exact import evaluate
from finetune_advisor.engine.evaluation.worksheets import WorkedAnswer, work_out_answer
from finetune_advisor.engine.model.inputs import Value
from finetune_advisor.engine.model.region import Region
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.schemas.worksheets import WorkedAnswerSchema
from finetune_advisor.trees.catalog import Catalog

Examples = dict[str, Any]
"""OpenAPI example objects by name: `{name: {"summary": …, "value": …}}`."""


def assess_request_examples(catalog: Catalog) -> Examples:
    """Return requests to POST /assess: a decided profile, the first half of it, and an empty profile."""
    tree = catalog.default
    profile = _decided_profile(tree)
    half = dict(list(profile.items())[: len(profile) // 2])
    return {
        "decided": {"summary": "Enough is known", "value": {"profile": profile}},
        "undecided": {"summary": "Some is known", "value": {"profile": half}},
        "nothing": {
            "summary": "Nothing is known yet",
            "value": {"profile": {}, "tree_version": tree.version},
        },
    }


def _decided_profile(tree: Tree) -> dict[str, Value]:
    """Return a profile with an answer to every question on one path of a tree, in the order of the path.

    The path takes the last possible branch of each question.
    """
    region, node = Region(tree.axes, {}), tree.root
    names: list[str] = []
    while node in tree.questions:
        names.extend(tree.questions[node].inputs)
        branches = [
            (branch.to, region.narrow(condition)) for condition, branch in tree.branch_conditions[node]
        ]
        # Earlier answers may have made a branch impossible: its region is empty then.
        node, region = next((to, narrowed) for to, narrowed in reversed(branches) if narrowed)
    positions = region.witness()
    return {name: tree.inputs[name].value(positions[name]) for name in dict.fromkeys(names)}


def assess_response_examples(catalog: Catalog) -> Examples:
    """Return the answers to the decided and the undecided request of `assess_request_examples`."""
    requests = assess_request_examples(catalog)
    profiles = {name: requests[name]["value"]["profile"] for name in ("decided", "undecided")}
    return {
        name: _example(requests[name], rendering.render_assessment(evaluate(catalog.default, profile)))
        for name, profile in profiles.items()
    }


def batch_request_examples(catalog: Catalog) -> Examples:
    """Return a request to POST /assess/batch: two profiles whose shared answers are in `defaults`."""
    profile = _decided_profile(catalog.default)
    *shared, last = profile
    value = {
        "defaults": {name: profile[name] for name in shared},
        "profiles": [{last: profile[last]}, {}],
    }
    return {"defaults": {"summary": "Two profiles with shared answers", "value": value}}


def batch_response_examples(catalog: Catalog) -> Examples:
    """Return the answer to the request of `batch_request_examples`."""
    # The examples are no decisions that metrics should count.
    assessor = Assessor(Advisor(catalog.default, catalog), NullRecorder())
    return {
        name: _example(request, assessor.assess_batch(**request["value"]))
        for name, request in batch_request_examples(catalog).items()
    }


def explain_request_examples(catalog: Catalog) -> Examples:
    """Return requests to POST /assess/explain: those to POST /assess, and one that limits counterfactuals."""
    profile = _decided_profile(catalog.default)
    target = next(iter(catalog.default.recommendations))
    value = {"profile": profile, "target": target, "frozen": list(profile)[-1:], "limit": 3}
    narrowed = {"summary": "How to get a certain recommendation", "value": value}
    return assess_request_examples(catalog) | {"narrowed": narrowed}


def explain_response_examples(catalog: Catalog, explainer: Explainer) -> Examples:
    """Return the answer of the default tree's explainer to the `narrowed` request.

    The other requests have no example of an answer: theirs would be long.
    """
    request = explain_request_examples(catalog)["narrowed"]
    explanation = explainer.explain(**request["value"])
    assessment = rendering.render_assessment(explanation.assessment)
    body = rendering.render_explanation(explanation, assessment)
    return {"narrowed": _example(request, body)}


def worksheet_request_examples(catalog: Catalog) -> Examples:
    """Return a request to a worksheet of the newest tree that has one; of no quantities if none has any."""
    answer = _first_worked_answer(catalog)
    summary = answer.input.label if answer else "Defaults alone"
    quantities = answer.quantities if answer else {}
    return {"worksheet": {"summary": summary, "value": {"quantities": quantities}}}


def worksheet_response_examples(catalog: Catalog) -> Examples:
    """Return the answer to the request of `worksheet_request_examples`; none if no tree has a worksheet."""
    answer = _first_worked_answer(catalog)
    if answer is None:
        return {}
    value = WorkedAnswerSchema().dump(answer)
    return {"worksheet": {"summary": answer.input.label, "value": value}}


def _first_worked_answer(catalog: Catalog) -> WorkedAnswer | None:
    """Return the answer to the first input of the newest tree that has a worksheet, with small quantities."""
    for tree in reversed([*catalog.trees.values()]):
        for input_ in tree.inputs.values():
            if input_.worksheet:
                smallest = {name: item.minimum for name, item in input_.worksheet.quantities.items()}
                return work_out_answer(tree, input_.name, smallest)
    return None


def _example(request: dict[str, Any], body: bytes) -> dict[str, Any]:
    """Return the example object of an answer, with the summary of the example of its request."""
    return {"summary": request["summary"], "value": orjson.loads(body)}
