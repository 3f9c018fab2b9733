"""Assessments and what they are made of."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, pre_dump

from finetune_advisor.engine.evaluation.exact import Assessment, OpenQuestion, Step
from finetune_advisor.engine.model.canonical import to_plain
from finetune_advisor.engine.model.tree import Recommendation, Tree
from finetune_advisor.formats.labels import describe_branch
from finetune_advisor.schemas.fields import (
    EnumField,
    PlainNumber,
    PlainObject,
    ResponseSchema,
    ScalarField,
    describe_field,
)
from finetune_advisor.schemas.trees import INPUT_TYPES, LeafSchema, TestsSchema, WarningSchema


class RecommendationSchema(LeafSchema):
    """A recommendation as the answer to a profile."""

    class Meta(ResponseSchema.Meta):
        fields = (
            *("id", "title", "finetune", "family", "summary", "reason", "prerequisites"),
            *(
                "next_steps",
                "data_needed",
                "evaluation",
                "risks",
                "cautions",
                "alternatives",
                "references",
            ),
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
    """The branch that an answer takes: in words, and as the test that the tree makes there."""

    class Meta(ResponseSchema.Meta):
        fields = ("text", *TestsSchema().fields)

    text = fields.String(
        required=True,
        metadata=describe_field("The answers that take the branch, in words: `at least 20 examples`."),
    )


class StepSchema(ResponseSchema):
    question = fields.String(required=True, metadata=describe_field("The question's name in the tree."))
    text = fields.String(required=True)
    input = fields.String(
        required=True, metadata=describe_field("The input that the question asks about.")
    )
    answer = ScalarField(required=True, metadata=describe_field("The value that the profile gives."))
    compared_to = fields.Nested(
        ComparedSchema, metadata=describe_field("The other input, where the question compares two.")
    )
    branch = fields.Nested(
        TakenBranchSchema, required=True, metadata=describe_field("The branch that the answer takes.")
    )


def _step(tree: Tree, step: Step) -> dict[str, Any]:
    """A step of a path as its schema has it: marshmallow would take several times as long."""
    (name, answer), *others = step.answers
    form: dict[str, Any] = {
        "question": step.question.id,
        "text": step.question.text,
        "input": name,
        "answer": answer,
    }
    for other, value in others:
        form["compared_to"] = {"input": other, "answer": value}
    return {**form, "branch": _taken_branch(tree, step)}


def _taken_branch(tree: Tree, step: Step) -> dict[str, Any]:
    test = {key: value for key, value in to_plain(step.branch).items() if key not in ("to", "reason")}
    return {"text": describe_branch(tree, step.question, step.branch), **test}


class NextQuestionSchema(ResponseSchema):
    question = fields.String(required=True, metadata=describe_field("The question's name in the tree."))
    text = fields.String(required=True)
    help = fields.String(metadata=describe_field("Why it is asked, and how to find the answer."))
    input = fields.String(required=True, metadata=describe_field("The input to answer with."))
    label = fields.String(required=True, metadata=describe_field("What the input means."))
    type = EnumField(INPUT_TYPES, "InputType", required=True)
    choices = fields.List(fields.String(), metadata=describe_field("An enum's values."))
    unit = fields.String()
    minimum = PlainNumber()
    maximum = PlainNumber()

    @pre_dump
    def _open(self, one: OpenQuestion, **_: Any) -> dict[str, Any]:
        asked = one.input
        return {
            "question": one.question.id,
            "text": one.question.text,
            "help": f"{one.question.help} {asked.help}".strip() or None,
            "input": asked.name,
            "label": asked.label,
            "type": asked.type,
            "choices": list(asked.choices) or None,
            "unit": asked.unit or None,
            "minimum": asked.minimum,
            "maximum": asked.maximum,
        }


class TreeNameSchema(ResponseSchema):
    version = fields.String(required=True)
    digest = fields.String(required=True, metadata=describe_field("Hash of the tree's canonical form."))


class AssessmentSchema(ResponseSchema):
    """An assessment, as a pure function of the tree and the profile."""

    status = EnumField(["decided", "undecided"], "AssessmentStatus", required=True)
    recommendation = fields.Nested(
        RecommendationSchema,
        metadata=describe_field("Where every completion of the profile ends, if decided."),
    )
    path = fields.List(
        PlainObject(StepSchema),
        required=True,
        metadata=describe_field("The questions that the profile answers on the way, in tree order."),
    )
    candidates = fields.List(
        fields.String(),
        required=True,
        metadata=describe_field("The recommendations that some completion of the profile ends in."),
    )
    next_question = fields.Nested(
        NextQuestionSchema,
        metadata=describe_field(
            "The first open question whose answer can change the outcome, if undecided."
        ),
    )
    warnings = fields.List(
        fields.Nested(WarningSchema),
        metadata=describe_field("What belongs in the answer without changing its outcome."),
    )
    not_needed = fields.List(
        fields.String(),
        metadata=describe_field(
            "Inputs that the way asks about, left out, and without effect, if decided."
        ),
    )
    ignored = fields.List(
        fields.String(), metadata=describe_field("Inputs given that only another served version knows.")
    )
    tree = fields.Nested(TreeNameSchema, required=True)
    receipt = fields.String(
        required=True,
        metadata=describe_field(
            "Hash of the tree's digest and the answers to what the way and the tree's warnings ask."
        ),
    )

    @pre_dump
    def _assessment(self, assessment: Assessment, **_: Any) -> dict[str, Any]:
        leaf = assessment.recommendation
        return {
            "status": assessment.status,
            "recommendation": _recommended(assessment, leaf) if leaf else None,
            "path": [_step(assessment.tree, step) for step in assessment.path],
            "candidates": assessment.candidates,
            "next_question": assessment.next_question,
            "warnings": [to_plain(warning) for warning in assessment.warnings] or None,
            "not_needed": list(assessment.not_needed) or None,
            "ignored": list(assessment.ignored) or None,
            "tree": assessment.tree,
            "receipt": assessment.receipt,
        }


def _recommended(assessment: Assessment, leaf: Recommendation) -> dict[str, Any]:
    tree = assessment.tree
    cautions = list(tree.cautions) if leaf.finetune != "no" else []
    form = {**tree.canonical["recommendations"][leaf.id], "id": leaf.id}
    return form | {"reason": _reason(assessment.reasons), "cautions": cautions or None}


def _reason(reasons: tuple[str, ...]) -> str:
    """One reason as it stands; several, where open questions lead to one end by several ways, as such."""
    if len(reasons) == 1:
        return reasons[0]
    numbered = " ".join(f"({number}) {reason}" for number, reason in enumerate(reasons, 1))
    return f"The open questions don't change the outcome; depending on their answers: {numbered}"
