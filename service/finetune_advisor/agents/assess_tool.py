"""The tool `assess`: what a profile comes to, and what to ask next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from finetune_advisor.agents.argument_schemas import (
    SKIPPED_SCHEMA,
    build_schema,
    describe_profile,
    describe_tree_version,
    input_names_field,
)
from finetune_advisor.agents.input_text import describe_answers
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
from finetune_advisor.assessing.interview import list_warning_questions
from finetune_advisor.assessing.next_questions import find_next_question
from finetune_advisor.engine.model.tree import OpenQuestion
from finetune_advisor.formats.assessment_text import (
    format_footer,
    format_list,
    format_path,
    join_blocks,
    render_assessment_text,
)
from finetune_advisor.schemas.assessments import NextQuestionSchema
from finetune_advisor.schemas.fields import NestedObject
from finetune_advisor.schemas.plain_data import to_dict
from finetune_advisor.schemas.requests import profile_schema, version_field

TOOL_DESCRIPTION = (
    "Decides whether to fine-tune an LLM or to do something cheaper first, by a versioned decision tree, "
    "with the path and the reasons. Call it whenever somebody asks whether or when to fine-tune a model. "
    "Begin with what is already known, or with {}. While the status is undecided, put next_question to the "
    "person, and call again with all answers so far. Never guess an answer: leave it out, or name it in "
    "skipped if the person can't tell. Inputs in no_longer_matters needn't be asked. The reasons and "
    "references in the answer are the sources to quote."
)

NOTHING_LEFT = (
    "Nothing is left to ask: the outcome depends on skipped inputs. Tell the person which recommendations "
    "are still possible, and that explain shows which answers would settle it."
)
OUTPUT_SCHEMA: JsonSchema = object_schema(
    {
        "status": {"type": "string", "enum": ["decided", "undecided"]},
        "recommendation": describe(
            text_object_schema("id", "title", "finetune", "summary", "reason"),
            "The advice, if decided; finetune is no, not_yet, partly or yes.",
        ),
        "path": describe(
            list_schema(text_object_schema("question", "text", "input")),
            "The answered questions, in order.",
        ),
        "candidates": describe(STRING_LIST_SCHEMA, "The recommendations that are still possible."),
        "next_question": describe(
            object_schema(
                {
                    "input": STRING_SCHEMA,
                    "text": STRING_SCHEMA,
                    "help": STRING_SCHEMA,
                    "type": STRING_SCHEMA,
                    "choices": STRING_LIST_SCHEMA,
                }
            ),
            "What to ask the person now. The answer belongs to this input.",
        ),
        "questions_left": object_schema({"fewest": {"type": "integer"}, "most": {"type": "integer"}}),
        "no_longer_matters": describe(STRING_LIST_SCHEMA, "Inputs that can't change anything any more."),
        "may_add_warnings": describe(
            STRING_LIST_SCHEMA, "Inputs that can only add a warning. Asking is optional."
        ),
        "understood": UNDERSTOOD_SCHEMA,
        "tree": text_object_schema("version", "digest"),
        "receipt": STRING_SCHEMA,
    },
    ["status", "path", "candidates", "no_longer_matters", "tree", "receipt"],
)


def build_assess_tool(trees: ServedTrees) -> Tool:
    """Build the tool for the served trees."""
    catalog = trees.catalog
    return Tool(
        name="assess",
        title="Assess whether to fine-tune",
        description=TOOL_DESCRIPTION,
        input_schema=object_schema(
            {
                "profile": describe_profile(catalog),
                "skipped": SKIPPED_SCHEMA,
                "tree_version": describe_tree_version(catalog),
            }
        ),
        output_schema=OUTPUT_SCHEMA,
        argument_schema=build_schema(
            "AssessArguments",
            {
                "profile": NestedObject(profile_schema(catalog)),
                "skipped": input_names_field(catalog),
                "tree_version": version_field(catalog),
            },
        ),
        answer=lambda arguments: _assess(trees, arguments),
        defaults={"profile": {}, "skipped": []},
    )


def _assess(trees: ServedTrees, arguments: Mapping[str, Any]) -> ToolAnswer:
    profile, skipped = arguments["profile"], arguments["skipped"]
    prepared = trees.prepare(arguments.get("tree_version"))
    state = prepared.interviewer.state(profile, skipped)
    data = to_dict(state.assessment)
    # The assessment itself knows nothing of skipped inputs.
    data.pop("next_question", None)
    data.pop("not_needed", None)
    question = find_next_question(prepared.tree, profile, state.assessment, skipped)
    if question and state.left:
        data["next_question"] = NextQuestionSchema().dump(question)
        data["questions_left"] = {"fewest": state.left.fewest, "most": state.left.most}
    data["no_longer_matters"] = prepared.interviewer.list_inputs_without_effect(profile)
    if names := [one.input for one in list_warning_questions(profile, state.assessment, skipped)]:
        data["may_add_warnings"] = names
    notes = [*_list_notes(trees, data)]
    if state.assessment.outcome:
        return ToolAnswer(_render_decided(data, notes), data)
    return ToolAnswer(_render_undecided(data, notes, question), data)


def _render_decided(data: Mapping[str, Any], notes: Sequence[str]) -> str:
    """Say what to do, why, and what could still be asked."""
    more = list(notes)
    if names := data.get("may_add_warnings"):
        more.append(f"Decided. Optional: answers to these can add a warning: {', '.join(names)}")
    return render_assessment_text(data, more=more)


def _render_undecided(
    data: Mapping[str, Any], notes: Sequence[str], open_question: OpenQuestion | None
) -> str:
    """Say what to ask, how to answer it, and what is known so far."""
    return join_blocks(
        f"Undecided: {len(data['candidates'])} recommendations are still possible.",
        _render_question(data, open_question) if open_question else NOTHING_LEFT,
        *format_path(data),
        format_list("Still possible", data["candidates"]),
        *notes,
        format_footer(data),
    )


def _render_question(data: Mapping[str, Any], open_question: OpenQuestion) -> str:
    question, input_, left = open_question.question, open_question.input, data["questions_left"]
    span = f"{left['fewest']} to {left['most']}" if left["fewest"] != left["most"] else left["most"]
    label = [] if input_.label == question.text else [f"It is about: {input_.label}"]
    worksheet = [f"Can be worked out: {input_.worksheet.summary}"] if input_.worksheet else []
    lines = [
        f"Ask the person (questions left: {span}): {question.text}",
        *label,
        f"Why, and how to find out: {data['next_question'].get('help', 'not stated')}",
        *worksheet,
        f"The answer is the input {input_.name} of the profile.",
        describe_answers(input_),
        f"If the person can't tell, call assess again with {input_.name} in skipped.",
    ]
    return "\n".join(lines)


def _list_notes(trees: ServedTrees, data: Mapping[str, Any]) -> Iterator[str]:
    """What else a model should know: which inputs another version knows, and which ones don't matter."""
    if ignored := data.get("ignored"):
        best = trees.catalog.find_tree_of_inputs(ignored)
        yield f"Tree {best.version} knows ignored inputs: give it as tree_version if that tree is meant."
    if data["no_longer_matters"]:
        yield f"No longer matters, don't ask: {', '.join(data['no_longer_matters'])}"
