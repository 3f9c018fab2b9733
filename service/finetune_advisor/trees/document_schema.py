"""The shape of a tree document: its fields, and the values that they become."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any
from unicodedata import category
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
from finetune_advisor.engine.model.inputs import Input, normalize_number
from finetune_advisor.engine.model.tree import (
    Alternative,
    Branch,
    Question,
    Recommendation,
    Reference,
    Situation,
    Tree,
    WarningCondition,
    WarningRule,
)
from finetune_advisor.trees.yaml_document import DocumentSchema

NAME_PATTERN = r"^[a-z][a-z0-9_]{0,63}\Z"
LOWER_BOUND_OPERATORS: tuple[Operator, ...] = ("gt", "gte")
UPPER_BOUND_OPERATORS: tuple[Operator, ...] = ("lt", "lte")
TEST_OPERATORS = ("is", "in", *LOWER_BOUND_OPERATORS, *UPPER_BOUND_OPERATORS, "otherwise")


class TextField(fields.String):
    """A text that says something."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, *args, **kwargs).strip()
        if not text:
            raise ValidationError("the text is empty; write it or remove the field")
        odd = next((c for c in text if category(c) == "Cc" and c not in "\t\n\r"), None)
        if odd:
            raise ValidationError(f"the text has a control character (U+{ord(odd):04X}); remove it")
        return text


class NameField(fields.String):
    """The name of an input, a question or a recommendation."""

    def __init__(self, **kwargs: Any) -> None:
        message = "not a name; use a to z, 0 to 9 and _, a letter first, 64 characters at most"
        super().__init__(validate=validate.Regexp(NAME_PATTERN, error=message), **kwargs)


class TupleField(fields.List[Any]):
    """A list of one kind of item, as a tuple."""

    def __init__(self, item: fields.Field[Any]) -> None:
        super().__init__(item, load_default=())

    def _deserialize(self, *args: Any, **kwargs: Any) -> Any:
        return tuple(super()._deserialize(*args, **kwargs))


class KeyedObjects(fields.Field[Any]):
    """Objects by name, each built from its name and its fields."""

    def __init__(self, schema: type[Schema], build: Callable[..., Any], key: str) -> None:
        super().__init__(required=True)
        self.schema, self.build, self.key = schema(), build, key

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping) or not value:
            raise ValidationError("not a mapping of names to objects; write one or more")
        loaded, errors = {}, {}
        for name, item in value.items():
            try:
                NameField().deserialize(name)
                loaded[name] = self.build(**{self.key: name}, **self.schema.load(item))
            except ValidationError as error:
                errors[name] = error.messages
        if errors:
            raise ValidationError(errors)
        return loaded


class SemanticVersionField(fields.Field[str]):
    """A semantic version without build metadata, which has no order."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        if not isinstance(value, str) or not Version.is_valid(value) or len(value) > 64:
            raise ValidationError("not a semantic version; write three numbers, such as 1.0.0")
        build = Version.parse(value).build
        if build:
            remedy = f"leave out +{build}, or write a pre-release such as 1.0.0-acme.1"
            raise ValidationError(f"build metadata puts no version before another; {remedy}")
        return value


class UrlField(fields.String):
    """An absolute http or https URL, as a URI: what is no ASCII, or not allowed there, is percent-encoded."""

    PATTERN = (
        r"^[hH][tT][tT][pP][sS]?://"
        r"([^\x00-\x20\x7f/?#@\[\]\\]*@)?"
        r"(\[[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*\]|[^\x00-\x20\x7f/?#@:\[\]\\\"<>^`{|}]+)"
        r"(:[0-9]*)?"
        r"([/?#][^\x00-\x20\x7f]*)?$"
    )
    """Userinfo, host, port and the rest, by RFC 3986 and RFC 3987. The JSON Schema has the same pattern."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        url = super()._deserialize(value, *args, **kwargs)
        parts = re.fullmatch(self.PATTERN, url)
        if not parts:
            raise ValidationError("not a URL; write one such as https://wiki.example/ai")
        rest, hash_, fragment = (parts[4] or "").partition("#")
        authority = quote(
            url[: parts.start(4)] if parts[4] else url, safe=UNQUOTED_URL_CHARACTERS + "[]"
        )
        return authority + _percent_encode(rest) + hash_ + _percent_encode(fragment)


UNQUOTED_URL_CHARACTERS = ":/?@!$&'()*+,;=%"


def _percent_encode(part: str) -> str:
    return quote(re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", part), safe=UNQUOTED_URL_CHARACTERS)


class DateField(fields.Field[str]):
    """A date, as YAML reads it or as text in ISO 8601."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        try:
            return (value if type(value) is date else date.fromisoformat(value)).isoformat()
        except (TypeError, ValueError):
            raise ValidationError("not a date; write one such as 2026-11-22") from None


class NumberField(fields.Field[int | float]):
    """A number that JSON carries exactly."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> int | float:
        if isinstance(value, str) and re.fullmatch(r"[-+]?[0-9_]*\.?[0-9]+", value):
            raise ValidationError("a number in quotes is text; remove the quotes")
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValidationError("not a number; write digits")
        if not -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER:
            raise ValidationError(
                f"out of range; stay between -{MAX_SAFE_INTEGER} and {MAX_SAFE_INTEGER}"
            )
        return normalize_number(value)


class TrueField(fields.Field[bool]):
    """The value true, and no other."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> bool:
        if str(value).lower() == "true" and value is not True:
            raise ValidationError("true in quotes is text; remove the quotes")
        if value is not True:
            raise ValidationError("not true; write true or use another test")
        return value


class AnswerField(fields.Field[bool | str]):
    """A boolean, or a choice of an enum."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> bool | str:
        if not isinstance(value, bool | str):
            raise ValidationError("neither true, false nor a choice; use lt, lte, gt, gte for numbers")
        return value


class ThresholdField(fields.Field[Any]):
    """A number, or another input as `{input: name}`."""

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


class InputDocument(DocumentSchema):
    type = fields.String(
        required=True, validate=validate.OneOf(["boolean", "enum", "integer", "number"])
    )
    label = TextField(required=True)
    help = TextField()
    unit = TextField()
    choices = TupleField(NameField())
    minimum = NumberField()
    maximum = NumberField()


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
        tests = {key: data[key] for key in TEST_OPERATORS if key in data}
        return Branch(test=_build_test(tests), to=data["to"], reason=data.get("reason", ""))


def _build_test(tests: Mapping[str, Any]) -> Test:
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
            raise ValidationError("a question needs two branches or more; add them", "branches")
        return data


class AlternativeDocument(DocumentSchema):
    id = NameField(required=True)
    when = TextField(required=True)

    @post_load
    def _build(self, data: dict[str, Any], **_: Any) -> Alternative:
        return Alternative(**data)


FINETUNE_VERDICTS = ("no", "not_yet", "partly", "yes")
INVALID_FINETUNE_MESSAGE = f"not one of {', '.join(FINETUNE_VERDICTS)}; write one of them, as text"


class RecommendationDocument(DocumentSchema):
    title = TextField(required=True)
    finetune = fields.String(
        required=True,
        validate=validate.OneOf(FINETUNE_VERDICTS, error=INVALID_FINETUNE_MESSAGE),
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
        return WarningCondition(
            data["input"], _build_test({key: data[key] for key in TEST_OPERATORS if key in data})
        )


class WarningDocument(DocumentSchema):
    id = NameField(required=True)
    when = TupleField(fields.Nested(WarningConditionDocument))
    recommendations = TupleField(NameField())
    text = TextField(required=True)
    references = TupleField(fields.Nested(ReferenceDocument))

    @post_load
    def _build(self, data: dict[str, Any], **_: Any) -> WarningRule:
        if not data["when"]:
            raise ValidationError("a warning needs circumstances; add one or more", "when")
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
    """A whole document; loading gives an `engine` Tree whose soundness is still to be proven."""

    version = SemanticVersionField(required=True)
    status = fields.String(
        required=True, validate=validate.OneOf(["candidate", "current", "deprecated", "retired"])
    )
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
