"""Trees and their parts."""

from __future__ import annotations

from typing import Any, get_args

from marshmallow import fields, pre_dump

from finetune_advisor.engine.model.inputs import InputType
from finetune_advisor.engine.model.tree import FinetuneVerdict, Tree, TreeStatus
from finetune_advisor.schemas.fields import EnumField, PlainNumber, ResponseSchema, describe_field
from finetune_advisor.trees.catalog import Catalog

FINETUNE_VALUES = [*get_args(FinetuneVerdict)]
INPUT_TYPES = [*get_args(InputType)]
TREE_STATUSES = [status for status in get_args(TreeStatus) if status != "retired"]


class ReferenceSchema(ResponseSchema):
    title = fields.String(required=True)
    url = fields.String(required=True, metadata={"format": "uri"})


class AlternativeSchema(ResponseSchema):
    id = fields.String(
        required=True, metadata=describe_field("Another recommendation of the same tree.")
    )
    when = fields.String(
        required=True, metadata=describe_field("When the other recommendation is better.")
    )


class LeafSchema(ResponseSchema):
    """A recommendation in a tree."""

    title = fields.String(required=True)
    finetune = EnumField(
        FINETUNE_VALUES,
        "Finetune",
        required=True,
        metadata=describe_field("Whether the recommendation is to fine-tune."),
    )
    summary = fields.String(required=True)
    family = fields.String(
        metadata=describe_field("A name that similar recommendations share across versions.")
    )
    prerequisites = fields.List(fields.String(), metadata=describe_field("What must be in place first."))
    next_steps = fields.List(fields.String(), metadata=describe_field("What to do, in order."))
    data_needed = fields.List(
        fields.String(), metadata=describe_field("The data that it needs, with counts.")
    )
    evaluation = fields.List(
        fields.String(), metadata=describe_field("How to find out whether it worked, in order.")
    )
    risks = fields.List(
        fields.String(), metadata=describe_field("What can go wrong, with the mitigation.")
    )
    alternatives = fields.List(fields.Nested(AlternativeSchema))
    references = fields.List(fields.Nested(ReferenceSchema))


class QuantitySchema(ResponseSchema):
    """A number that a person gives for a worksheet."""

    label = fields.String(required=True)
    help = fields.String(metadata=describe_field("How to find the value."))
    unit = fields.String(metadata=describe_field("Words with `*` and `/`, such as USD/month."))
    minimum = PlainNumber(required=True)
    maximum = PlainNumber(required=True)
    default = PlainNumber(metadata=describe_field("The value if none is given."))


class ConstantSchema(ResponseSchema):
    """A figure that the formula of a worksheet uses."""

    label = fields.String(required=True)
    value = PlainNumber(required=True)
    unit = fields.String()
    references = fields.List(fields.Nested(ReferenceSchema))


class WorksheetSchema(ResponseSchema):
    """How to work out the answer to an input from quantities that people know."""

    summary = fields.String(required=True)
    quantities = fields.Dict(fields.String(), fields.Nested(QuantitySchema), required=True)
    constants = fields.Dict(fields.String(), fields.Nested(ConstantSchema))
    formula = fields.String(
        required=True,
        metadata=describe_field(
            "Arithmetic over the names of quantities and constants: `+ - * / ( )`, `min`, `max`, `ceil`, "
            "`floor` and `round`. A number may have a unit, as in `600 months`."
        ),
    )
    decimals = fields.Integer(
        metadata=describe_field("The decimals of the result, which is rounded half up. Absent means 0.")
    )
    references = fields.List(fields.Nested(ReferenceSchema))


class AnswerWordsSchema(ResponseSchema):
    """The words that an author gives to the answers of an input."""

    choice_labels = fields.Dict(
        fields.String(),
        fields.String(),
        metadata=describe_field("Words for people in place of choices, by choice."),
    )
    choice_help = fields.Dict(
        fields.String(), fields.String(), metadata=describe_field("What a choice means, by choice.")
    )
    true_label = fields.String(metadata=describe_field("The words of the answer true, if not “yes”."))
    false_label = fields.String(metadata=describe_field("The words of the answer false, if not “no”."))


ANSWER_WORDS_FIELDS = tuple(AnswerWordsSchema().fields)


class InputSchema(AnswerWordsSchema):
    class Meta(ResponseSchema.Meta):
        # In reading order: marshmallow would put the inherited fields first.
        fields = (
            "type",
            "label",
            "help",
            "unit",
            "choices",
            *ANSWER_WORDS_FIELDS,
            "minimum",
            "maximum",
            "worksheet",
        )

    type = EnumField(INPUT_TYPES, "InputType", required=True)
    label = fields.String(required=True)
    help = fields.String(metadata=describe_field("How to find the value."))
    unit = fields.String()
    choices = fields.List(fields.String())
    minimum = PlainNumber()
    maximum = PlainNumber()
    worksheet = fields.Nested(
        WorksheetSchema,
        metadata=describe_field("How to work out the value, if people know only others."),
    )


OPERATOR_WORDS = {"lt": "less than", "lte": "at most", "gt": "more than", "gte": "at least"}

# Not a class statement: `is` and `in` are keywords of Python.
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
                metadata=describe_field(f"The answer is {words} the answer to this input.")
            )
            for operator, words in OPERATOR_WORDS.items()
        },
        "otherwise": fields.Boolean(
            metadata=describe_field("The answer is one that no other branch takes.")
        ),
    },
    name="Tests",
)


class BranchSchema(TestsSchema):  # type: ignore[valid-type, misc]  # made by from_dict
    to = fields.String(
        required=True, metadata=describe_field("The next question, or the recommendation.")
    )
    reason = fields.String(
        metadata=describe_field("Why the answer leads to the recommendation, if the branch ends in one.")
    )


class QuestionSchema(ResponseSchema):
    text = fields.String(required=True)
    help = fields.String()
    input = fields.String(required=True)
    branches = fields.List(fields.Nested(BranchSchema), required=True)


class CircumstanceSchema(TestsSchema):  # type: ignore[valid-type, misc]  # made by from_dict
    input = fields.String(required=True)


class WarningSchema(ResponseSchema):
    """Advice that does not change the result."""

    id = fields.String(required=True)
    text = fields.String(required=True)
    references = fields.List(fields.Nested(ReferenceSchema))


class WarningRuleSchema(WarningSchema):
    """A warning in a tree, with the rule that decides when it applies."""

    when = fields.List(
        fields.Nested(CircumstanceSchema),
        required=True,
        metadata=describe_field(
            "The conditions. The warning applies if the profile's answers meet all of them."
        ),
    )
    recommendations = fields.List(
        fields.String(),
        metadata=describe_field("The recommendations that it applies to. Absent if it applies to all."),
    )


class SituationSchema(ResponseSchema):
    id = fields.String(required=True)
    title = fields.String(required=True)
    text = fields.String(required=True)
    caveat = fields.String(required=True)
    questions = fields.List(fields.String(), metadata=describe_field("The questions that ask about it."))


class VersionFieldsSchema(ResponseSchema):
    """The fields that trees and the list of versions share."""

    version = fields.String(required=True)
    digest = fields.String(required=True)
    status = EnumField(TREE_STATUSES, "TreeStatus", required=True)
    deprecated = fields.String(metadata=describe_field("The date of the deprecation.", format="date"))
    sunset = fields.String(
        metadata=describe_field("The date on which the version will be retired.", format="date")
    )
    successor = fields.String(metadata=describe_field("The version that replaces a deprecated one."))
    released = fields.String(required=True, metadata={"format": "date"})
    title = fields.String(required=True)


class TreeSchema(VersionFieldsSchema):
    """A tree in its canonical form. The digest is the hash of this object without `digest`, `status`,
    `deprecated`, `sunset` and `successor`.
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
        fields.String(), metadata=describe_field("What this version does not do well.")
    )
    warnings = fields.List(
        fields.Nested(WarningRuleSchema),
        metadata=describe_field("Rules that add advice without a question."),
    )

    @pre_dump
    def _as_mapping(self, tree: Tree, **_: Any) -> dict[str, Any]:
        # The canonical form has no digest: it is what the digest is made of.
        return {**tree.canonical, "digest": tree.digest}


class VersionSchema(VersionFieldsSchema):
    default = fields.Boolean(
        required=True, metadata=describe_field("Whether this version answers if a request names none.")
    )
    default_reason = fields.String(
        metadata=describe_field("Why this version is the default; absent for others.")
    )


class VersionListSchema(ResponseSchema):
    versions = fields.List(fields.Nested(VersionSchema), required=True)

    @pre_dump
    def _as_mapping(self, catalog: Catalog, **_: Any) -> dict[str, Any]:
        return {"versions": [_dump_version(tree, catalog) for tree in catalog.trees.values()]}


def _dump_version(tree: Tree, catalog: Catalog) -> dict[str, Any]:
    is_default = tree is catalog.default
    reason = {"default_reason": catalog.default_reason} if is_default else {}
    return {**tree.canonical, "digest": tree.digest, "default": is_default, **reason}
