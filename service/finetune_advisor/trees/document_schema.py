"""The schema of a tree document: its fields, their checks, and the engine objects that they become."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, get_args
from urllib.parse import quote

from marshmallow import Schema, ValidationError, fields, post_load, validate
from semver import Version

from finetune_advisor.engine.model.conditions import (
    Bound,
    ComparedWith,
    InChoices,
    InRange,
    Operator,
    Otherwise,
    Test,
)
from finetune_advisor.engine.model.domain import MAX_SAFE_INTEGER
from finetune_advisor.engine.model.inputs import Input, InputType, normalize_number
from finetune_advisor.engine.model.references import Reference
from finetune_advisor.engine.model.tree import (
    Alternative,
    Branch,
    FinetuneVerdict,
    Question,
    Recommendation,
    Situation,
    Tree,
    TreeStatus,
    WarningCondition,
    WarningRule,
)
from finetune_advisor.engine.model.worksheets import Worksheet, WorksheetConstant, WorksheetQuantity
from finetune_advisor.trees.yaml_document import DocumentSchema

# Names become metric labels and identifiers in other notations, so few characters are allowed.
# \Z, unlike $, doesn't match before a line break at the end.
NAME_PATTERN = r"^[a-z][a-z0-9_]{0,63}\Z"
CONTROL_CHARACTER_PATTERN = re.compile(r"[\x00-\x1f\x7f-\x9f](?<![\t\n\r])")
LOWER_BOUND_OPERATORS: tuple[Operator, ...] = ("gt", "gte")
UPPER_BOUND_OPERATORS: tuple[Operator, ...] = ("lt", "lte")
TEST_OPERATORS = ("is", "in", *LOWER_BOUND_OPERATORS, *UPPER_BOUND_OPERATORS, "otherwise")


class TextField(fields.String):
    """A text that isn't empty and has no control characters; spaces around it are removed."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, *args, **kwargs).strip()
        if not text:
            raise ValidationError("the text is empty; write it or remove the field")
        # XML can't carry control characters, and a terminal would obey them.
        if control := CONTROL_CHARACTER_PATTERN.search(text):
            raise ValidationError(
                f"the text has a control character (U+{ord(control[0]):04X}); remove it"
            )
        return text


class NameField(fields.String):
    """The name of an input, a question, a recommendation, a choice, a warning or a situation."""

    def __init__(self, **kwargs: Any) -> None:
        message = "not a name; use a to z, 0 to 9 and _, a letter first, 64 characters at most"
        super().__init__(validate=validate.Regexp(NAME_PATTERN, error=message), **kwargs)


NAME_FIELD = NameField()


class TupleField(fields.List[Any]):
    """A list that is loaded as a tuple; empty if the field is missing."""

    def __init__(self, item: fields.Field[Any]) -> None:
        super().__init__(item, load_default=())

    def _deserialize(self, *args: Any, **kwargs: Any) -> Any:
        return tuple(super()._deserialize(*args, **kwargs))


def _load_entries(value: Any, load: Callable[[str, Any], Any]) -> dict[str, Any]:
    """Load each entry of a mapping by its name. Raises ValidationError with the errors of all entries."""
    # Errors are collected by name, so that an author sees the faults of all entries at once.
    loaded, errors = {}, {}
    for name, item in value.items():
        try:
            loaded[NAME_FIELD.deserialize(name)] = load(name, item)
        except ValidationError as error:
            errors[name] = error.messages
    if errors:
        raise ValidationError(errors)
    return loaded


class TextsByChoiceField(fields.Field[dict[str, str]]):
    """A mapping of choices to texts."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> dict[str, str]:
        if not isinstance(value, Mapping) or not value:
            raise ValidationError("not a mapping of choices to texts; write one or more, or remove it")
        return _load_entries(value, lambda _, text: TextField().deserialize(text))


class KeyedObjects(fields.Field[Any]):
    """A mapping of names to objects, loaded as a dict.

    `schema` loads an object's fields. `build` gets them as keyword arguments, with the name as `key`.
    """

    def __init__(
        self, schema: type[Schema], build: Callable[..., Any], key: str, *, required: bool = True
    ) -> None:
        super().__init__(required=True) if required else super().__init__(load_default=dict)
        self.schema, self.build, self.key = schema(), build, key

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping) or not value:
            raise ValidationError("not a mapping of names to objects; write one or more")
        return _load_entries(
            value, lambda name, item: self.build(**{self.key: name}, **self.schema.load(item))
        )


class SemanticVersionField(fields.Field[str]):
    """A semantic version of at most 64 characters, without build metadata."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        if not isinstance(value, str) or not Version.is_valid(value) or len(value) > 64:
            raise ValidationError("not a semantic version; write three numbers, such as 1.0.0")
        build = Version.parse(value).build
        if build:
            # A catalog has to order its versions, and semantic versioning ignores build metadata for that.
            remedy = f"leave out +{build}, or write a pre-release such as 1.0.0-acme.1"
            raise ValidationError(f"build metadata doesn't order versions; {remedy}")
        return value


class UrlField(fields.String):
    """An absolute http or https URL, loaded as a URI by RFC 3986.

    Authors may write an IRI by RFC 3987: characters that a URI can't have are percent-encoded.
    """

    # Groups: userinfo, host, port, and the rest. The JSON Schema of tree documents has the same pattern.
    PATTERN = (
        r"^[hH][tT][tT][pP][sS]?://"
        r"([^\x00-\x20\x7f/?#@\[\]\\]*@)?"
        r"(\[[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*\]|[^\x00-\x20\x7f/?#@:\[\]\\\"<>^`{|}]+)"
        r"(:[0-9]*)?"
        r"([/?#][^\x00-\x20\x7f]*)?$"
    )

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        url = super()._deserialize(value, *args, **kwargs)
        parts = re.fullmatch(self.PATTERN, url)
        if not parts:
            raise ValidationError("not a URL; write one such as https://wiki.example/ai")
        rest, hash_, fragment = (parts[4] or "").partition("#")
        origin = url[: parts.start(4)] if parts[4] else url
        # Brackets delimit an IPv6 address, and are allowed nowhere else; a fragment can't have a second #.
        encoded_origin = quote(origin, safe=UNQUOTED_URL_CHARACTERS + "[]")
        return encoded_origin + _percent_encode(rest) + hash_ + _percent_encode(fragment)


UNQUOTED_URL_CHARACTERS = ":/?@!$&'()*+,;=%"


def _percent_encode(part: str) -> str:
    # A % that begins no escape is a character of the text.
    return quote(re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", part), safe=UNQUOTED_URL_CHARACTERS)


class DateField(fields.Field[str]):
    """A date in ISO 8601, loaded as text."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        try:
            # YAML reads an unquoted date as a date. A datetime is a date for isinstance, and must not pass.
            return (value if type(value) is date else date.fromisoformat(value)).isoformat()
        except (TypeError, ValueError):
            raise ValidationError("not a date; write one such as 2026-11-22") from None


class NumberField(fields.Field[int | float]):
    """A number that JSON carries exactly; a whole number is loaded as an int."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> int | float:
        if isinstance(value, str) and re.fullmatch(r"[-+]?[0-9_]*\.?[0-9]+", value):
            raise ValidationError("a number in quotes is text; remove the quotes")
        # Python counts booleans as integers.
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValidationError("not a number; write digits")
        if not -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER:
            raise ValidationError(
                f"out of range; stay between -{MAX_SAFE_INTEGER} and {MAX_SAFE_INTEGER}"
            )
        return normalize_number(value)


class TrueField(fields.Field[bool]):
    """The value true, the only one that `otherwise` accepts."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> bool:
        if str(value).lower() == "true" and value is not True:
            raise ValidationError("true in quotes is text; remove the quotes")
        if value is not True:
            raise ValidationError("not true; write true or use another test")
        return value


class AnswerField(fields.Field[bool | str]):
    """An answer that a branch can require: a boolean, or a choice of an enum."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> bool | str:
        if not isinstance(value, bool | str):
            raise ValidationError("neither true, false nor a choice; use lt, lte, gt, gte for numbers")
        return value


class ThresholdField(fields.Field[Any]):
    """What a branch compares an answer with: a number, or another input as `{input: name}`.

    A number is loaded as a number, and an input as its name.
    """

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(value, Mapping):
            return NumberField().deserialize(value)
        if list(value) != ["input"]:
            raise ValidationError("neither a number nor {input: name}; write one of them")
        return str(NameField().deserialize(value["input"]))


class ReferenceDocument(DocumentSchema):
    title = TextField(required=True)
    url = UrlField(required=True)

    @post_load
    def _build(self, data: dict[str, Any], **_: Any) -> Reference:
        return Reference(**data)


class QuantityDocument(DocumentSchema):
    label = TextField(required=True)
    help = TextField()
    unit = TextField()
    minimum = NumberField(required=True)
    maximum = NumberField(required=True)
    default = NumberField()


class ConstantDocument(DocumentSchema):
    label = TextField(required=True)
    value = NumberField(required=True)
    unit = TextField()
    references = TupleField(fields.Nested(ReferenceDocument))


class WorksheetDocument(DocumentSchema):
    summary = TextField(required=True)
    quantities = KeyedObjects(QuantityDocument, WorksheetQuantity, "name")
    constants = KeyedObjects(ConstantDocument, WorksheetConstant, "name", required=False)
    formula = TextField(required=True)
    decimals = NumberField()
    references = TupleField(fields.Nested(ReferenceDocument))

    @post_load
    def _build(self, data: dict[str, Any], **_: Any) -> Worksheet:
        return Worksheet(**data)


class InputDocument(DocumentSchema):
    type = fields.String(required=True, validate=validate.OneOf(get_args(InputType)))
    label = TextField(required=True)
    help = TextField()
    unit = TextField()
    choices = TupleField(NameField())
    choice_labels = TextsByChoiceField()
    choice_help = TextsByChoiceField()
    true_label = TextField()
    false_label = TextField()
    minimum = NumberField()
    maximum = NumberField()
    worksheet = fields.Nested(WorksheetDocument)


# "is" and "in" are keywords of Python, so these fields can't be attributes of a class.
_TestDocument = DocumentSchema.from_dict(
    {
        "is": AnswerField(),
        "in": fields.List(NameField(), validate=validate.Length(min=1)),
        **{operator: ThresholdField() for operator in (*LOWER_BOUND_OPERATORS, *UPPER_BOUND_OPERATORS)},
        "otherwise": TrueField(),
    },
    name="Tests",
)


class BranchDocument(_TestDocument):  # type: ignore[valid-type, misc]  # made by from_dict
    to = NameField(required=True)
    reason = TextField()

    @post_load
    def _build(self, data: dict[str, Any], **_: Any) -> Branch:
        return Branch(test=_build_test(data), to=data["to"], reason=data.get("reason", ""))


def _build_test(data: Mapping[str, Any]) -> Test:
    """Build the test of a branch or a warning's condition from the operators among its fields.

    Raises ValidationError unless they are one test, or the lower and upper bound of one range.
    """
    tests = {operator: data[operator] for operator in TEST_OPERATORS if operator in data}
    match list(tests.items()):
        case [("is", value)]:
            return InChoices((value,))
        case [("in", values)]:
            return InChoices(tuple(values))
        case [("otherwise", _)]:
            return Otherwise()
        case [("lt" | "lte" | "gt" | "gte" as operator, str(other))]:
            return ComparedWith(operator, other)
    lower = [
        Bound(tests[key], key == "gte") for key in LOWER_BOUND_OPERATORS if _is_number(tests.get(key))
    ]
    upper = [
        Bound(tests[key], key == "lte") for key in UPPER_BOUND_OPERATORS if _is_number(tests.get(key))
    ]
    if not tests or max(len(lower), len(upper)) > 1 or len(lower) + len(upper) < len(tests):
        options = ", ".join(TEST_OPERATORS)
        raise ValidationError(f"not one test; write one of {options}, or a range such as gte and lt")
    return InRange(next(iter(lower), None), next(iter(upper), None))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


class QuestionDocument(DocumentSchema):
    text = TextField(required=True)
    help = TextField()
    input = NameField(required=True)
    branches = TupleField(fields.Nested(BranchDocument))

    @post_load
    def _require_two_branches(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        if len(data["branches"]) < 2:
            raise ValidationError("a question needs two or more branches; add them", "branches")
        return data


class AlternativeDocument(DocumentSchema):
    id = NameField(required=True)
    when = TextField(required=True)

    @post_load
    def _build(self, data: dict[str, Any], **_: Any) -> Alternative:
        return Alternative(**data)


FINETUNE_VALUES = get_args(FinetuneVerdict)
# The same message for another type: YAML 1.1 taught authors that an unquoted no is false.
INVALID_FINETUNE_MESSAGE = f"not one of {', '.join(FINETUNE_VALUES)}; write one of them, as text"


class RecommendationDocument(DocumentSchema):
    title = TextField(required=True)
    finetune = fields.String(
        required=True,
        validate=validate.OneOf(FINETUNE_VALUES, error=INVALID_FINETUNE_MESSAGE),
        error_messages={"invalid": INVALID_FINETUNE_MESSAGE},
    )
    summary = TextField(required=True)
    family = NameField()
    prerequisites = TupleField(TextField())
    next_steps = TupleField(TextField())
    data_needed = TupleField(TextField())
    evaluation = TupleField(TextField())
    risks = TupleField(TextField())
    alternatives = TupleField(fields.Nested(AlternativeDocument))
    references = TupleField(fields.Nested(ReferenceDocument))


class WarningConditionDocument(_TestDocument):  # type: ignore[valid-type, misc]  # made by from_dict
    input = NameField(required=True)

    @post_load
    def _build(self, data: dict[str, Any], **_: Any) -> WarningCondition:
        return WarningCondition(data["input"], _build_test(data))


class WarningDocument(DocumentSchema):
    id = NameField(required=True)
    when = TupleField(fields.Nested(WarningConditionDocument))
    recommendations = TupleField(NameField())
    text = TextField(required=True)
    references = TupleField(fields.Nested(ReferenceDocument))

    @post_load
    def _build(self, data: dict[str, Any], **_: Any) -> WarningRule:
        if not data["when"]:
            raise ValidationError("a warning needs one or more conditions; add them", "when")
        return WarningRule(**data)


class SituationDocument(DocumentSchema):
    id = NameField(required=True)
    title = TextField(required=True)
    text = TextField(required=True)
    caveat = TextField(required=True)
    questions = TupleField(NameField())

    @post_load
    def _build(self, data: dict[str, Any], **_: Any) -> Situation:
        return Situation(**data)


class TreeDocument(DocumentSchema):
    """A complete tree document; loads into an engine Tree that isn't proven sound yet."""

    version = SemanticVersionField(required=True)
    status = fields.String(required=True, validate=validate.OneOf(get_args(TreeStatus)))
    deprecated = DateField()
    sunset = DateField()
    successor = SemanticVersionField()
    released = DateField(required=True)
    title = TextField(required=True)
    summary = TextField()
    source = fields.Nested(ReferenceDocument, required=True)
    inputs = KeyedObjects(InputDocument, Input, "name")
    root = NameField(required=True)
    questions = KeyedObjects(QuestionDocument, Question, "id")
    recommendations = KeyedObjects(RecommendationDocument, Recommendation, "id")
    situations = TupleField(fields.Nested(SituationDocument))
    cautions = TupleField(TextField())
    limitations = TupleField(TextField())
    warnings = TupleField(fields.Nested(WarningDocument))

    @post_load
    def _build(self, data: dict[str, Any], **_: Any) -> Tree:
        return Tree(**data)
