"""The tool `describe_input`: what an input means, which answers it takes, and how to find out."""

from __future__ import annotations

from collections.abc import Iterator

from finetune_advisor.agents.argument_schemas import (
    build_schema,
    describe_tree_version,
    input_name_field,
)
from finetune_advisor.agents.input_text import describe_answers, describe_range_in_unit
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
from finetune_advisor.engine.model.canonical import to_plain
from finetune_advisor.engine.model.inputs import Input
from finetune_advisor.engine.model.references import Reference
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.formats.assessment_text import format_list, join_blocks
from finetune_advisor.formats.worksheet_text import describe_formula
from finetune_advisor.schemas.requests import version_field
from finetune_advisor.schemas.trees import InputSchema

TOOL_DESCRIPTION = (
    "Describes an input: its question, type, choices or unit, what its answers mean, how to find the value, "
    "and sources. Without input, lists all inputs of a tree, to map what a person said to names. Call it "
    "before you fill a profile from a text, and when a person asks what a question means."
)
NUMBER_SCHEMA: JsonSchema = {"type": "number"}
OUTPUT_SCHEMA: JsonSchema = object_schema(
    {
        "input": STRING_SCHEMA,
        "tree_version": STRING_SCHEMA,
        "label": STRING_SCHEMA,
        "help": STRING_SCHEMA,
        "type": STRING_SCHEMA,
        "choices": STRING_LIST_SCHEMA,
        "choice_labels": {"type": "object"},
        "choice_help": {"type": "object"},
        "unit": STRING_SCHEMA,
        "minimum": NUMBER_SCHEMA,
        "maximum": NUMBER_SCHEMA,
        "worksheet": describe({"type": "object"}, "How to work out the value from other quantities."),
        "questions": list_schema(text_object_schema("id", "text", "help")),
        "sources": list_schema(text_object_schema("title", "url")),
        "inputs": describe(
            list_schema(text_object_schema("input", "label", "type")),
            "All inputs, if none was named.",
        ),
        "understood": UNDERSTOOD_SCHEMA,
    },
    ["tree_version"],
)


def build_describe_input_tool(trees: ServedTrees) -> Tool:
    """Build the tool for the served trees."""
    catalog = trees.catalog
    return Tool(
        name="describe_input",
        title="Describe an input",
        description=TOOL_DESCRIPTION,
        input_schema=object_schema(
            {
                "input": describe(STRING_SCHEMA, "The input's name. Default: list all."),
                "tree_version": describe_tree_version(catalog),
            }
        ),
        output_schema=OUTPUT_SCHEMA,
        argument_schema=build_schema(
            "DescribeInputArguments",
            {"input": input_name_field(catalog), "tree_version": version_field(catalog)},
        ),
        answer=lambda arguments: _describe(trees, arguments.get("input"), arguments.get("tree_version")),
    )


def _describe(trees: ServedTrees, name: str | None, version: str | None) -> ToolAnswer:
    tree = trees.catalog.pick(version)
    if name is None:
        return _list_inputs(tree)
    note = ""
    if name not in tree.inputs:
        # Every name that is known here belongs to some version.
        note, tree = (
            f"Tree {tree.version} doesn't have this input.",
            trees.catalog.find_tree_of_inputs([name]),
        )
    return _describe_one(tree, tree.inputs[name], note)


def _list_inputs(tree: Tree) -> ToolAnswer:
    inputs = [
        {"input": name, "label": input_.label, "type": input_.type, "answers": _summarize(input_)}
        for name, input_ in tree.inputs.items()
    ]
    lines = [f"{one['input']} ({one['answers']}): {one['label']}" for one in inputs]
    text = format_list(f"The inputs of tree {tree.version}", lines)
    return ToolAnswer(text, {"tree_version": tree.version, "inputs": inputs})


def _summarize(input_: Input) -> str:
    if input_.is_numeric:
        return describe_range_in_unit(input_)
    return ", ".join(input_.choices) or "true or false"


def _describe_one(tree: Tree, input_: Input, note: str) -> ToolAnswer:
    questions = [
        {"id": question.id, "text": question.text, "help": question.help}
        for question in tree.questions.values()
        if input_.name in question.inputs
    ]
    sources = [to_plain(source) for source in dict.fromkeys(_iter_sources(tree, input_))]
    data = {
        "input": input_.name,
        "tree_version": tree.version,
        **InputSchema().dump(tree.canonical["inputs"][input_.name]),
        "questions": questions,
        "sources": sources,
    }
    text = join_blocks(
        f"{input_.name} (tree {tree.version}): {input_.label}",
        note,
        input_.help,
        describe_answers(input_),
        *(f"Question: {question['text']} {question['help']}".strip() for question in questions),
        *_render_worksheet(input_),
        "\n".join(["Sources:", *(f"- {source['title']} <{source['url']}>" for source in sources)]),
    )
    return ToolAnswer(text, data)


def _render_worksheet(input_: Input) -> Iterator[str]:
    if worksheet := input_.worksheet:
        yield f"To work it out: {worksheet.summary}"
        yield f"{input_.label} = {describe_formula(worksheet)}"


def _iter_sources(tree: Tree, input_: Input) -> Iterator[Reference]:
    """The pages behind an input: those of its worksheet, of warnings about it, and the tree's."""
    if worksheet := input_.worksheet:
        yield from worksheet.references
        for constant in worksheet.constants.values():
            yield from constant.references
    for rule in tree.warnings:
        if any(input_.name in condition.inputs for condition in rule.when):
            yield from rule.references
    yield tree.source
