"""Comparisons of two trees: their differences, and the profiles whose outcome changes."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, pre_dump

from finetune_advisor.engine.analysis.comparison import Comparison, Move
from finetune_advisor.engine.model.domain import MAX_SAFE_INTEGER
from finetune_advisor.schemas.assessments import TreeNameSchema
from finetune_advisor.schemas.fields import EnumField, ResponseSchema, ScalarField, describe_field
from finetune_advisor.schemas.trees import FINETUNE_VALUES

POINTER_DESCRIPTION = "as JSON pointers into the tree"


class RewordingSchema(ResponseSchema):
    pointer = fields.String(
        required=True, metadata=describe_field("The place of the text in the tree, as a JSON pointer.")
    )
    before = fields.String(required=True)
    after = fields.String(required=True)


class MoveSchema(ResponseSchema):
    """The profiles whose outcome changes from one recommendation to another."""

    before = fields.String(
        data_key="from",  # a keyword of Python
        metadata=describe_field("The recommendation of the older tree; absent if it does not decide."),
    )
    after = fields.String(
        data_key="to",
        metadata=describe_field("The recommendation of the newer tree; absent if it does not decide."),
    )
    profiles = fields.Integer(
        metadata=describe_field(
            "The number of profiles. Numbers that no test distinguishes count as one value. Absent above "
            f"{MAX_SAFE_INTEGER}.",
            format="int64",
        )
    )
    share = fields.Float(
        required=True, metadata=describe_field("Their share of all profiles, from 0 to 1.")
    )
    witness = fields.Dict(
        fields.String(),
        ScalarField(),
        required=True,
        metadata=describe_field("An example: one of these profiles."),
    )


class ReversalSchema(ResponseSchema):
    """A recommendation that both trees have, with different answers to "should we fine-tune?"."""

    recommendation = fields.String(required=True)
    before = EnumField(FINETUNE_VALUES, "Finetune", data_key="from", required=True)
    after = EnumField(FINETUNE_VALUES, "Finetune", data_key="to", required=True)


class ChangesSchema(ResponseSchema):
    """The exact difference between two trees."""

    older = fields.Nested(TreeNameSchema, required=True)
    newer = fields.Nested(TreeNameSchema, required=True)
    equivalent = fields.Boolean(
        required=True,
        metadata=describe_field(
            "Whether both trees have the same inputs, give every profile the same outcome, and give every "
            "outcome the same `finetune`."
        ),
    )
    profiles = fields.Integer(
        metadata=describe_field(
            "The number of all profiles of the inputs that both trees know, counted as in `moves`. Absent "
            f"above {MAX_SAFE_INTEGER}.",
            format="int64",
        )
    )
    undecided = fields.Integer(
        metadata=describe_field(
            "The number of these profiles that neither tree decides, because both ask about further inputs. "
            f"Absent above {MAX_SAFE_INTEGER}.",
            format="int64",
        )
    )
    moves = fields.List(
        fields.Nested(MoveSchema), required=True, metadata=describe_field("Every change of outcome.")
    )
    reversals = fields.List(
        fields.Nested(ReversalSchema),
        required=True,
        metadata=describe_field("Every recommendation that both trees have with different `finetune`."),
    )
    truncated = fields.Boolean(
        required=True,
        metadata=describe_field(
            "Whether the trees have too many paths to follow all of them, or too many profiles to count. If "
            "so, numbers of profiles are lower bounds, and there may be more moves."
        ),
    )
    added = fields.List(
        fields.String(),
        required=True,
        metadata=describe_field(f"The parts that are new, {POINTER_DESCRIPTION}."),
    )
    removed = fields.List(
        fields.String(),
        required=True,
        metadata=describe_field(f"The parts that are gone, {POINTER_DESCRIPTION}."),
    )
    rewired = fields.List(
        fields.String(),
        required=True,
        metadata=describe_field(f"The parts that decide differently, {POINTER_DESCRIPTION}."),
    )
    reworded = fields.List(
        fields.Nested(RewordingSchema), required=True, metadata=describe_field("The texts that differ.")
    )

    @pre_dump
    def _as_mapping(self, comparison: Comparison, **_: Any) -> dict[str, Any]:
        total = comparison.profiles
        return {
            "older": comparison.older,
            "newer": comparison.newer,
            "equivalent": comparison.equivalent,
            "profiles": _count_if_safe(total),
            "undecided": _count_if_safe(comparison.undecided),
            "moves": [_dump_move(move, total) for move in comparison.moves],
            "reversals": comparison.reversals,
            "truncated": comparison.truncated,
            "added": comparison.added,
            "removed": comparison.removed,
            "rewired": comparison.rewired,
            "reworded": comparison.reworded,
        }


def _dump_move(move: Move, total: int) -> dict[str, Any]:
    return {
        "before": move.before,
        "after": move.after,
        "profiles": _count_if_safe(move.profiles),
        "share": move.profiles / total,
        "witness": move.witness,
    }


def _count_if_safe(count: int) -> int | None:
    # JSON numbers are doubles in many languages, which round larger integers.
    return count if count <= MAX_SAFE_INTEGER else None
