"""What a newer tree says differently, and for whom its outcome changes."""

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
    pointer = fields.String(required=True, metadata=describe_field("Where the text stands in the tree."))
    before = fields.String(required=True)
    after = fields.String(required=True)


class MoveSchema(ResponseSchema):
    """Profiles whose outcome changes alike."""

    before = fields.String(
        data_key="from",
        metadata=describe_field("The older tree's recommendation; left out where undecided."),
    )
    after = fields.String(
        data_key="to",
        metadata=describe_field("The newer tree's recommendation; left out where undecided."),
    )
    profiles = fields.Integer(
        metadata=describe_field(
            "How many profiles, taking numbers that no test tells apart as one; left out beyond "
            f"{MAX_SAFE_INTEGER}.",
            format="int64",
        )
    )
    share = fields.Float(required=True, metadata=describe_field("Their share of all profiles, 0 to 1."))
    witness = fields.Dict(
        fields.String(), ScalarField(), required=True, metadata=describe_field("One such profile.")
    )


class ReversalSchema(ResponseSchema):
    """A recommendation of both trees that answers "should we fine-tune?" differently in each."""

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
            "Same inputs, the same outcome for every profile, and the same `finetune` of every outcome."
        ),
    )
    profiles = fields.Integer(
        metadata=describe_field(
            "All profiles of the inputs that both trees know, counted as in moves; left out beyond "
            f"{MAX_SAFE_INTEGER}.",
            format="int64",
        )
    )
    undecided = fields.Integer(
        metadata=describe_field(
            "Of these, those that neither tree decides, as it asks for more; left out beyond "
            f"{MAX_SAFE_INTEGER}.",
            format="int64",
        )
    )
    moves = fields.List(
        fields.Nested(MoveSchema), required=True, metadata=describe_field("Every change of outcome.")
    )
    reversals = fields.List(
        fields.Nested(ReversalSchema),
        required=True,
        metadata=describe_field("Every recommendation of both trees whose `finetune` differs."),
    )
    truncated = fields.Boolean(
        required=True,
        metadata=describe_field(
            "Whether the trees have too many ways to walk them all, or too many profiles to count: numbers "
            "of profiles are then the least that they can be, and more may move."
        ),
    )
    added = fields.List(
        fields.String(), required=True, metadata=describe_field(f"What is new, {POINTER_DESCRIPTION}.")
    )
    removed = fields.List(
        fields.String(), required=True, metadata=describe_field(f"What is gone, {POINTER_DESCRIPTION}.")
    )
    rewired = fields.List(
        fields.String(),
        required=True,
        metadata=describe_field(f"What decides differently, {POINTER_DESCRIPTION}."),
    )
    reworded = fields.List(
        fields.Nested(RewordingSchema), required=True, metadata=describe_field("Texts that differ.")
    )

    @pre_dump
    def _changes(self, comparison: Comparison, **_: Any) -> dict[str, Any]:
        total = comparison.profiles
        return {
            "older": comparison.older,
            "newer": comparison.newer,
            "equivalent": comparison.equivalent,
            "profiles": _count_if_safe(total),
            "undecided": _count_if_safe(comparison.undecided),
            "moves": [_move(move, total) for move in comparison.moves],
            "reversals": comparison.reversals,
            "truncated": comparison.truncated,
            "added": comparison.added,
            "removed": comparison.removed,
            "rewired": comparison.rewired,
            "reworded": comparison.reworded,
        }


def _move(move: Move, total: int) -> dict[str, Any]:
    return {
        "before": move.before,
        "after": move.after,
        "profiles": _count_if_safe(move.profiles),
        "share": move.profiles / total,
        "witness": move.witness,
    }


def _count_if_safe(count: int) -> int | None:
    return count if count <= MAX_SAFE_INTEGER else None
