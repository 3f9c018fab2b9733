"""Replays of past decisions: what `tree replay --json` prints."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, pre_dump

from finetune_advisor.engine.analysis.replay_report import (
    DecisionGroup,
    LogLocation,
    ReplayReport,
    UnreadableGroup,
)
from finetune_advisor.schemas.assessments import TreeNameSchema
from finetune_advisor.schemas.fields import ResponseSchema, ScalarField


class LogLocationSchema(ResponseSchema):
    file = fields.String(required=True)
    line = fields.Integer(required=True)


class DecisionWitnessSchema(LogLocationSchema):
    """A past decision, as the log has it."""

    receipt = fields.String()
    answers = fields.Dict(fields.String(), ScalarField(), required=True)


class DecisionGroupSchema(ResponseSchema):
    """Decisions with the same candidates in the past, and the same verdict."""

    past = fields.List(fields.String(), data_key="from", required=True)
    candidates = fields.List(fields.String(), data_key="to", required=True)
    depends_on = fields.List(fields.String())
    decisions = fields.Integer(required=True)
    share = fields.Float(required=True)
    same_family = fields.Boolean(required=True)
    witnesses = fields.List(fields.Nested(DecisionWitnessSchema), required=True)


class InputDecisionsSchema(ResponseSchema):
    """The number of decisions that depend on an input."""

    input = fields.String(required=True)
    decisions = fields.Integer(required=True)


class UnreadableSchema(ResponseSchema):
    """Lines that can't be judged for the same reason."""

    reason = fields.String(required=True)
    lines = fields.Integer(required=True)
    first = fields.List(fields.Nested(LogLocationSchema), required=True)


class ReplaySchema(ResponseSchema):
    """What a tree makes of the decisions of some logs."""

    tree = fields.Nested(TreeNameSchema, required=True)
    decisions = fields.Integer(required=True)
    same = fields.Integer(required=True)
    moved = fields.Integer(required=True)
    depends = fields.Integer(required=True)
    unreadable = fields.Integer(required=True)
    other_lines = fields.Integer(required=True)
    moves = fields.List(fields.Nested(DecisionGroupSchema), required=True)
    dependencies = fields.List(fields.Nested(DecisionGroupSchema), required=True)
    inputs = fields.List(fields.Nested(InputDecisionsSchema), required=True)
    reasons = fields.List(fields.Nested(UnreadableSchema), required=True)

    @pre_dump
    def _as_mapping(self, report: ReplayReport, **_: Any) -> dict[str, Any]:
        return {
            "tree": report.tree,
            "decisions": report.decisions,
            **{kind: report.count(kind) for kind in ("same", "moved", "depends")},
            "unreadable": report.unreadable_count,
            "other_lines": report.other_lines,
            "moves": [_dump_group(report, group) for group in report.groups("moved")],
            "dependencies": [_dump_group(report, group) for group in report.groups("depends")],
            "inputs": [
                {"input": name, "decisions": count} for name, count in report.decisions_by_input.items()
            ],
            "reasons": [_dump_unreadable(group) for group in report.unreadable],
        }


def _dump_group(report: ReplayReport, group: DecisionGroup) -> dict[str, Any]:
    return {
        "past": group.past,
        "candidates": group.verdict.candidates,
        "depends_on": group.verdict.depends_on or None,
        "decisions": group.count,
        "share": group.count / report.decisions,
        "same_family": report.stays_in_family(group),
        "witnesses": [
            {**_dump_location(witness.location), "receipt": witness.receipt, "answers": witness.answers}
            for witness in group.witnesses
        ],
    }


def _dump_location(location: LogLocation) -> dict[str, Any]:
    return {"file": location.file, "line": location.line}


def _dump_unreadable(group: UnreadableGroup) -> dict[str, Any]:
    return {
        "reason": group.reason,
        "lines": group.count,
        "first": [_dump_location(location) for location in group.locations],
    }
