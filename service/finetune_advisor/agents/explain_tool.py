"""The tool `explain`: why a profile gets its outcome, and what would change it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema

from finetune_advisor.agents.argument_schemas import (
    describe_tree_version,
    describe_unlisted_profile,
)
from finetune_advisor.agents.served_trees import ServedTrees
from finetune_advisor.agents.tool import (
    STRING_LIST_SCHEMA,
    STRING_SCHEMA,
    UNDERSTOOD_SCHEMA,
    JsonSchema,
    Tool,
    ToolAnswer,
    describe,
    list_schema,
    object_schema,
    text_object_schema,
)
from finetune_advisor.formats.explanation_text import render_explanation_text
from finetune_advisor.schemas.fields import StrictInteger
from finetune_advisor.schemas.plain_data import to_dict
from finetune_advisor.schemas.requests import build_range_validator, explain_request_schema
from finetune_advisor.trees.catalog import Catalog

DEFAULT_CHANGES = 5
MAX_CHANGES = 20
TOOL_DESCRIPTION = (
    "Explains an assessment: a smallest set of answers that leads to the recommendation by itself, and the "
    "smallest changes of answers that lead to another one, nearest first. Exact, not estimated. Call it when "
    "somebody asks why, what if, or what it would take to get to another recommendation (target)."
)
OUTPUT_SCHEMA: JsonSchema = object_schema(
    {
        "status": STRING_SCHEMA,
        "recommendation": text_object_schema("id", "title", "reason"),
        "candidates": STRING_LIST_SCHEMA,
        "sufficient_reason": describe(
            STRING_LIST_SCHEMA, "Inputs whose answers alone lead to the recommendation."
        ),
        "changes": list_schema(
            object_schema(
                {
                    "recommendation": STRING_SCHEMA,
                    "title": STRING_SCHEMA,
                    "changes": describe(
                        list_schema(object_schema({"input": STRING_SCHEMA, "from": {}, "to": {}})),
                        "from is absent where the answer isn't known.",
                    ),
                }
            )
        ),
        "truncated": describe({"type": "boolean"}, "Whether there may be more changes."),
        "understood": UNDERSTOOD_SCHEMA,
        "tree": text_object_schema("version", "digest"),
        "receipt": STRING_SCHEMA,
    },
    ["status", "candidates", "changes", "truncated", "tree", "receipt"],
)


def build_explain_tool(trees: ServedTrees) -> Tool:
    """Build the tool for the served trees."""
    catalog = trees.catalog
    return Tool(
        name="explain",
        title="Explain an assessment",
        description=TOOL_DESCRIPTION,
        input_schema=object_schema(
            {
                "profile": describe_unlisted_profile(),
                "target": describe(
                    STRING_SCHEMA, "List only changes that lead to this recommendation (an id)."
                ),
                "frozen": describe(STRING_LIST_SCHEMA, "Inputs that can't change."),
                "limit": describe(
                    {"type": "integer", "minimum": 1, "maximum": MAX_CHANGES},
                    f"Changes to list. Default: {DEFAULT_CHANGES}.",
                ),
                "tree_version": describe_tree_version(catalog),
            },
            ["profile"],
        ),
        output_schema=OUTPUT_SCHEMA,
        argument_schema=explain_arguments_schema(catalog),
        answer=lambda arguments: _explain(trees, arguments),
        defaults={"frozen": [], "limit": DEFAULT_CHANGES},
    )


def explain_arguments_schema(catalog: Catalog) -> Schema:
    """Build the schema of the arguments: those of POST /assess/explain, with a lower limit."""
    limit = StrictInteger(validate=build_range_validator(1, MAX_CHANGES))
    schema: Schema = type("ExplainArguments", (explain_request_schema(catalog),), {"limit": limit})()
    return schema


def _explain(trees: ServedTrees, arguments: Mapping[str, Any]) -> ToolAnswer:
    prepared = trees.prepare(arguments.get("tree_version"))
    target, frozen = arguments.get("target"), arguments["frozen"]
    explanation = to_dict(
        prepared.advisor.explain(
            arguments["profile"], target=target, frozen=frozen, limit=arguments["limit"]
        )
    )
    assessment = explanation["assessment"]
    # What each other answer leads to is long, and agents can find it by a call of assess.
    explanation["sensitivity"] = []
    text = render_explanation_text(explanation, prepared.tree, target=target, frozen=frozen)
    titles = prepared.tree.recommendations
    data = {
        "status": assessment["status"],
        "candidates": assessment["candidates"],
        "changes": [
            {"title": titles[counterfactual["recommendation"]].title, **counterfactual}
            for counterfactual in explanation["counterfactuals"]
        ],
        "truncated": explanation["truncated"],
        "tree": assessment["tree"],
        "receipt": assessment["receipt"],
    }
    if recommendation := assessment.get("recommendation"):
        data["recommendation"] = {
            name: recommendation[name] for name in ("id", "title", "finetune", "reason")
        }
    if "sufficient_reason" in explanation:
        data["sufficient_reason"] = explanation["sufficient_reason"]
    if "ignored" in assessment:
        data["ignored"] = assessment["ignored"]
    return ToolAnswer(text, data)
