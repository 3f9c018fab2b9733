"""Trees and their parts."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, pre_dump

from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.schemas.fields import EnumField, PlainNumber, ResponseSchema, describe_field
from finetune_advisor.trees.catalog import Catalog

FINETUNE_VALUES = ["no", "not_yet", "partly", "yes"]
INPUT_TYPES = ["boolean", "enum", "integer", "number"]
TREE_STATUSES = ["candidate", "current", "deprecated"]


class ReferenceSchema(ResponseSchema):
    title = fields.String(required=True)
    url = fields.String(required=True, metadata={"format": "uri"})


class AlternativeSchema(ResponseSchema):
    id = fields.String(
        required=True, metadata=describe_field("Another recommendation of the same tree.")
    )
    when = fields.String(required=True, metadata=describe_field("When it is the better one."))


class LeafSchema(ResponseSchema):
    """A recommendation as the tree has it."""

    title = fields.String(required=True)
    finetune = EnumField(
        FINETUNE_VALUES,
        "Finetune",
        required=True,
        metadata=describe_field("Whether this means fine-tuning."),
    )
    summary = fields.String(required=True)
    family = fields.String(
        metadata=describe_field("The kind of recommendation, comparable across versions.")
    )
    prerequisites = fields.List(fields.String(), metadata=describe_field("What must hold first."))
    next_steps = fields.List(fields.String(), metadata=describe_field("What to do, in order."))
    data_needed = fields.List(
        fields.String(), metadata=describe_field("What data it takes, with counts.")
    )
    evaluation = fields.List(
        fields.String(), metadata=describe_field("How to tell whether it worked, in order.")
    )
    risks = fields.List(
        fields.String(), metadata=describe_field("What can go wrong, with its mitigation.")
    )
    alternatives = fields.List(fields.Nested(AlternativeSchema))
    references = fields.List(fields.Nested(ReferenceSchema))


class InputSchema(ResponseSchema):
    type = EnumField(INPUT_TYPES, "InputType", required=True)
    label = fields.String(required=True)
    help = fields.String(metadata=describe_field("How to find the value."))
    unit = fields.String()
    choices = fields.List(fields.String())
    minimum = PlainNumber()
    maximum = PlainNumber()


OPERATOR_WORDS = {"lt": "less than", "lte": "at most", "gt": "more than", "gte": "at least"}

TestsSchema = ResponseSchema.from_dict(
    {
        "is": fields.Boolean(metadata=describe_field("The answer is this boolean.")),
        "in": fields.List(
            fields.String(), metadata=describe_field("The answer is one of these choices.")
        ),
        **{
            operator: PlainNumber(metadata=describe_field(f"The answer is {words} this number."))
            for operator, words in OPERATOR_WORDS.items()
        },
        **{
            f"{operator}_input": fields.String(
                metadata=describe_field(f"The answer is {words} this input's.")
            )
            for operator, words in OPERATOR_WORDS.items()
        },
        "otherwise": fields.Boolean(
            metadata=describe_field("The answer is any that no other branch takes.")
        ),
    },
    name="Tests",
)


class BranchSchema(TestsSchema):  # type: ignore[valid-type, misc]  # made by from_dict
    to = fields.String(
        required=True, metadata=describe_field("The next question, or the recommendation.")
    )
    reason = fields.String(metadata=describe_field("Why, at a recommendation."))


class QuestionSchema(ResponseSchema):
    text = fields.String(required=True)
    help = fields.String()
    input = fields.String(required=True)
    branches = fields.List(fields.Nested(BranchSchema), required=True)


class CircumstanceSchema(TestsSchema):  # type: ignore[valid-type, misc]  # made by from_dict
    input = fields.String(required=True)


class WarningSchema(ResponseSchema):
    """What belongs in an answer without changing its outcome."""

    id = fields.String(required=True)
    text = fields.String(required=True)
    references = fields.List(fields.Nested(ReferenceSchema))


class WarningRuleSchema(WarningSchema):
    """A warning as the tree has it."""

    when = fields.List(
        fields.Nested(CircumstanceSchema),
        required=True,
        metadata=describe_field("All have to be known to hold."),
    )
    recommendations = fields.List(
        fields.String(), metadata=describe_field("The outcomes that it belongs to; left out, any.")
    )


class SituationSchema(ResponseSchema):
    id = fields.String(required=True)
    title = fields.String(required=True)
    text = fields.String(required=True)
    caveat = fields.String(required=True)
    questions = fields.List(fields.String(), metadata=describe_field("The questions that ask about it."))


class VersionFieldsSchema(ResponseSchema):
    """The base of trees and versions: what tells one from another, and how to treat it."""

    version = fields.String(required=True)
    digest = fields.String(required=True)
    status = EnumField(TREE_STATUSES, "TreeStatus", required=True)
    deprecated = fields.String(
        metadata=describe_field("The day since which it is deprecated.", format="date")
    )
    sunset = fields.String(metadata=describe_field("The day on which it is retired.", format="date"))
    successor = fields.String(metadata=describe_field("The version to use instead of a deprecated one."))
    released = fields.String(required=True, metadata={"format": "date"})
    title = fields.String(required=True)


class TreeSchema(VersionFieldsSchema):
    """A tree in its canonical form: the digest is the hash of this object without digest, status,
    deprecated, sunset and successor.
    """

    summary = fields.String()
    source = fields.Nested(ReferenceSchema, required=True)
    inputs = fields.Dict(fields.String(), fields.Nested(InputSchema), required=True)
    root = fields.String(required=True, metadata=describe_field("The first question."))
    questions = fields.Dict(fields.String(), fields.Nested(QuestionSchema), required=True)
    recommendations = fields.Dict(fields.String(), fields.Nested(LeafSchema), required=True)
    situations = fields.List(
        fields.Nested(SituationSchema), metadata=describe_field("When fine-tuning tends to pay.")
    )
    cautions = fields.List(fields.String())
    limitations = fields.List(
        fields.String(), metadata=describe_field("Where this version falls short.")
    )
    warnings = fields.List(
        fields.Nested(WarningRuleSchema), metadata=describe_field("Rules beside the questions.")
    )

    @pre_dump
    def _tree(self, tree: Tree, **_: Any) -> dict[str, Any]:
        return {**tree.canonical, "digest": tree.digest}


class VersionSchema(VersionFieldsSchema):
    default = fields.Boolean(required=True, metadata=describe_field("Answers when no version is named."))
    default_reason = fields.String(
        metadata=describe_field("Why this version is the default; only there.")
    )


class VersionListSchema(ResponseSchema):
    versions = fields.List(fields.Nested(VersionSchema), required=True)

    @pre_dump
    def _versions(self, catalog: Catalog, **_: Any) -> dict[str, Any]:
        return {"versions": [_version(tree, catalog) for tree in catalog.trees.values()]}


def _version(tree: Tree, catalog: Catalog) -> dict[str, Any]:
    is_default = tree is catalog.default
    reason = {"default_reason": catalog.default_reason} if is_default else {}
    return {**tree.canonical, "digest": tree.digest, "default": is_default, **reason}
