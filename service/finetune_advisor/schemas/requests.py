"""Requests. The schema of a profile is generated from the inputs of the served trees."""

from __future__ import annotations

from collections.abc import Container, Mapping
from functools import lru_cache
from math import ceil, floor
from typing import Annotated, Any, Literal, Required, TypedDict

from marshmallow import Schema, ValidationError, fields, pre_load, validate
from msgspec import Meta

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
from finetune_advisor.schemas.plain_requests import PlainRequestSchema
from finetune_advisor.trees.catalog import Catalog, RetiredVersionError

MAX_COUNTERFACTUALS = 1000
DEFAULT_COUNTERFACTUALS = 20
"""The counterfactuals that are listed without a `limit`; no profile of tree 1.0.0 has more."""
BOOLEAN_TYPES = frozenset({bool})
make_typed_dict: Any = TypedDict
"""Builds types whose members' names are data, which type checkers don't allow."""


class NoParameters(RequestSchema):
    """The query of an operation that takes no parameters."""


def input_field(input_: Input, *, required: bool = False) -> fields.Field[Any]:
    """Build the field of a profile for an input, which a profile may leave out unless it is `required`."""
    metadata = describe_input(input_)
    if input_.type == "boolean":
        return StrictBoolean(metadata=metadata)
    if input_.type == "enum":
        return EnumField(list(input_.choices), f"Input_{input_.name}", metadata=metadata)
    field_class = StrictInteger if input_.type == "integer" else StrictNumber
    in_range = build_range_validator(input_.lowest, input_.highest)
    return field_class(validate=in_range, metadata=metadata, required=required)


def describe_input(input_: Input) -> dict[str, Any]:
    """Return the metadata of the field of an input: its label and unit."""
    unit = f" Unit: {input_.unit}." if input_.unit else ""
    return describe_field(f"{input_.label}.{unit}")


def build_range_validator(low: float, high: float) -> validate.Range:
    """Build the validator of numbers from `low` to `high`, both included."""
    return validate.Range(low, high, error=f"out of range; give a value from {low} to {high}")


# Every assessor and endpoint of an application needs the schema of the same catalog.
@lru_cache(maxsize=8)
def profile_schema(catalog: Catalog) -> type[FastPathSchema]:
    """Build the schema of a profile, with a field for each input of any served tree.

    Inputs are those of all versions, so that a caller can send one profile to several versions.
    """
    text = (
        "The answers that the caller knows, by input. Leave out the others. Inputs that only another served "
        "version knows are accepted and listed in `ignored`. `next_question` and GET /tree say how to find a "
        "value."
    )
    inputs = catalog.inputs
    booleans = frozenset(name for name, input_ in inputs.items() if input_.type == "boolean")
    allowed_values = {name: _allowed_values(input_) for name, input_ in inputs.items()}
    ranges = {
        name: (input_.lowest, input_.highest)
        for name, input_ in inputs.items()
        if input_.type == "number"
    }

    class ProfileSchema(FastPathSchema):
        class Meta(FastPathSchema.Meta):
            description = text

        def is_plainly_valid(self, data: Any) -> bool:
            if data.__class__ is not dict:
                return False
            # One comparison of sets for profiles of booleans, which are the most common.
            if data.keys() <= booleans and {*map(type, data.values())} <= BOOLEAN_TYPES:
                return True
            try:
                for name, value in data.items():
                    # Only numbers have a range: a float for any other input raises KeyError.
                    if value.__class__ is float:
                        low, high = ranges[name]
                        if not low <= value <= high:
                            return False
                    elif value not in allowed_values[name][value.__class__]:
                        return False
            except KeyError:  # an unknown name, or a value of another type
                return False
            return True

    schema_fields = {name: input_field(input_) for name, input_ in inputs.items()}
    return type("ProfileSchema", (ProfileSchema,), schema_fields)


def _allowed_values(input_: Input) -> Mapping[type, Container[Any]]:
    """Return the values that an input plainly allows, by their type, except floats.

    It leaves out valid values that only marshmallow recognizes, such as 12.0 for an integer.
    """
    if input_.is_numeric:
        return {int: range(ceil(input_.lowest), floor(input_.highest) + 1)}
    return {str: frozenset(input_.choices)} if input_.choices else {bool: (False, True)}


def _plain_profile_type(catalog: Catalog) -> Any:
    """Return the type of plainly valid profiles, for msgspec."""
    members = {name: _plain_answer_type(input_) for name, input_ in catalog.inputs.items()}
    return make_typed_dict("Profile", members, total=False)


def _plain_answer_type(input_: Input) -> Any:
    if input_.type == "boolean":
        return bool
    if input_.type == "enum":
        return Literal[tuple(input_.choices)]
    low, high = input_.lowest, input_.highest
    whole = Annotated[int, Meta(ge=ceil(low), le=floor(high))]
    # JSON Schema has no type for integers alone: 12.0 is one, too.
    multiple = 1 if input_.type == "integer" else None
    return whole | Annotated[float, Meta(ge=low, le=high, multiple_of=multiple)]


class TreeVersionField(EnumField):
    """Accepts a version that is served. The message for a retired version names its successor."""

    def __init__(self, catalog: Catalog, **kwargs: Any) -> None:
        super().__init__(list(catalog.trees), "TreeVersion", **kwargs)
        self.retired = catalog.retired

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        version = str(super()._deserialize(value, *args, **kwargs))
        # marshmallow validates later: this message replaces the one for an unknown version.
        if version in self.retired:
            raise ValidationError(str(RetiredVersionError(self.retired[version])))
        return version


def version_field(catalog: Catalog) -> TreeVersionField:
    text = "The tree version that answers. Without it, the default version does."
    return TreeVersionField(catalog, metadata=describe_field(text))


def _plain_version_type(catalog: Catalog) -> Any:
    return Literal[tuple(catalog.trees)]


def assess_request_schema(catalog: Catalog) -> type[PlainRequestSchema]:
    """Build the schema of the body of POST /assess."""
    members = {
        "profile": Required[_plain_profile_type(catalog)],
        "tree_version": _plain_version_type(catalog),
    }
    plain_type = make_typed_dict("AssessRequest", members, total=False)
    attributes = {**_assess_fields(catalog), "plain_type": plain_type}
    return type("AssessRequestSchema", (PlainRequestSchema,), attributes)


def batch_request_schema(catalog: Catalog, max_profiles: int) -> type[PlainRequestSchema]:
    """Build the schema of the body of POST /assess/batch."""
    # A profile may be any value, even null: an invalid one gets a result of its own, and fails no other.
    any_value = fields.Raw(
        allow_none=True,
        metadata=describe_field(
            "A profile as in POST /assess. Any other value gets a result with the status `invalid`."
        ),
    )
    plain_profile = _plain_profile_type(catalog)
    plain_profiles: Any = Annotated[list[plain_profile], Meta(max_length=max_profiles)]  # type: ignore[valid-type]
    members = {
        "profiles": Required[plain_profiles],
        "defaults": plain_profile,
        "tree_version": _plain_version_type(catalog),
    }
    attributes = {
        "plain_type": make_typed_dict("BatchRequest", members, total=False),
        "profiles": UncheckedList(
            any_value,
            max_items=max_profiles,
            required=True,
            metadata=describe_field("The profiles to assess."),
        ),
        "defaults": NestedObject(
            profile_schema(catalog),
            metadata=describe_field("Answers for every profile that does not give its own."),
        ),
        "tree_version": version_field(catalog),
    }
    return type("BatchRequestSchema", (PlainRequestSchema,), attributes)


def explain_request_schema(catalog: Catalog) -> type[Schema]:
    """Build the schema of the body of POST /assess/explain."""
    recommendations = dict.fromkeys(
        recommendation for tree in catalog.trees.values() for recommendation in tree.recommendations
    )
    schema_fields = {
        **_assess_fields(catalog),
        "target": EnumField(
            list(recommendations),
            "RecommendationId",
            metadata=describe_field(
                "List only counterfactuals that lead to this recommendation. There are none if only another "
                "version has it."
            ),
        ),
        "frozen": BoundedList(
            EnumField(list(catalog.inputs), "InputName"),
            max_items=len(catalog.inputs),
            metadata=describe_field("Inputs that counterfactuals may not change."),
        ),
        "limit": StrictInteger(
            validate=build_range_validator(1, MAX_COUNTERFACTUALS),
            metadata=describe_field(
                f"The maximum number of counterfactuals. The default is {DEFAULT_COUNTERFACTUALS}."
            ),
        ),
    }
    return type("ExplainRequestSchema", (RequestSchema,), schema_fields)


def _assess_fields(catalog: Catalog) -> dict[str, fields.Field[Any]]:
    return {
        "profile": NestedObject(profile_schema(catalog), required=True),
        "tree_version": version_field(catalog),
    }


def changes_query_schema(catalog: Catalog) -> type[Schema]:
    """Build the schema of the query of GET /tree/versions/{version}/changes."""
    since = TreeVersionField(
        catalog,
        required=True,
        metadata=describe_field("The version to compare with.", example=catalog.default.version),
    )
    return type("ChangesQuerySchema", (RequestSchema,), {"since": since})


def profile_query_schema(catalog: Catalog) -> type[Schema]:
    """Build the schema of a profile that is given as query parameters, one for each input."""
    inputs = catalog.inputs
    # The choices of an enum may look like numbers: they stay text.
    enums = {name for name, input_ in inputs.items() if input_.type == "enum"}

    class ProfileQuerySchema(RequestSchema):
        @pre_load
        def _parse(self, data: Mapping[str, str], **_: Any) -> dict[str, Any]:
            return {
                name: text if name in enums else _parse_parameter(text) for name, text in data.items()
            }

    schema_fields = {name: input_field(input_) for name, input_ in inputs.items()}
    return type("ProfileQuerySchema", (ProfileQuerySchema,), schema_fields)


def _parse_parameter(text: str) -> Any:
    value = parse_scalar(text)
    # The field refuses the text `null`, but would take None for an absent value.
    return text if value is None else value
