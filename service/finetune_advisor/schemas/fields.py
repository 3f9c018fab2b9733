"""Fields and base classes of the schemas: strict ones for requests, plain ones for responses."""

from __future__ import annotations

from itertools import islice
from math import isfinite
from typing import Any, TypeVar

import orjson
from marshmallow import EXCLUDE, RAISE, Schema, ValidationError, fields, post_dump, validate
from marshmallow.types import ErrorMessages

from finetune_advisor.engine.model.inputs import normalize_number

ExceptionType = TypeVar("ExceptionType", bound=Exception)

UNKNOWN_FIELD_MESSAGE = "unknown"
"""The message of an unknown field. `iter_error_details` replaces it by one that says what to do."""
MAX_UNKNOWN_FIELDS = 50
"""The unknown fields of an object that are reported: each takes some forty times the memory of its name."""
BOOLEAN_BY_TEXT = {"true": True, "false": False}
MISSING_MESSAGE = "this is missing; add it"
NULL_MESSAGE = "null is not allowed; leave the field out"
REQUIRED_NULL_MESSAGE = "null is not allowed; give a value"
"""The message for null where the field can't be left out."""


def describe_field(text: str, **metadata: Any) -> dict[str, Any]:
    """Return the metadata of a field for the contract: a description and other keywords of JSON Schema."""
    return {"description": text, **metadata}


class RequestField:
    """A mixin for fields of requests: its messages for a missing value and for null say what to do."""

    default_error_messages: ErrorMessages = {"required": MISSING_MESSAGE, "null": NULL_MESSAGE}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # "Leave the field out" would be wrong advice for a required field.
        if kwargs.get("required"):
            set_required_null_message(self)


def set_required_null_message(field: Any) -> None:
    """Set the message for null of a field that can't be left out."""
    field.error_messages["null"] = REQUIRED_NULL_MESSAGE


class StrictBoolean(RequestField, fields.Boolean):
    """Accepts true and false only; marshmallow's field also takes "yes" or 1."""

    default_error_messages = {"invalid": "not a boolean; give true or false"}

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> bool:
        if value is True or value is False:
            return bool(value)
        raise self.make_error("invalid")


class StrictInteger(RequestField, fields.Integer):
    """Accepts an integer in the sense of JSON Schema: 12 and 12.0, but not 12.5, "12" or true."""

    default_error_messages = {"invalid": "not an integer; give a whole number"}

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        # type() rather than isinstance: a bool is an int, too.
        if type(value) is int or (isinstance(value, float) and value.is_integer()):
            return int(value)
        raise self.make_error("invalid")


class StrictNumber(RequestField, fields.Float):
    """Accepts a finite number, but not "0.5" or true."""

    default_error_messages = {"invalid": "not a number; give one such as 0.9, without quotes"}

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int | float:
        if type(value) is int or (isinstance(value, float) and isfinite(value)):
            return normalize_number(value)
        raise self.make_error("invalid")


def parse_scalar(text: str) -> Any:
    """Parse a boolean or a number that is written as text, in a query parameter or in a cell of a CSV file.

    A boolean is `true` or `false` in upper or lower case: spreadsheets write TRUE, and Python writes True. A
    number is written as in JSON. Any other text is returned as it is, so that the field refuses it.
    """
    if (boolean := BOOLEAN_BY_TEXT.get(text.lower())) is not None:
        return boolean
    try:
        # orjson would ignore spaces around the number.
        return orjson.loads(text) if text == text.strip() else text
    except orjson.JSONDecodeError:
        return text


class PlainNumber(fields.Float):
    """A number of a response. It is written as it is: 1 stays 1, where marshmallow writes 1.0."""

    def _serialize(self, value: Any, *_: Any, **__: Any) -> Any:
        return value


class EnumField(RequestField, fields.String):
    """Accepts one of the strings `choices`. The contract lists them in a component named `component`."""

    def __init__(self, choices: list[str], component: str, **kwargs: Any) -> None:
        self.choices, self.component = choices, component
        listed = ", ".join(choices)
        super().__init__(
            validate=validate.OneOf(choices, error=f"not a known value; choose from {listed}"),
            error_messages={"invalid": f"not text; give one of {listed} in quotes"},
            **kwargs,
        )


class BoundedList(RequestField, fields.List[Any]):
    """Accepts a list of at most `max_items` items."""

    default_error_messages = {
        "invalid": "not an array; give one in brackets",
        "long": "more than {limit} items; give fewer",
    }

    def __init__(self, item: fields.Field[Any], max_items: int, **kwargs: Any) -> None:
        self.max_items = max_items
        set_required_null_message(item)
        # The validator is for the contract; `_require_bounded` checks before any item is deserialized.
        super().__init__(item, validate=validate.Length(max=max_items), **kwargs)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> list[Any]:
        return super()._deserialize(self._require_bounded(value), *args, **kwargs)

    def _require_bounded(self, value: Any) -> list[Any]:
        """Return a value that is a list and not too long, without a look at its items."""
        if not isinstance(value, list):
            raise self.make_error("invalid")
        if len(value) > self.max_items:
            raise self.make_error("long", limit=self.max_items)
        return value


class UncheckedList(BoundedList):
    """Accepts a bounded list and leaves its items unchecked, for code that checks each on its own."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> list[Any]:
        return self._require_bounded(value)


class NestedObject(RequestField, fields.Nested):
    """Accepts an object that another schema describes."""

    default_error_messages = {"type": "not an object; give one in braces"}


class RequestSchema(Schema):
    """The base of requests. It refuses unknown fields, and reports at most MAX_UNKNOWN_FIELDS of them."""

    class Meta:
        unknown = RAISE
        # marshmallow's registry would keep the first and the last schema of a name, with their trees.
        register = False

    error_messages = {"unknown": UNKNOWN_FIELD_MESSAGE, "type": "not an object; give one in braces"}

    def load(self, data: Any, **options: Any) -> Any:
        # marshmallow would make an error for each unknown field.
        if isinstance(data, dict) and len(data) > len(self.fields) + MAX_UNKNOWN_FIELDS:
            known = [name for name in self.fields if name in data]
            unknown = islice((name for name in data if name not in self.fields), MAX_UNKNOWN_FIELDS)
            data = {name: data[name] for name in (*known, *unknown)}
        try:
            return super().load(data, **options)
        except ValidationError as error:
            raise without_traceback(error) from None


def without_traceback(error: ExceptionType) -> ExceptionType:
    """Return an error without its traceback and its context.

    Their frames refer to the request's data, and would keep it in memory until a garbage collection.
    """
    error.__context__ = None
    return error.with_traceback(None)


class FastPathSchema(RequestSchema):
    """A base with a fast path: data that passes a cheap check skips marshmallow.

    Such data is returned unchanged, so a number may be 12.0 where marshmallow gives 12. The engine normalizes
    answers later.
    """

    def is_plainly_valid(self, data: Any) -> bool:
        """Return whether marshmallow would accept the data, by a cheap check.

        It may return False for valid data, which marshmallow then loads, but never True for invalid data.
        """
        raise NotImplementedError

    def load(self, data: Any, **options: Any) -> Any:
        return data if self.is_plainly_valid(data) else super().load(data, **options)


class ResponseSchema(Schema):
    """The base of responses. It leaves out members that are None, as the API never answers null."""

    class Meta:
        unknown = EXCLUDE

    @post_dump
    def _omit_none(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {key: value for key, value in data.items() if value is not None}


class PlainObject(fields.Nested):
    """An object of a response that is plain JSON data already. It is written as it is; the contract has its
    schema.
    """

    def _serialize(self, value: Any, *_: Any, **__: Any) -> Any:  # type: ignore[override]  # as fields'
        return value


class ScalarField(fields.Field[Any]):
    """A boolean, a string or a number: an answer to a question, whose type depends on the input."""
