"""Rendering: assessments, batch results and explanations as JSON bytes.

What all profiles on a path have in common is rendered once, into a template that their answers fill in.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from functools import lru_cache
from hashlib import sha256
from typing import Any

import orjson

from finetune_advisor.engine.analysis.explanation import AnswerOutcome, Change, Explanation
from finetune_advisor.engine.evaluation.compiled import CompiledPath
from finetune_advisor.engine.evaluation.exact import Assessment, Step
from finetune_advisor.engine.model.canonical import sha256_digest, to_plain
from finetune_advisor.engine.model.inputs import Profile, Value
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.schemas.assessments import AssessmentSchema
from finetune_advisor.schemas.trees import WarningSchema

MAX_TEMPLATES = 1024
"""Templates of paths that are kept: some three kilobytes each."""

ASSESSMENT_SCHEMA, WARNINGS_SCHEMA = AssessmentSchema(), WarningSchema(many=True)
PLACEHOLDER = secrets.token_hex(16)
"""Stands for what answers add to a template; no text of a tree can hold it, as no author knows it."""


def render_assessment(assessment: Assessment) -> bytes:
    """The body of POST /assess for any assessment."""
    return orjson.dumps(ASSESSMENT_SCHEMA.dump(assessment))


def render_path(path: CompiledPath, profile: Profile) -> bytes:
    """What `render_assessment` gives for a profile that takes a path, byte for byte."""
    answers = path.answers(profile)
    first, *parts = _assessment_template(path)
    names = [name for question, _ in path.taken for name in question.inputs]
    filled = [orjson.dumps(answers[name]) + part for name, part in zip(names, parts[:-2], strict=True)]
    extras = _extras(path, answers, path.ignored(profile))
    receipt = receipt_of(path.tree, answers)
    return b"".join((first, *filled, *extras, parts[-2], orjson.dumps(receipt), parts[-1]))


def receipt_of(tree: Tree, answers: Profile) -> str:
    """The receipt of an assessment with these answers, in their normal form.

    orjson writes canonical JSON (RFC 8785) in a quarter of the time, but for the exponents of tiny numbers.
    """
    form = {"answers": answers, "digest": tree.digest}
    text = orjson.dumps(form, option=orjson.OPT_SORT_KEYS)
    return sha256_digest(form) if b"e-" in text else f"sha256:{sha256(text).hexdigest()}"


def batch_result(assessment: Assessment) -> dict[str, Any]:
    """The result of a batch for any assessment, as plain data."""
    recommendation, open_question = assessment.recommendation, assessment.next_question
    form: dict[str, Any] = {
        "status": assessment.status,
        "recommendation": recommendation.id if recommendation else None,
        "finetune": recommendation.finetune if recommendation else None,
        "path": [step.question.id for step in assessment.path],
        "candidates": assessment.candidates,
        "next_question": open_question
        and {"question": open_question.question.id, "input": open_question.input.name},
        "warnings": [warning.id for warning in assessment.warnings] or None,
        "ignored": assessment.ignored or None,
        "receipt": receipt_of(assessment.tree, assessment.answers),
    }
    return {name: value for name, value in form.items() if value is not None}


def render_batch_result(path: CompiledPath, profile: Profile) -> bytes:
    """What orjson makes of `batch_result` for a profile that takes a path, byte for byte."""
    answers = path.answers(profile)
    warnings, ignored = [one.id for one in path.active_warnings(answers)], path.ignored(profile)
    extras = b',"warnings":' + orjson.dumps(warnings) if warnings else b""
    if ignored:
        extras += b',"ignored":' + orjson.dumps(ignored)
    return b'%b%b,"receipt":"%b"}' % (
        _result_template(path),
        extras,
        receipt_of(path.tree, answers).encode(),
    )


def render_explanation(explanation: Explanation, assessment: bytes) -> bytes:
    """The body of POST /assess/explain around that of its assessment: what its schema gives, sooner."""
    reason = explanation.sufficient_reason
    form = {
        "assessment": orjson.Fragment(assessment),
        **({} if reason is None else {"sufficient_reason": reason}),
        "counterfactuals": [
            {
                "recommendation": one.recommendation,
                "changes": [_change(change) for change in one.changes],
            }
            for one in explanation.counterfactuals
        ],
        "truncated": explanation.truncated,
        "sensitivity": [
            {"input": name, "outcomes": [_outcome(one) for one in outcomes]}
            for name, outcomes in explanation.sensitivity.items()
        ],
    }
    return orjson.dumps(form)


def _change(change: Change) -> dict[str, Any]:
    before = {} if change.before is None else {"from": change.before}
    return {"input": change.input, **before, "to": change.after}


def _outcome(outcome: AnswerOutcome) -> dict[str, Any]:
    numeric = outcome.minimum is not None
    limits = {"minimum": outcome.minimum, "maximum": outcome.maximum} if numeric else {}
    ends = outcome.candidates
    end = {"recommendation": ends[0]} if len(ends) == 1 else {}
    return {"answer": outcome.answer, **limits, **end, "candidates": ends}


def _extras(path: CompiledPath, answers: dict[str, Value], ignored: list[str]) -> Iterator[bytes]:
    """The members that only some answers bring."""
    warnings = path.active_warnings(answers)
    if warnings:
        yield b'"warnings":' + orjson.dumps(WARNINGS_SCHEMA.dump(map(to_plain, warnings))) + b","
    if ignored:
        yield b'"ignored":' + orjson.dumps(ignored) + b","


@lru_cache(MAX_TEMPLATES)
def _result_template(path: CompiledPath) -> bytes:
    """What all batch results on a path begin with."""
    recommendation = path.recommendation
    form = {
        "status": "decided",
        "recommendation": recommendation.id,
        "finetune": recommendation.finetune,
        "path": [question.id for question, _ in path.taken],
        "candidates": [recommendation.id],
    }
    return orjson.dumps(form)[:-1]


@lru_cache(MAX_TEMPLATES)
def _assessment_template(path: CompiledPath) -> list[bytes]:
    """What stands around the answers on the path, the extras and the receipt, in this order."""
    steps = (
        Step(question, tuple((name, PLACEHOLDER) for name in question.inputs), branch)
        for question, branch in path.taken
    )
    form = ASSESSMENT_SCHEMA.dump(
        Assessment(
            tree=path.tree,
            path=tuple(steps),
            answers={},
            unanswered=(),
            candidates=(path.last_branch.to,),
            reasons=(path.last_branch.reason,),
            next_question=None,
            warnings=(),
            ignored=(),
        )
    )
    tree, mark = form.pop("tree"), f'"{PLACEHOLDER}"'
    del form["receipt"]
    text = orjson.dumps(
        {**form, PLACEHOLDER: PLACEHOLDER, "tree": tree, "receipt": PLACEHOLDER}
    ).decode()
    return [part.encode() for part in text.replace(f"{mark}:{mark},", mark).split(mark)]
