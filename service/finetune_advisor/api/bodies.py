"""Bodies: assessments as bytes. A trail's is rendered once; what answers add is filled in."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import orjson

from finetune_advisor.api.schemas.assessments import AssessmentSchema
from finetune_advisor.api.schemas.trees import WarningSchema
from finetune_advisor.engine.canonical import plain
from finetune_advisor.engine.compiled import Trail
from finetune_advisor.engine.evaluation import Assessment, Step
from finetune_advisor.engine.explanation import Change, Explanation, Outcome
from finetune_advisor.engine.inputs import Profile, Value

KEPT = 4096
"""How many bodies are kept: all there are for 1.0.0, some megabytes at most."""

Answers = tuple[tuple[str, Value], ...]
"""The answers of a profile that count, in the order of its trail; hashable."""

SCHEMA, WARNINGS = AssessmentSchema(), WarningSchema(many=True)
MARK = secrets.token_hex(16)
"""Stands for what answers add to a template; no text of a tree can hold it, as no author knows it."""


def body(assessment: Assessment) -> bytes:
    """The body of any assessment."""
    return orjson.dumps(SCHEMA.dump(assessment))


@lru_cache(KEPT)
def trail_body(trail: Trail, answers: Answers, ignored: tuple[str, ...]) -> bytes:
    """The body for some answers on a trail: what `body` gives for their assessment, byte for byte."""
    given = dict(answers)
    first, *parts = _template(trail)
    slots = [given[name] for question, _ in trail.taken for name in question.inputs]
    filled = b"".join(orjson.dumps(value) + part for value, part in zip(slots, parts[:-2], strict=True))
    extras = b"".join(_extras(trail, given, ignored))
    receipt = orjson.dumps(trail.receipt(given))
    return b"".join((first, filled, extras, parts[-2], receipt, parts[-1]))


def explanation(explained: Explanation, assessment: bytes) -> bytes:
    """The body of an explanation around that of its assessment: what its schema gives, sooner."""
    reason = explained.sufficient_reason
    form = {
        "assessment": orjson.Fragment(assessment),
        **({} if reason is None else {"sufficient_reason": reason}),
        "counterfactuals": [
            {
                "recommendation": one.recommendation,
                "changes": [_change(change) for change in one.changes],
            }
            for one in explained.counterfactuals
        ],
        "truncated": explained.truncated,
        "sensitivity": [
            {"input": name, "outcomes": [_outcome(one) for one in outcomes]}
            for name, outcomes in explained.sensitivity.items()
        ],
    }
    return orjson.dumps(form)


def _change(change: Change) -> dict[str, Any]:
    before = {} if change.before is None else {"from": change.before}
    return {"input": change.input, **before, "to": change.after}


def _outcome(outcome: Outcome) -> dict[str, Any]:
    numeric = outcome.minimum is not None
    limits = {"minimum": outcome.minimum, "maximum": outcome.maximum} if numeric else {}
    ends = outcome.candidates
    end = {"recommendation": ends[0]} if len(ends) == 1 else {}
    return {"answer": outcome.answer, **limits, **end, "candidates": ends}


def result(assessment: Assessment) -> dict[str, Any]:
    """The result of a batch for any assessment."""
    leaf, asked = assessment.recommendation, assessment.next_question
    form: dict[str, Any] = {
        "status": assessment.status,
        "recommendation": leaf.id if leaf else None,
        "finetune": leaf.finetune if leaf else None,
        "path": [step.question.id for step in assessment.path],
        "candidates": assessment.candidates,
        "next_question": asked and {"question": asked.question.id, "input": asked.input.name},
        "warnings": [warning.id for warning in assessment.warnings] or None,
        "ignored": assessment.ignored or None,
        "receipt": assessment.receipt,
    }
    return {name: value for name, value in form.items() if value is not None}


def trail_result(trail: Trail, profile: Profile) -> bytes:
    """The result of a batch for a profile on a trail: what `result` gives for its assessment, as bytes."""
    answers = trail.answers(profile)
    warnings, ignored = [one.id for one in trail.warned(answers)], trail.ignored(profile)
    told = b',"warnings":' + orjson.dumps(warnings) if warnings else b""
    passed = b',"ignored":' + orjson.dumps(ignored) if ignored else b""
    return b'%b%b%b,"receipt":"%b"}' % (_head(trail), told, passed, trail.receipt(answers).encode())


@lru_cache(KEPT)
def _head(trail: Trail) -> bytes:
    """What all results on a trail begin with."""
    leaf = trail.recommendation
    form = {
        "status": "decided",
        "recommendation": leaf.id,
        "finetune": leaf.finetune,
        "path": [question.id for question, _ in trail.taken],
        "candidates": [leaf.id],
    }
    return orjson.dumps(form)[:-1]


def _extras(trail: Trail, answers: dict[str, Value], ignored: tuple[str, ...]) -> Iterator[bytes]:
    """The members that only some answers bring."""
    warnings = trail.warned(answers)
    if warnings:
        yield b'"warnings":' + orjson.dumps(WARNINGS.dump(map(plain, warnings))) + b","
    if ignored:
        yield b'"ignored":' + orjson.dumps(ignored) + b","


@lru_cache(KEPT)
def _template(trail: Trail) -> list[bytes]:
    """What stands around the answers on the path, the extras and the receipt, in this order."""
    steps = (
        Step(question, tuple((name, MARK) for name in question.inputs), branch)
        for question, branch in trail.taken
    )
    form = SCHEMA.dump(
        Assessment(
            tree=trail.tree,
            path=tuple(steps),
            answers={},
            unanswered=(),
            candidates=(trail.branch.to,),
            reasons=(trail.branch.reason,),
            next_question=None,
            warnings=(),
            ignored=(),
            receipt=MARK,
        )
    )
    last = {name: form.pop(name) for name in ("tree", "receipt")}
    text = orjson.dumps({**form, MARK: MARK, **last}).decode()
    return [
        part.encode() for part in text.replace(f'"{MARK}":"{MARK}",', f'"{MARK}"').split(f'"{MARK}"')
    ]
