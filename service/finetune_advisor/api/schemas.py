"""Every shape on the wire. Requests are closed: unknown fields are refused. Responses may grow."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

from marshmallow import EXCLUDE, RAISE, Schema, fields, post_dump, pre_dump, validate

from finetune_advisor.api.parsing import UNKNOWN
from finetune_advisor.catalog import Catalog
from finetune_advisor.engine.evaluation import Assessment, Open, Step
from finetune_advisor.engine.inputs import Input, whole
from finetune_advisor.engine.tree import Recommendation, Tree

NOT_NULL = "null is not allowed; leave out what isn't known"
FINETUNE = ["no", "not_yet", "partly", "yes"]
INPUT_TYPES = ["boolean", "enum", "integer", "number"]
STATUSES = ["candidate", "current", "deprecated"]


def described(text: str, **metadata: Any) -> dict[str, Any]:
    """Metadata for the contract: a description, and what else JSON Schema knows."""
    return {"description": text, **metadata}


class Flag(fields.Boolean):
    """true or false, and nothing that looks like them."""

    default_error_messages = {"invalid": "not a boolean; give true or false", "null": NOT_NULL}

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> bool:
        if value is True or value is False:
            return bool(value)
        raise self.make_error("invalid")


class Whole(fields.Integer):
    """An integer as JSON Schema means it: 12 and 12.0, not 12.5, "12" or true."""

    default_error_messages = {"invalid": "not an integer; give a whole number", "null": NOT_NULL}

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        if type(value) is int or (isinstance(value, float) and value.is_integer()):
            return int(value)
        raise self.make_error("invalid")


class Real(fields.Float):
    """A number, not "0.5" or true."""

    default_error_messages = {"invalid": "not a number; give one without quotes", "null": NOT_NULL}

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int | float:
        if type(value) is int or (isinstance(value, float) and isfinite(value)):
            return whole(value)
        raise self.make_error("invalid")


class Number(fields.Float):
    """A number of a response, written as it is: 1 stays 1."""

    def _serialize(self, value: Any, *_: Any, **__: Any) -> Any:
        return value


class Choice(fields.String):
    """One of some strings; the contract keeps them in a component of their own, under `component`."""

    default_error_messages = {"invalid": "not a string", "null": NOT_NULL}

    def __init__(self, choices: list[str], component: str, **kwargs: Any) -> None:
        self.choices, self.component = choices, component
        error = f"not a known value; choose from {', '.join(choices)}"
        super().__init__(validate=validate.OneOf(choices, error=error), **kwargs)


class Object(fields.Nested):
    """An object of a request."""

    default_error_messages = {
        "required": "this field is missing; add it",
        "null": NOT_NULL,
        "type": "not an object; give one in braces",
    }


class Closed(Schema):
    """The base of requests: an unknown field is refused."""

    class Meta:
        unknown = RAISE

    error_messages = {"unknown": UNKNOWN, "type": "not an object; give one in braces"}


class Growing(Schema):
    """The base of responses: they may grow fields, and what is absent is left out."""

    class Meta:
        unknown = EXCLUDE

    @post_dump
    def _leave_out(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {key: value for key, value in data.items() if value is not None}


class NoParameters(Closed):
    """The query of an operation that takes no parameters."""


def input_field(one: Input) -> fields.Field[Any]:
    """The field of a profile for an input."""
    unit = f" In {one.unit}." if one.unit else ""
    metadata = described(f"{one.label}.{unit} {one.help}".strip())
    if one.type == "boolean":
        return Flag(metadata=metadata)
    if one.type == "enum":
        component = "".join(part.capitalize() for part in one.name.split("_"))
        return Choice(list(one.choices), component, metadata=metadata)
    limits = validate.Range(
        one.lowest, one.highest, error=f"out of range; give a value from {one.lowest} to {one.highest}"
    )
    kind = Whole if one.type == "integer" else Real
    return kind(validate=limits, metadata=metadata)


def profile_schema(inputs: Mapping[str, Input]) -> type[Schema]:
    """The profile: what the caller knows, of all inputs that some served tree asks about."""
    text = (
        "What the caller knows of its situation. Leave out what isn't known. Inputs that another served "
        "version knows, but not the one asked, are accepted and listed in `ignored`."
    )
    meta = type("Meta", (Closed.Meta,), {"description": text})
    members = {name: input_field(one) for name, one in inputs.items()}
    return type("ProfileSchema", (Closed,), {**members, "Meta": meta})


def version_field(catalog: Catalog) -> Choice:
    text = "The tree version to ask. Left out, the default version answers."
    return Choice(list(catalog.trees), "TreeVersion", metadata=described(text))


def assess_request_schema(catalog: Catalog) -> type[Schema]:
    """The body of POST /assess."""
    members = {
        "profile": Object(profile_schema(catalog.inputs), required=True),
        "tree_version": version_field(catalog),
    }
    return type("AssessRequestSchema", (Closed,), members)


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
    prerequisites = fields.List(fields.String(), metadata=described("What must hold first."))
    next_steps = fields.List(fields.String(), metadata=described("What to do, in order."))
    risks = fields.List(fields.String(), metadata=described("What can go wrong, with its mitigation."))
    alternatives = fields.List(fields.Nested(AlternativeSchema))
    references = fields.List(fields.Nested(ReferenceSchema))


class RecommendationSchema(LeafSchema):
    """A recommendation as the answer to a profile."""

    class Meta(Growing.Meta):
        fields = (
            *("id", "title", "finetune", "summary", "reason", "prerequisites", "next_steps"),
            *("risks", "cautions", "alternatives", "references"),
        )

    id = fields.String(required=True, metadata=described("The recommendation's name in the tree."))
    reason = fields.String(required=True, metadata=described("Why the answers lead here."))
    cautions = fields.List(
        fields.String(), metadata=described("What to keep in mind with any fine-tuning.")
    )


class Answer(fields.Field[Any]):
    """A boolean, a string or a number: the one field whose type varies."""


class ComparedSchema(Growing):
    input = fields.String(required=True)
    answer = Answer(required=True, metadata=described("The value that the profile gives."))


class StepSchema(Growing):
    question = fields.String(required=True, metadata=described("The question's name in the tree."))
    text = fields.String(required=True)
    input = fields.String(required=True, metadata=described("The input that the question asks about."))
    answer = Answer(required=True, metadata=described("The value that the profile gives."))
    compared_to = fields.Nested(
        ComparedSchema, metadata=described("The other input, where the question compares two.")
    )

    @pre_dump
    def _step(self, step: Step, **_: Any) -> dict[str, Any]:
        (name, answer), *others = step.answers
        compared = [{"input": other, "answer": value} for other, value in others]
        return {
            "question": step.question.id,
            "text": step.question.text,
            "input": name,
            "answer": answer,
            "compared_to": compared[0] if compared else None,
        }


class NextQuestionSchema(Growing):
    question = fields.String(required=True, metadata=described("The question's name in the tree."))
    text = fields.String(required=True)
    help = fields.String(metadata=described("Why it is asked, and how to find the answer."))
    input = fields.String(required=True, metadata=described("The input to answer with."))
    label = fields.String(required=True, metadata=described("What the input means."))
    type = Choice(INPUT_TYPES, "InputType", required=True)
    choices = fields.List(fields.String(), metadata=described("An enum's values."))
    unit = fields.String()
    minimum = Number()
    maximum = Number()

    @pre_dump
    def _open(self, one: Open, **_: Any) -> dict[str, Any]:
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


class TreeNameSchema(Growing):
    version = fields.String(required=True)
    digest = fields.String(required=True, metadata=described("Hash of the tree's canonical form."))


class AssessmentSchema(Growing):
    """An assessment, as a pure function of the tree and the profile."""

    status = Choice(["decided", "undecided"], "AssessmentStatus", required=True)
    recommendation = fields.Nested(
        RecommendationSchema,
        metadata=described("Where every completion of the profile ends, if decided."),
    )
    path = fields.List(
        fields.Nested(StepSchema),
        required=True,
        metadata=described("The questions that the profile answers on the way, in tree order."),
    )
    candidates = fields.List(
        fields.String(),
        required=True,
        metadata=described("The recommendations that some completion of the profile ends in."),
    )
    next_question = fields.Nested(
        NextQuestionSchema,
        metadata=described("The first open question whose answer can change the outcome, if undecided."),
    )
    not_needed = fields.List(
        fields.String(),
        metadata=described("Inputs that the way asks about, left out, and without effect, if decided."),
    )
    ignored = fields.List(
        fields.String(), metadata=described("Inputs given that only another served version knows.")
    )
    tree = fields.Nested(TreeNameSchema, required=True)
    receipt = fields.String(
        required=True, metadata=described("Hash of the tree's digest and the answers on the path.")
    )

    @pre_dump
    def _assessment(self, assessment: Assessment, **_: Any) -> dict[str, Any]:
        leaf = assessment.recommendation
        return {
            "status": assessment.status,
            "recommendation": _recommended(assessment, leaf) if leaf else None,
            "path": assessment.path,
            "candidates": assessment.candidates,
            "next_question": assessment.next_question,
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


class InputSchema(Growing):
    type = Choice(INPUT_TYPES, "InputType", required=True)
    label = fields.String(required=True)
    help = fields.String(metadata=described("How to find the value."))
    unit = fields.String()
    choices = fields.List(fields.String())
    minimum = Number()
    maximum = Number()


OPERATORS = {"lt": "less than", "lte": "at most", "gt": "more than", "gte": "at least"}

_Tests = Growing.from_dict(
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


class BranchSchema(_Tests):  # type: ignore[valid-type, misc]  # made by from_dict
    to = fields.String(required=True, metadata=described("The next question, or the recommendation."))
    reason = fields.String(metadata=described("Why, at a recommendation."))


class QuestionSchema(Growing):
    text = fields.String(required=True)
    help = fields.String()
    input = fields.String(required=True)
    branches = fields.List(fields.Nested(BranchSchema), required=True)


class SituationSchema(Growing):
    id = fields.String(required=True)
    title = fields.String(required=True)
    text = fields.String(required=True)
    caveat = fields.String(required=True)
    questions = fields.List(fields.String(), metadata=described("The questions that ask about it."))


class TreeSchema(Growing):
    """A tree in its canonical form: the digest is the hash of this object without status and digest."""

    version = fields.String(required=True)
    digest = fields.String(required=True)
    status = Choice(STATUSES, "TreeStatus", required=True)
    released = fields.String(required=True, metadata={"format": "date"})
    title = fields.String(required=True)
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

    @pre_dump
    def _tree(self, tree: Tree, **_: Any) -> dict[str, Any]:
        return {**tree.canonical, "digest": tree.digest}


class VersionSchema(Growing):
    version = fields.String(required=True)
    digest = fields.String(required=True)
    status = Choice(STATUSES, "TreeStatus", required=True)
    released = fields.String(required=True, metadata={"format": "date"})
    title = fields.String(required=True)
    default = fields.Boolean(required=True, metadata=described("Answers when no version is named."))


class VersionsSchema(Growing):
    versions = fields.List(fields.Nested(VersionSchema), required=True)

    @pre_dump
    def _versions(self, catalog: Catalog, **_: Any) -> dict[str, Any]:
        trees = catalog.trees.values()
        return {
            "versions": [
                {**tree.canonical, "digest": tree.digest, "default": tree is catalog.default}
                for tree in trees
            ]
        }


class ProblemErrorSchema(Growing):
    pointer = fields.String(metadata=described("JSON pointer into the body, as a URI fragment."))
    parameter = fields.String(metadata=described("The query parameter at fault."))
    detail = fields.String(required=True, metadata=described("What is wrong and what to do."))


class ProblemSchema(Growing):
    """An error, as RFC 9457 lays it out."""

    type = fields.String(required=True, metadata={"format": "uri-reference"})
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    errors = fields.List(fields.Nested(ProblemErrorSchema))


class ExplanationSchema(Growing):
    type = fields.String(required=True, metadata={"format": "uri-reference"})
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    explanation = fields.String(required=True)
