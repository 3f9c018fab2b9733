"""What callers send. The profile is generated from the inputs of the served trees."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from marshmallow import Schema, fields, validate

from finetune_advisor.api.schemas.fields import (
    Array,
    Choice,
    Closed,
    Flag,
    Object,
    Real,
    Whole,
    WrittenFlag,
    WrittenReal,
    WrittenWhole,
    described,
)
from finetune_advisor.catalog import Catalog
from finetune_advisor.engine.inputs import Input

MOST_COUNTERFACTUALS = 1000


class NoParameters(Closed):
    """The query of an operation that takes no parameters."""


def input_field(one: Input, *, written: bool = False) -> fields.Field[Any]:
    """The field of a profile for an input, as JSON or `written` as JSON text in a query parameter."""
    unit = f" Unit: {one.unit}." if one.unit else ""
    help_ = "" if written else f" {one.help}"
    metadata = described(f"{one.label}.{unit}{help_}".rstrip())
    if one.type == "boolean":
        return (WrittenFlag if written else Flag)(metadata=metadata)
    if one.type == "enum":
        return Choice(list(one.choices), f"Input_{one.name}", metadata=metadata)
    kinds = (WrittenWhole, WrittenReal) if written else (Whole, Real)
    kind = kinds[0] if one.type == "integer" else kinds[1]
    return kind(validate=limits(one.lowest, one.highest), metadata=metadata)


def limits(low: float, high: float) -> validate.Range:
    """Numbers from one to another."""
    return validate.Range(low, high, error=f"out of range; give a value from {low} to {high}")


@lru_cache(maxsize=8)
def profile_schema(catalog: Catalog) -> type[Schema]:
    """The profile: what the caller knows, of all inputs that some served tree asks about."""
    text = (
        "What the caller knows of its situation. Leave out what isn't known. Inputs that another served "
        "version knows, but not the one asked, are accepted and listed in `ignored`."
    )
    meta = type("Meta", (Closed.Meta,), {"description": text})
    members = {name: input_field(one) for name, one in catalog.inputs.items()}
    return type("ProfileSchema", (Closed,), {**members, "Meta": meta})


def version_field(catalog: Catalog) -> Choice:
    text = "The tree version to ask. Left out, the default version answers."
    return Choice(list(catalog.trees), "TreeVersion", metadata=described(text))


def assess_request_schema(catalog: Catalog) -> type[Schema]:
    """The body of POST /assess."""
    return type("AssessRequestSchema", (Closed,), _assess_fields(catalog))


def explain_request_schema(catalog: Catalog) -> type[Schema]:
    """The body of POST /assess/explain."""
    leaves = dict.fromkeys(leaf for tree in catalog.trees.values() for leaf in tree.recommendations)
    members = {
        **_assess_fields(catalog),
        "target": Choice(
            list(leaves),
            "RecommendationId",
            metadata=described(
                "Ask only for counterfactuals that lead to this recommendation. None leads to one that "
                "only another version has."
            ),
        ),
        "frozen": Array(
            Choice(list(catalog.inputs), "InputName"),
            most=len(catalog.inputs),
            metadata=described("Inputs that counterfactuals may not change."),
        ),
        "limit": Whole(
            validate=limits(1, MOST_COUNTERFACTUALS),
            metadata=described("The most counterfactuals to list; left out, all."),
        ),
    }
    return type("ExplainRequestSchema", (Closed,), members)


def _assess_fields(catalog: Catalog) -> dict[str, fields.Field[Any]]:
    return {
        "profile": Object(profile_schema(catalog), required=True),
        "tree_version": version_field(catalog),
    }


def changes_query_schema(catalog: Catalog) -> type[Schema]:
    """The query of GET /tree/versions/{version}/changes."""
    since = Choice(
        list(catalog.trees),
        "TreeVersion",
        required=True,
        metadata=described("The version to compare with.", example=catalog.default.version),
    )
    return type("ChangesQuerySchema", (Closed,), {"since": since})


def profile_query_schema(catalog: Catalog) -> type[Schema]:
    """A profile as query parameters."""
    members = {name: input_field(one, written=True) for name, one in catalog.inputs.items()}
    return type("ProfileQuerySchema", (Closed,), members)
