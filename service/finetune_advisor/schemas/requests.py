"""What callers send. The profile is generated from the inputs of the served trees."""

from __future__ import annotations

from collections.abc import Container, Mapping
from functools import lru_cache
from math import ceil, floor
from typing import Any

from marshmallow import Schema, ValidationError, fields, pre_load, validate

from finetune_advisor.engine.model.inputs import Input
from finetune_advisor.schemas.fields import (
    BoundedList,
    EnumField,
    FastPathSchema,
    NestedObject,
    RequestSchema,
    StrictBoolean,
    StrictInteger,
    StrictNumber,
    UncheckedList,
    describe_field,
    parse_scalar,
)
from finetune_advisor.trees.catalog import Catalog, RetiredVersionError

MAX_COUNTERFACTUALS = 1000
DEFAULT_COUNTERFACTUALS = 20
"""How many counterfactuals are listed if nobody says; no profile of tree 1.0.0 has more."""


BOOLEAN_TYPES = frozenset({bool})
ASSESS_REQUEST_KEYS = ({"profile"}, {"profile", "tree_version"})


class NoParameters(RequestSchema):
    """The query of an operation that takes no parameters."""


def input_field(one: Input) -> fields.Field[Any]:
    """The field of a profile for an input."""
    unit = f" Unit: {one.unit}." if one.unit else ""
    metadata = describe_field(f"{one.label}.{unit}")
    if one.type == "boolean":
        return StrictBoolean(metadata=metadata)
    if one.type == "enum":
        return EnumField(list(one.choices), f"Input_{one.name}", metadata=metadata)
    kind = StrictInteger if one.type == "integer" else StrictNumber
    return kind(validate=build_range_validator(one.lowest, one.highest), metadata=metadata)


def build_range_validator(low: float, high: float) -> validate.Range:
    """Numbers from one to another."""
    return validate.Range(low, high, error=f"out of range; give a value from {low} to {high}")


@lru_cache(maxsize=8)
def profile_schema(catalog: Catalog) -> type[FastPathSchema]:
    """The profile: what the caller knows, of all inputs that some served tree asks about."""
    text = (
        "What the caller knows of its situation. Leave out what isn't known. Inputs that another served "
        "version knows, but not the one asked, are accepted and listed in `ignored`. GET /tree tells how to "
        "find each value, as does `next_question`."
    )
    inputs = catalog.inputs
    booleans = frozenset(name for name, one in inputs.items() if one.type == "boolean")
    allowed = {name: _allowed_values(one) for name, one in inputs.items()}
    ranges = {name: (one.lowest, one.highest) for name, one in inputs.items() if one.type == "number"}

    class ProfileSchema(FastPathSchema):
        class Meta(FastPathSchema.Meta):
            description = text

        def is_plainly_valid(self, data: Any) -> bool:
            if data.__class__ is not dict:
                return False
            if data.keys() <= booleans and {*map(type, data.values())} <= BOOLEAN_TYPES:
                return True
            try:
                for name, value in data.items():
                    if value.__class__ is float:
                        low, high = ranges[name]
                        if not low <= value <= high:
                            return False
                    elif value not in allowed[name][value.__class__]:
                        return False
            except KeyError:
                return False
            return True

    members = {name: input_field(one) for name, one in catalog.inputs.items()}
    return type("ProfileSchema", (ProfileSchema,), members)


def _allowed_values(input_: Input) -> Mapping[type, Container[Any]]:
    """By the class of a value, the values that an input plainly takes, but for floats.

    It leaves out what takes a closer look, such as 12.0 for an integer.
    """
    if input_.is_numeric:
        return {int: range(ceil(input_.lowest), floor(input_.highest) + 1)}
    return {str: frozenset(input_.choices)} if input_.choices else {bool: (False, True)}


class TreeVersionField(EnumField):
    """A tree version that is served; of a retired one, the message names the successor."""

    def __init__(self, catalog: Catalog, **kwargs: Any) -> None:
        super().__init__(list(catalog.trees), "TreeVersion", **kwargs)
        self.retired = catalog.retired

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        version = str(super()._deserialize(value, *args, **kwargs))
        if version in self.retired:
            raise ValidationError(str(RetiredVersionError(self.retired[version])))
        return version


def version_field(catalog: Catalog) -> TreeVersionField:
    text = "The tree version to ask. Left out, the default version answers."
    return TreeVersionField(catalog, metadata=describe_field(text))


def assess_request_schema(catalog: Catalog) -> type[FastPathSchema]:
    """The body of POST /assess."""
    profile = profile_schema(catalog)()

    class AssessRequestSchema(FastPathSchema):
        def is_plainly_valid(self, data: Any) -> bool:
            return (
                data.__class__ is dict
                and data.keys() in ASSESS_REQUEST_KEYS
                and (version := data.get("tree_version", catalog.default.version)).__class__ is str
                and version in catalog.trees
                and profile.is_plainly_valid(data["profile"])
            )

    return type("AssessRequestSchema", (AssessRequestSchema,), _assess_fields(catalog))


def batch_request_schema(catalog: Catalog, most: int) -> type[Schema]:
    """The body of POST /assess/batch, for up to so many profiles."""
    members = {
        "profiles": UncheckedList(
            fields.Raw(
                allow_none=True,
                metadata=describe_field(
                    "A profile, as POST /assess takes it; any other value is a bad one."
                ),
            ),
            most=most,
            required=True,
            metadata=describe_field("What is known of each situation."),
        ),
        "defaults": NestedObject(
            profile_schema(catalog),
            metadata=describe_field("What holds for each profile that doesn't say."),
        ),
        "tree_version": version_field(catalog),
    }
    return type("BatchRequestSchema", (RequestSchema,), members)


def explain_request_schema(catalog: Catalog) -> type[Schema]:
    """The body of POST /assess/explain."""
    leaves = dict.fromkeys(leaf for tree in catalog.trees.values() for leaf in tree.recommendations)
    members = {
        **_assess_fields(catalog),
        "target": EnumField(
            list(leaves),
            "RecommendationId",
            metadata=describe_field(
                "Ask only for counterfactuals that lead to this recommendation. None leads to one that "
                "only another version has."
            ),
        ),
        "frozen": BoundedList(
            EnumField(list(catalog.inputs), "InputName"),
            most=len(catalog.inputs),
            metadata=describe_field("Inputs that counterfactuals may not change."),
        ),
        "limit": StrictInteger(
            validate=build_range_validator(1, MAX_COUNTERFACTUALS),
            metadata=describe_field(
                f"The most counterfactuals to list. Left out, {DEFAULT_COUNTERFACTUALS}."
            ),
        ),
    }
    return type("ExplainRequestSchema", (RequestSchema,), members)


def _assess_fields(catalog: Catalog) -> dict[str, fields.Field[Any]]:
    return {
        "profile": NestedObject(profile_schema(catalog), required=True),
        "tree_version": version_field(catalog),
    }


def changes_query_schema(catalog: Catalog) -> type[Schema]:
    """The query of GET /tree/versions/{version}/changes."""
    since = TreeVersionField(
        catalog,
        required=True,
        metadata=describe_field("The version to compare with.", example=catalog.default.version),
    )
    return type("ChangesQuerySchema", (RequestSchema,), {"since": since})


def _read(text: str) -> Any:
    value = parse_scalar(text)
    return text if value is None else value  # `null` is no value there, and is no missing one either


def profile_query_schema(catalog: Catalog) -> type[Schema]:
    """A profile as query parameters."""
    inputs = catalog.inputs
    texts = {name for name, one in inputs.items() if one.type == "enum"}

    class ProfileQuerySchema(RequestSchema):
        @pre_load
        def _read(self, data: Mapping[str, str], **_: Any) -> dict[str, Any]:
            return {name: _read(data[name]) if name not in texts else data[name] for name in data}

    members = {name: input_field(one) for name, one in inputs.items()}
    return type("ProfileQuerySchema", (ProfileQuerySchema,), members)
