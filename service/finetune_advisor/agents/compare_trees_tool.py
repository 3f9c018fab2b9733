"""The tool `compare_trees`: what a version of the tree changes, and for whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from finetune_advisor.agents.argument_schemas import (
    build_schema,
    describe_unlisted_profile,
    describe_version,
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
from finetune_advisor.engine.evaluation.exact import Assessment
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.formats.assessment_text import format_list, join_blocks
from finetune_advisor.formats.changes_text import describe_impact
from finetune_advisor.schemas.changes import ChangesSchema
from finetune_advisor.schemas.fields import NestedObject
from finetune_advisor.schemas.requests import TreeVersionField, profile_schema

MAX_MOVES = 10
MOVE_FIELDS = ("from", "to", "share")
TOOL_DESCRIPTION = (
    "Compares two versions of the tree: how many profiles get another recommendation, from which to which, "
    "and which inputs and recommendations are new or gone. With a profile, also what each version says to "
    "it. Call it before somebody moves to another version, or if two versions disagree."
)
INTEGER_SCHEMA: JsonSchema = {"type": "integer"}
OUTCOME_SCHEMA: JsonSchema = text_object_schema(
    "version", "status", "recommendation", "title", "next_input"
)
OUTPUT_SCHEMA: JsonSchema = object_schema(
    {
        "older": text_object_schema("version", "digest"),
        "newer": text_object_schema("version", "digest"),
        "equivalent": describe({"type": "boolean"}, "Whether every profile keeps its outcome."),
        "summary": STRING_SCHEMA,
        "moves": describe(
            list_schema(
                object_schema({"from": STRING_SCHEMA, "to": STRING_SCHEMA, "share": {"type": "number"}})
            ),
            "The largest moves of profiles; from or to is absent for undecided.",
        ),
        "moves_in_all": INTEGER_SCHEMA,
        "added_inputs": STRING_LIST_SCHEMA,
        "removed_inputs": STRING_LIST_SCHEMA,
        "added_recommendations": STRING_LIST_SCHEMA,
        "removed_recommendations": STRING_LIST_SCHEMA,
        "profile_outcomes": describe(
            list_schema(OUTCOME_SCHEMA), "What each version says to the profile."
        ),
        "understood": UNDERSTOOD_SCHEMA,
    },
    ["older", "newer", "equivalent", "summary", "moves", "moves_in_all"],
)


def build_compare_trees_tool(trees: ServedTrees) -> Tool:
    """Build the tool for the served trees."""
    catalog = trees.catalog
    return Tool(
        name="compare_trees",
        title="Compare two versions of the tree",
        description=TOOL_DESCRIPTION,
        input_schema=object_schema(
            {
                "older": describe_version(catalog, "The version to compare with."),
                "newer": describe_version(catalog, "The version whose changes are wanted."),
                "profile": describe_unlisted_profile(),
            },
            ["older", "newer"],
        ),
        output_schema=OUTPUT_SCHEMA,
        argument_schema=build_schema(
            "CompareTreesArguments",
            {
                "older": TreeVersionField(catalog, required=True),
                "newer": TreeVersionField(catalog, required=True),
                "profile": NestedObject(profile_schema(catalog)),
            },
        ),
        answer=lambda arguments: _compare(trees, arguments),
    )


def _compare(trees: ServedTrees, arguments: Mapping[str, Any]) -> ToolAnswer:
    older, newer = trees.prepare(arguments["older"]), trees.prepare(arguments["newer"])
    comparison = trees.comparisons.compare(older.tree, newer.tree)
    dumped = ChangesSchema().dump(comparison)
    largest_first = sorted(dumped["moves"], key=lambda move: -float(move["share"]))
    data: dict[str, Any] = {
        "older": dumped["older"],
        "newer": dumped["newer"],
        "equivalent": dumped["equivalent"],
        "summary": describe_impact(comparison),
        "moves": [
            {key: move[key] for key in MOVE_FIELDS if key in move} for move in largest_first[:MAX_MOVES]
        ],
        "moves_in_all": len(largest_first),
        **_list_new_and_gone(older.tree, newer.tree),
    }
    if "profile" in arguments:
        profile = arguments["profile"]
        data["profile_outcomes"] = [
            _describe_outcome(tree.advisor.assess(profile)) for tree in (older, newer)
        ]
    return ToolAnswer(_render(data), data)


def _list_new_and_gone(older: Tree, newer: Tree) -> dict[str, list[str]]:
    """The names of the inputs and recommendations that only one of the trees has."""
    return {
        "added_inputs": [name for name in newer.inputs if name not in older.inputs],
        "removed_inputs": [name for name in older.inputs if name not in newer.inputs],
        "added_recommendations": [
            name for name in newer.recommendations if name not in older.recommendations
        ],
        "removed_recommendations": [
            name for name in older.recommendations if name not in newer.recommendations
        ],
    }


def _describe_outcome(assessment: Assessment) -> dict[str, str]:
    outcome = {"version": assessment.tree.version, "status": assessment.status}
    if recommendation := assessment.recommendation:
        outcome |= {"recommendation": recommendation.id, "title": recommendation.title}
    if assessment.next_question:
        outcome["next_input"] = assessment.next_question.input.name
    return outcome


def _render(data: Mapping[str, Any]) -> str:
    outcomes = data.get("profile_outcomes", ())
    moves = [
        f"{move.get('from', 'undecided')} -> {move.get('to', 'undecided')}: {move['share']:.1%}"
        for move in data["moves"]
    ]
    return join_blocks(
        data["summary"],
        format_list("This profile", [*map(_render_outcome, outcomes)]) if outcomes else "",
        format_list(f"Largest of {data['moves_in_all']} moves", moves) if moves else "",
        *_render_names(data),
    )


def _render_outcome(outcome: Mapping[str, str]) -> str:
    if "title" in outcome:
        return f"tree {outcome['version']}: {outcome['title']} [{outcome['recommendation']}]"
    return f"tree {outcome['version']}: undecided; it asks for {outcome['next_input']} next"


def _render_names(data: Mapping[str, Any]) -> Iterator[str]:
    for field in ("added_inputs", "removed_inputs", "added_recommendations", "removed_recommendations"):
        if data[field]:
            yield f"{field.replace('_', ' ').capitalize()}: {', '.join(data[field])}"
