"""Assessments and their parts."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, pre_dump

from finetune_advisor.engine.evaluation.exact import Assessment, Step
from finetune_advisor.engine.model.canonical import to_plain
from finetune_advisor.engine.model.tree import OpenQuestion, Recommendation, Tree
from finetune_advisor.formats.labels import describe_branch
from finetune_advisor.schemas.fields import (
    EnumField,
    PlainNumber,
    PlainObject,
    ResponseSchema,
    ScalarField,
    describe_field,
)
from finetune_advisor.schemas.trees import (
    ANSWER_WORDS_FIELDS,
    INPUT_TYPES,
    AnswerWordsSchema,
    LeafSchema,
    TestsSchema,
    WarningSchema,
    WorksheetSchema,
)


class RecommendationSchema(LeafSchema):
    """A recommendation as the answer to a profile."""

    class Meta(ResponseSchema.Meta):
        # In reading order: marshmallow would put the inherited fields first.
        fields = (
            "id",
            "title",
            "finetune",
            "family",
            "summary",
            "reason",
            "prerequisites",
            "next_steps",
            "data_needed",
            "evaluation",
            "risks",
            "cautions",
            "alternatives",
            "references",
        )

    id = fields.String(required=True, metadata=describe_field("The recommendation's name in the tree."))
    reason = fields.String(required=True, metadata=describe_field("Why the answers lead here."))
    cautions = fields.List(
        fields.String(), metadata=describe_field("What to keep in mind with any fine-tuning.")
    )


class ComparedSchema(ResponseSchema):
    input = fields.String(required=True)
    answer = ScalarField(required=True, metadata=describe_field("The value that the profile gives."))


class TakenBranchSchema(TestsSchema):  # type: ignore[valid-type, misc]  # made by from_dict
    """The branch that an answer takes, in words and as the test of the tree."""

    class Meta(ResponseSchema.Meta):
        fields = ("text", *TestsSchema().fields)

    text = fields.String(
        required=True,
        metadata=describe_field(
            "The answers that take the branch, in words, such as `at least 20 examples`."
        ),
    )


class StepSchema(ResponseSchema):
    question = fields.String(required=True, metadata=describe_field("The question's name in the tree."))
    text = fields.String(required=True)
    input = fields.String(
        required=True, metadata=describe_field("The input that the question asks about.")
    )
    answer = ScalarField(required=True, metadata=describe_field("The value that the profile gives."))
    compared_to = fields.Nested(
        ComparedSchema, metadata=describe_field("The other input, if the question compares two inputs.")
    )
    branch = fields.Nested(
        TakenBranchSchema, required=True, metadata=describe_field("The branch that the answer takes.")
    )


def _dump_step(tree: Tree, step: Step) -> dict[str, Any]:
    """Return a step of a path as StepSchema describes it; marshmallow would take several times as long."""
    (name, answer), *compared = step.answers
    dumped: dict[str, Any] = {
        "question": step.question.id,
        "text": step.question.text,
        "input": name,
        "answer": answer,
    }
    for other, value in compared:
        dumped["compared_to"] = {"input": other, "answer": value}
    return {**dumped, "branch": _dump_branch(tree, step)}


def _dump_branch(tree: Tree, step: Step) -> dict[str, Any]:
    test = {key: value for key, value in to_plain(step.branch).items() if key not in ("to", "reason")}
    return {"text": describe_branch(tree, step.question, step.branch), **test}


class NextQuestionSchema(AnswerWordsSchema):
    class Meta(ResponseSchema.Meta):
        # In reading order: marshmallow would put the inherited fields first.
        fields = (
            "question",
            "text",
            "help",
            "input",
            "label",
            "type",
            "choices",
            *ANSWER_WORDS_FIELDS,
            "unit",
            "minimum",
            "maximum",
            "worksheet",
        )

    question = fields.String(required=True, metadata=describe_field("The question's name in the tree."))
    text = fields.String(required=True)
    help = fields.String(
        metadata=describe_field("Why the question matters, and how to find the answer.")
    )
    input = fields.String(required=True, metadata=describe_field("The input that answers the question."))
    label = fields.String(required=True, metadata=describe_field("What the input means."))
    type = EnumField(INPUT_TYPES, "InputType", required=True)
    choices = fields.List(fields.String(), metadata=describe_field("The values of an enum."))
    unit = fields.String()
    minimum = PlainNumber()
    maximum = PlainNumber()
    worksheet = PlainObject(
        WorksheetSchema,
        metadata=describe_field("How to work out the value, if people know only others."),
    )

    @pre_dump
    def _as_mapping(self, open_question: OpenQuestion, **_: Any) -> dict[str, Any]:
        question, input_ = open_question.question, open_question.input
        return {
            "question": question.id,
            "text": question.text,
            # The question says why it is asked, and the input says how to find the value.
            "help": f"{question.help} {input_.help}".strip() or None,
            "input": input_.name,
            "label": input_.label,
            "type": input_.type,
            "choices": list(input_.choices) or None,
            **{name: getattr(input_, name) or None for name in ANSWER_WORDS_FIELDS},
            "unit": input_.unit or None,
            "minimum": input_.minimum,
            "maximum": input_.maximum,
            "worksheet": to_plain(input_.worksheet),
        }


class TreeNameSchema(ResponseSchema):
    version = fields.String(required=True)
    digest = fields.String(
        required=True, metadata=describe_field("The hash of the tree's canonical form.")
    )


class AssessmentSchema(ResponseSchema):
    """An assessment. It depends only on the tree and the profile."""

    status = EnumField(["decided", "undecided"], "AssessmentStatus", required=True)
    recommendation = fields.Nested(
        RecommendationSchema,
        metadata=describe_field(
            "The recommendation that every completion of the profile leads to, if decided."
        ),
    )
    # Steps are plain already: `_dump_step` makes them.
    path = fields.List(
        PlainObject(StepSchema),
        required=True,
        metadata=describe_field("The questions that the profile answers, in the order of the tree."),
    )
    candidates = fields.List(
        fields.String(),
        required=True,
        metadata=describe_field("The recommendations that are still possible."),
    )
    next_question = fields.Nested(
        NextQuestionSchema,
        metadata=describe_field(
            "The first unanswered question that can still change the result, if undecided."
        ),
    )
    warnings = fields.List(
        fields.Nested(WarningSchema),
        metadata=describe_field("Advice that does not change the result."),
    )
    not_needed = fields.List(
        fields.String(),
        metadata=describe_field("Unanswered inputs that cannot change the result, if decided."),
    )
    ignored = fields.List(
        fields.String(), metadata=describe_field("Inputs that only another served version knows.")
    )
    tree = fields.Nested(TreeNameSchema, required=True)
    receipt = fields.String(
        required=True,
        metadata=describe_field(
            "The hash of the tree's digest and of the answers that the path and the warnings use."
        ),
    )

    @pre_dump
    def _as_mapping(self, assessment: Assessment, **_: Any) -> dict[str, Any]:
        recommendation = assessment.recommendation
        return {
            "status": assessment.status,
            "recommendation": (
                _dump_recommendation(assessment, recommendation) if recommendation else None
            ),
            "path": [_dump_step(assessment.tree, step) for step in assessment.path],
            "candidates": assessment.candidates,
            "next_question": assessment.next_question,
            "warnings": [to_plain(warning) for warning in assessment.warnings] or None,
            "not_needed": list(assessment.not_needed) or None,
            "ignored": list(assessment.ignored) or None,
            "tree": assessment.tree,
            "receipt": assessment.receipt,
        }


def _dump_recommendation(assessment: Assessment, recommendation: Recommendation) -> dict[str, Any]:
    tree = assessment.tree
    # Cautions are about fine-tuning.
    cautions = list(tree.cautions) if recommendation.finetune != "no" else []
    dumped = {**tree.canonical["recommendations"][recommendation.id], "id": recommendation.id}
    return dumped | {"reason": _join_reasons(assessment.reasons), "cautions": cautions or None}


def _join_reasons(reasons: tuple[str, ...]) -> str:
    """Join the reasons of a recommendation into a text.

    There are several if unanswered questions lead to the recommendation by several branches.
    """
    if len(reasons) == 1:
        return reasons[0]
    numbered = " ".join(f"({number}) {reason}" for number, reason in enumerate(reasons, 1))
    return f"The open questions don't change the outcome; depending on their answers: {numbered}"
