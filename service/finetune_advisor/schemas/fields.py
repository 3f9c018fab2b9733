"""What wire shapes are made of: strict fields for requests, and the two bases."""

from __future__ import annotations

from itertools import islice
from math import isfinite
from typing import Any, TypeVar

import orjson
from marshmallow import EXCLUDE, RAISE, Schema, ValidationError, fields, post_dump, validate
from marshmallow.types import ErrorMessages

from finetune_advisor.engine.model.inputs import normalize_number

Fault = TypeVar("Fault", bound=Exception)

UNKNOWN_FIELD_MESSAGE = "unknown"
"""The message for an unknown field, which the parser turns into one that helps."""
MAX_UNKNOWN_FIELDS = 50
"""How many unknown fields of an object are looked at: each takes some forty times the memory of its name."""
BOOLEAN_BY_TEXT = {"true": True, "false": False}
MISSING_MESSAGE = "this is missing; add it"
NULL_MESSAGE = "null is not allowed; leave the field out"
REQUIRED_NULL_MESSAGE = "null is not allowed; give a value"
"""The same, where there is nothing that could be left out."""


def describe_field(text: str, **metadata: Any) -> dict[str, Any]:
    """Metadata for the contract: a description, and what else JSON Schema knows."""
    return {"description": text, **metadata}


class RequestField:
    """Mixed into a field of a request: null is refused, with what to do instead."""

    default_error_messages: ErrorMessages = {"required": MISSING_MESSAGE, "null": NULL_MESSAGE}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if kwargs.get("required"):
            set_required_null_message(self)


def set_required_null_message(field: Any) -> None:
    """Have a field that can't be left out say so of null."""
    field.error_messages["null"] = REQUIRED_NULL_MESSAGE


class StrictBoolean(RequestField, fields.Boolean):
    """true or false, and nothing that looks like them."""

    default_error_messages = {"invalid": "not a boolean; give true or false"}

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> bool:
        if value is True or value is False:
            return bool(value)
        raise self.make_error("invalid")


class StrictInteger(RequestField, fields.Integer):
    """An integer as JSON Schema means it: 12 and 12.0, not 12.5, "12" or true."""

    default_error_messages = {"invalid": "not an integer; give a whole number"}

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        if type(value) is int or (isinstance(value, float) and value.is_integer()):
            return int(value)
        raise self.make_error("invalid")


class StrictNumber(RequestField, fields.Float):
    """A number, not "0.5" or true."""

    default_error_messages = {"invalid": "not a number; give one such as 0.9, without quotes"}

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int | float:
        if type(value) is int or (isinstance(value, float) and isfinite(value)):
            return normalize_number(value)
        raise self.make_error("invalid")


def parse_scalar(text: str) -> Any:
    """Read a boolean or a number that comes as text: in a query parameter, or in a cell of a CSV file.

    A boolean is `true` or `false` in any case: spreadsheets write TRUE, and Python writes True. A number is
    written as in JSON. Any other text stays one, for the field to refuse.
    """
    if (boolean := BOOLEAN_BY_TEXT.get(text.lower())) is not None:
        return boolean
    try:
        return orjson.loads(text) if text == text.strip() else text
    except orjson.JSONDecodeError:
        return text


class PlainNumber(fields.Float):
    """A number of a response, written as it is: 1 stays 1."""

    def _serialize(self, value: Any, *_: Any, **__: Any) -> Any:
        return value


class EnumField(RequestField, fields.String):
    """One of some strings; the contract keeps them in a component of their own, under `component`."""

    def __init__(self, choices: list[str], component: str, **kwargs: Any) -> None:
        self.choices, self.component = choices, component
        known = ", ".join(choices)
        super().__init__(
            validate=validate.OneOf(choices, error=f"not a known value; choose from {known}"),
            error_messages={"invalid": f"not text; give one of {known} in quotes"},
            **kwargs,
        )


class BoundedList(RequestField, fields.List[Any]):
    """A list of a request."""

    default_error_messages = {
        "invalid": "not an array; give one in brackets",
        "long": "more than {most} items; give fewer",
    }

    def __init__(self, item: fields.Field[Any], most: int, **kwargs: Any) -> None:
        self.max_items = most
        set_required_null_message(item)
        super().__init__(item, validate=validate.Length(max=most), **kwargs)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> list[Any]:
        return super()._deserialize(self._short_list(value), *args, **kwargs)

    def _short_list(self, value: Any) -> list[Any]:
        """A value that is a list and not too long; none of its items is looked at."""
        if not isinstance(value, list):
            raise self.make_error("invalid")
        if len(value) > self.max_items:
            raise self.make_error("long", most=self.max_items)
        return value


class UncheckedList(BoundedList):
    """A list whose items are looked at one by one, later."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> list[Any]:
        return self._short_list(value)


class NestedObject(RequestField, fields.Nested):
    """An object of a request."""

    default_error_messages = {"type": "not an object; give one in braces"}


class RequestSchema(Schema):
    """The base of requests: an unknown field is refused, and of very many only the first are looked at."""

    class Meta:
        unknown = RAISE

    error_messages = {"unknown": UNKNOWN_FIELD_MESSAGE, "type": "not an object; give one in braces"}

    def load(self, data: Any, **options: Any) -> Any:
        if isinstance(data, dict) and len(data) > len(self.fields) + MAX_UNKNOWN_FIELDS:
            known = [name for name in self.fields if name in data]
            unknown = islice((name for name in data if name not in self.fields), MAX_UNKNOWN_FIELDS)
            data = {name: data[name] for name in (*known, *unknown)}
        try:
            return super().load(data, **options)
        except ValidationError as error:
            raise without_traceback(error) from None


def without_traceback(error: Fault) -> Fault:
    """An error without what was being done: it would keep all that was sent until a garbage collection."""
    error.__context__ = None
    return error.with_traceback(None)


class FastPathSchema(RequestSchema):
    """The base of requests that are nearly always right: those that plainly are, are taken as they are.

    `is_plainly_valid` may refuse data that is right, for marshmallow to read; it must not take what is wrong.
    Numbers that it takes may be 12.0 where marshmallow gives 12: answers are put in their normal form later.
    """

    def is_plainly_valid(self, data: Any) -> bool:
        """Whether data is what loading it would give."""
        raise NotImplementedError

    def load(self, data: Any, **options: Any) -> Any:
        return data if self.is_plainly_valid(data) else super().load(data, **options)


class ResponseSchema(Schema):
    """The base of responses: they may grow fields, and what is absent is left out."""

    class Meta:
        unknown = EXCLUDE

    @post_dump
    def _leave_out(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {key: value for key, value in data.items() if value is not None}


class PlainObject(fields.Nested):
    """An object of a response that is plain JSON data already, and is written as it is."""

    def _serialize(self, value: Any, *_: Any, **__: Any) -> Any:  # type: ignore[override]  # as fields'
        return value


class ScalarField(fields.Field[Any]):
    """A boolean, a string or a number: the one field whose type varies."""
