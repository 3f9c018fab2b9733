"""Trees and their parts."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, pre_dump

from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.schemas.fields import Choice, Growing, Number, described
from finetune_advisor.trees.catalog import Catalog

FINETUNE = ["no", "not_yet", "partly", "yes"]
INPUT_TYPES = ["boolean", "enum", "integer", "number"]
STATUSES = ["candidate", "current", "deprecated"]


class ReferenceSchema(Growing):
    title = fields.String(required=True)
    url = fields.String(required=True, metadata={"format": "uri"})


class AlternativeSchema(Growing):
    id = fields.String(required=True, metadata=described("Another recommendation of the same tree."))
    when = fields.String(required=True, metadata=described("When it is the better one."))


class LeafSchema(Growing):
    """A recommendation as the tree has it."""

    title = fields.String(required=True)
    finetune = Choice(
        FINETUNE, "Finetune", required=True, metadata=described("Whether this means fine-tuning.")
    )
    summary = fields.String(required=True)
    family = fields.String(metadata=described("The kind of recommendation, comparable across versions."))
    prerequisites = fields.List(fields.String(), metadata=described("What must hold first."))
    next_steps = fields.List(fields.String(), metadata=described("What to do, in order."))
    data_needed = fields.List(fields.String(), metadata=described("What data it takes, with counts."))
    evaluation = fields.List(
        fields.String(), metadata=described("How to tell whether it worked, in order.")
    )
    risks = fields.List(fields.String(), metadata=described("What can go wrong, with its mitigation."))
    alternatives = fields.List(fields.Nested(AlternativeSchema))
    references = fields.List(fields.Nested(ReferenceSchema))


class InputSchema(Growing):
    type = Choice(INPUT_TYPES, "InputType", required=True)
    label = fields.String(required=True)
    help = fields.String(metadata=described("How to find the value."))
    unit = fields.String()
    choices = fields.List(fields.String())
    minimum = Number()
    maximum = Number()


OPERATORS = {"lt": "less than", "lte": "at most", "gt": "more than", "gte": "at least"}

TestsSchema = Growing.from_dict(
    {
        "is": fields.Boolean(metadata=described("The answer is this boolean.")),
        "in": fields.List(fields.String(), metadata=described("The answer is one of these choices.")),
        **{
            operator: Number(metadata=described(f"The answer is {words} this number."))
            for operator, words in OPERATORS.items()
        },
        **{
            f"{operator}_input": fields.String(
                metadata=described(f"The answer is {words} this input's.")
            )
            for operator, words in OPERATORS.items()
        },
        "otherwise": fields.Boolean(metadata=described("The answer is any that no other branch takes.")),
    },
    name="Tests",
)


class BranchSchema(TestsSchema):  # type: ignore[valid-type, misc]  # made by from_dict
    to = fields.String(required=True, metadata=described("The next question, or the recommendation."))
    reason = fields.String(metadata=described("Why, at a recommendation."))


class QuestionSchema(Growing):
    text = fields.String(required=True)
    help = fields.String()
    input = fields.String(required=True)
    branches = fields.List(fields.Nested(BranchSchema), required=True)


class CircumstanceSchema(TestsSchema):  # type: ignore[valid-type, misc]  # made by from_dict
    input = fields.String(required=True)


class WarningSchema(Growing):
    """What belongs in an answer without changing its outcome."""

    id = fields.String(required=True)
    text = fields.String(required=True)
    references = fields.List(fields.Nested(ReferenceSchema))


class WarningRuleSchema(WarningSchema):
    """A warning as the tree has it."""

    when = fields.List(
        fields.Nested(CircumstanceSchema),
        required=True,
        metadata=described("All have to be known to hold."),
    )
    recommendations = fields.List(
        fields.String(), metadata=described("The outcomes that it belongs to; left out, any.")
    )


class SituationSchema(Growing):
    id = fields.String(required=True)
    title = fields.String(required=True)
    text = fields.String(required=True)
    caveat = fields.String(required=True)
    questions = fields.List(fields.String(), metadata=described("The questions that ask about it."))


class EditionSchema(Growing):
    """The base of trees and versions: what tells one from another, and how to treat it."""

    version = fields.String(required=True)
    digest = fields.String(required=True)
    status = Choice(STATUSES, "TreeStatus", required=True)
    deprecated = fields.String(
        metadata=described("The day since which it is deprecated.", format="date")
    )
    sunset = fields.String(metadata=described("The day on which it is retired.", format="date"))
    successor = fields.String(metadata=described("The version to use instead of a deprecated one."))
    released = fields.String(required=True, metadata={"format": "date"})
    title = fields.String(required=True)


class TreeSchema(EditionSchema):
    """A tree in its canonical form: the digest is the hash of this object without digest, status,
    deprecated, sunset and successor.
    """

    summary = fields.String()
    source = fields.Nested(ReferenceSchema, required=True)
    inputs = fields.Dict(fields.String(), fields.Nested(InputSchema), required=True)
    root = fields.String(required=True, metadata=described("The first question."))
    questions = fields.Dict(fields.String(), fields.Nested(QuestionSchema), required=True)
    recommendations = fields.Dict(fields.String(), fields.Nested(LeafSchema), required=True)
    situations = fields.List(
        fields.Nested(SituationSchema), metadata=described("When fine-tuning tends to pay.")
    )
    cautions = fields.List(fields.String())
    limitations = fields.List(fields.String(), metadata=described("Where this version falls short."))
    warnings = fields.List(
        fields.Nested(WarningRuleSchema), metadata=described("Rules beside the questions.")
    )

    @pre_dump
    def _tree(self, tree: Tree, **_: Any) -> dict[str, Any]:
        return {**tree.canonical, "digest": tree.digest}


class VersionSchema(EditionSchema):
    default = fields.Boolean(required=True, metadata=described("Answers when no version is named."))
    default_reason = fields.String(metadata=described("Why this version is the default; only there."))


class VersionListSchema(Growing):
    versions = fields.List(fields.Nested(VersionSchema), required=True)

    @pre_dump
    def _versions(self, catalog: Catalog, **_: Any) -> dict[str, Any]:
        return {"versions": [_version(tree, catalog) for tree in catalog.trees.values()]}


def _version(tree: Tree, catalog: Catalog) -> dict[str, Any]:
    is_default = tree is catalog.default
    reason = {"default_reason": catalog.default_reason} if is_default else {}
    return {**tree.canonical, "digest": tree.digest, "default": is_default, **reason}
