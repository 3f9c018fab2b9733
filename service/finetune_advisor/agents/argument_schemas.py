"""The arguments that several tools take: their JSON Schemas for models, and the schemas that load them."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields

from finetune_advisor.agents.tool import STRING_LIST_SCHEMA, JsonSchema, describe
from finetune_advisor.engine.model.inputs import Input
from finetune_advisor.schemas.fields import BoundedList, EnumField, RequestSchema
from finetune_advisor.trees.catalog import Catalog

MAX_LISTED_INPUTS = 50
"""Inputs of the default tree up to which `assess` lists them: the list stands in every conversation."""
PROFILE_TEXT = (
    "What is known, by input: only what the person said or a source shows. Leave out the rest."
)


def describe_profile(catalog: Catalog) -> JsonSchema:
    """Describe a profile with the inputs of the default tree, if they aren't very many."""
    inputs = catalog.default.inputs
    if len(inputs) > MAX_LISTED_INPUTS:
        return describe_unlisted_profile()
    properties = {name: _describe_input(input_) for name, input_ in inputs.items()}
    text = f"{PROFILE_TEXT} Listed are the inputs of tree {catalog.default.version}, the default."
    return describe({"type": "object", "properties": properties}, text)


def describe_unlisted_profile() -> JsonSchema:
    """Describe a profile without its inputs."""
    return describe({"type": "object"}, f"{PROFILE_TEXT} As in assess.")


def _describe_input(input_: Input) -> JsonSchema:
    return {"type": "string", "enum": [*input_.choices]} if input_.choices else {"type": input_.type}


def describe_version(catalog: Catalog, text: str) -> JsonSchema:
    """Describe an argument that names a served version."""
    return describe({"type": "string", "enum": [*catalog.trees]}, text)


def describe_tree_version(catalog: Catalog) -> JsonSchema:
    """Describe the argument `tree_version` of a tool that has a default."""
    return describe_version(catalog, f"The tree that answers. Default: {catalog.default.version}.")


SKIPPED_SCHEMA: JsonSchema = describe(
    STRING_LIST_SCHEMA, "Inputs that the person can't answer. They aren't asked about."
)


def input_names_field(catalog: Catalog) -> BoundedList:
    """Build the field of a list of inputs."""
    return BoundedList(input_name_field(catalog), max_items=len(catalog.inputs))


def input_name_field(catalog: Catalog) -> EnumField:
    """Build the field of an input's name."""
    return EnumField([*catalog.inputs], "InputName")


def build_schema(name: str, schema_fields: dict[str, fields.Field[Any]]) -> Schema:
    """Build the schema that loads the arguments of a tool."""
    schema: Schema = type(name, (RequestSchema,), schema_fields)()
    return schema
