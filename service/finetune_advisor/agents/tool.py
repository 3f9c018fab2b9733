"""Tools for language models: what a tool is, what it answers, and the parts that their schemas share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from marshmallow import Schema

JsonSchema = Mapping[str, Any]

STRING_SCHEMA: JsonSchema = {"type": "string"}
STRING_LIST_SCHEMA: JsonSchema = {"type": "array", "items": STRING_SCHEMA}
UNDERSTOOD_SCHEMA = STRING_LIST_SCHEMA
"""The member `understood` of every answer: arguments that were read in another way than they were written."""


@dataclass(frozen=True)
class ToolAnswer:
    """The answer to a call: a text that people and models read, and the same as data."""

    text: str
    data: Mapping[str, Any]


@dataclass(frozen=True)
class Tool:
    """A tool: the words and schemas that a model sees, the schema of its arguments, and what answers a call.

    `answer` takes arguments that `argument_schema` has loaded.
    """

    name: str
    title: str
    description: str
    input_schema: JsonSchema
    output_schema: JsonSchema
    argument_schema: Schema
    answer: Callable[[Mapping[str, Any]], ToolAnswer]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """The arguments that stand for those that a call leaves out."""


def object_schema(
    properties: Mapping[str, JsonSchema], required: Sequence[str] = (), **keywords: Any
) -> JsonSchema:
    """Build the JSON Schema of an object."""
    needed = {"required": [*required]} if required else {}
    return {"type": "object", "properties": dict(properties), **needed, **keywords}


def text_object_schema(*names: str) -> JsonSchema:
    """Build the JSON Schema of an object whose members are texts."""
    return object_schema(dict.fromkeys(names, STRING_SCHEMA))


def list_schema(item: JsonSchema) -> JsonSchema:
    """Build the JSON Schema of a list."""
    return {"type": "array", "items": item}


def describe(schema: JsonSchema, text: str) -> JsonSchema:
    """Add a description to a JSON Schema."""
    return {**schema, "description": text}
