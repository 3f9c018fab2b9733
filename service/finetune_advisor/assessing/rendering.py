"""Renders assessments, batch results and explanations as JSON bytes.

All complete profiles on a path share most of their answer. This is rendered once, as a template whose gaps
each profile fills.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from functools import lru_cache
from hashlib import sha256
from typing import Any

import orjson
from msgspec.json import Encoder

from finetune_advisor.engine.analysis.explanation import AnswerOutcome, Change, Explanation
from finetune_advisor.engine.evaluation.compiled import CompiledPath
from finetune_advisor.engine.evaluation.exact import Assessment, Step
from finetune_advisor.engine.model.canonical import sha256_digest, to_plain
from finetune_advisor.engine.model.inputs import Profile, Value
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.schemas.assessments import AssessmentSchema
from finetune_advisor.schemas.trees import WarningSchema

MAX_TEMPLATES = 1024
"""The templates of paths that are cached: about three kilobytes each."""

ASSESSMENT_SCHEMA, WARNINGS_SCHEMA = AssessmentSchema(), WarningSchema(many=True)
ENCODER, SORTING_ENCODER = Encoder(), Encoder(order="sorted")
"""They take less time than orjson, and write the same bytes for results of batches."""
PLACEHOLDER = secrets.token_hex(16)
"""Marks the gaps of a template. It is random, so that no text of a tree can contain it."""


def render_assessment(assessment: Assessment) -> bytes:
    """Render the body of POST /assess for any assessment."""
    return orjson.dumps(ASSESSMENT_SCHEMA.dump(assessment))


def render_path(path: CompiledPath, profile: Profile) -> bytes:
    """Render the body of POST /assess for a complete profile that takes a path.

    The bytes are those of `render_assessment`.
    """
    answers = path.answers(profile)
    beginning, *parts, before_receipt, end = _assessment_template(path)
    names = [name for question, _ in path.taken for name in question.inputs]
    filled = [orjson.dumps(answers[name]) + part for name, part in zip(names, parts, strict=True)]
    extras = _render_extras(path, answers, path.ignored(profile))
    receipt = orjson.dumps(receipt_of(path.tree, answers))
    return b"".join((beginning, *filled, *extras, before_receipt, receipt, end))


def receipt_of(tree: Tree, answers: Profile) -> str:
    """Return the receipt of an assessment: `sha256:` and the hash of the tree's digest and the answers.

    `answers` are those that count, with normalized numbers. Their canonical JSON (RFC 8785) is hashed.
    """
    content = {"answers": answers, "digest": tree.digest}
    # msgspec takes a tenth of the time, and writes canonical JSON of normalized numbers except tiny ones.
    # The search for one character rules these out faster than the one for two.
    text = SORTING_ENCODER.encode(content)
    is_plain = b"-" not in text or b"e-" not in text
    return f"sha256:{sha256(text).hexdigest()}" if is_plain else sha256_digest(content)


def batch_result(assessment: Assessment) -> dict[str, Any]:
    """Return the result of a batch for any assessment, as plain data."""
    recommendation, open_question = assessment.recommendation, assessment.next_question
    members: dict[str, Any] = {"status": "decided" if recommendation else "undecided"}
    if recommendation:
        members |= {"recommendation": recommendation.id, "finetune": recommendation.finetune}
    members["path"] = [question.id for question, _, _ in assessment.path]
    members["candidates"] = assessment.candidates
    if open_question:
        question, input_ = open_question
        members["next_question"] = {"question": question.id, "input": input_.name}
    if assessment.warnings:
        members["warnings"] = [warning.id for warning in assessment.warnings]
    if assessment.ignored:
        members["ignored"] = assessment.ignored
    members["receipt"] = receipt_of(assessment.tree, assessment.answers)
    return members


def render_batch_result(path: CompiledPath, profile: Profile) -> bytes:
    """Render the result of a batch for a complete profile that takes a path.

    The bytes are those that `ENCODER` writes for `batch_result`.
    """
    answers = path.answers(profile)
    warnings = [warning.id for warning in path.active_warnings(answers)]
    ignored = path.ignored(profile)
    extras = b',"warnings":' + orjson.dumps(warnings) if warnings else b""
    if ignored:
        extras += b',"ignored":' + orjson.dumps(ignored)
    receipt = receipt_of(path.tree, answers).encode()
    return b'%b%b,"receipt":"%b"}' % (_batch_result_template(path), extras, receipt)


def render_explanation(explanation: Explanation, assessment: bytes) -> bytes:
    """Render the body of POST /assess/explain around the rendered body of its assessment.

    The bytes are those that ExplanationSchema gives; marshmallow would take longer.
    """
    reason = explanation.sufficient_reason
    members = {
        "assessment": orjson.Fragment(assessment),
        **({} if reason is None else {"sufficient_reason": reason}),
        "counterfactuals": [
            {
                "recommendation": counterfactual.recommendation,
                "changes": [_dump_change(change) for change in counterfactual.changes],
            }
            for counterfactual in explanation.counterfactuals
        ],
        "truncated": explanation.truncated,
        "sensitivity": [
            {"input": name, "outcomes": [_dump_outcome(outcome) for outcome in outcomes]}
            for name, outcomes in explanation.sensitivity.items()
        ],
    }
    return orjson.dumps(members)


def _dump_change(change: Change) -> dict[str, Any]:
    before = {} if change.before is None else {"from": change.before}
    return {"input": change.input, **before, "to": change.after}


def _dump_outcome(outcome: AnswerOutcome) -> dict[str, Any]:
    is_numeric = outcome.minimum is not None
    limits = {"minimum": outcome.minimum, "maximum": outcome.maximum} if is_numeric else {}
    candidates = outcome.candidates
    decided = {"recommendation": candidates[0]} if len(candidates) == 1 else {}
    return {"answer": outcome.answer, **limits, **decided, "candidates": candidates}


def _render_extras(path: CompiledPath, answers: dict[str, Value], ignored: list[str]) -> Iterator[bytes]:
    """Yield the members of an assessment that only some answers on a path add."""
    warnings = path.active_warnings(answers)
    if warnings:
        yield b'"warnings":' + orjson.dumps(WARNINGS_SCHEMA.dump(map(to_plain, warnings))) + b","
    if ignored:
        yield b'"ignored":' + orjson.dumps(ignored) + b","


@lru_cache(MAX_TEMPLATES)
def _batch_result_template(path: CompiledPath) -> bytes:
    """Return the beginning that all batch results on a path share, an object without its closing brace."""
    recommendation = path.recommendation
    members = {
        "status": "decided",
        "recommendation": recommendation.id,
        "finetune": recommendation.finetune,
        "path": [question.id for question, _ in path.taken],
        "candidates": [recommendation.id],
    }
    return orjson.dumps(members).removesuffix(b"}")


def clear_templates() -> None:
    """Free the templates, and with them the trees that they belong to."""
    _batch_result_template.cache_clear()
    _assessment_template.cache_clear()


@lru_cache(MAX_TEMPLATES)
def _assessment_template(path: CompiledPath) -> list[bytes]:
    """Return the parts of an assessment around its gaps: the answers on the path, the extras, the receipt."""
    steps = (
        Step(question, tuple((name, PLACEHOLDER) for name in question.inputs), branch)
        for question, branch in path.taken
    )
    # The template goes through the same schema as any assessment, so that both have the same bytes.
    members = ASSESSMENT_SCHEMA.dump(
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
    tree, gap = members.pop("tree"), f'"{PLACEHOLDER}"'.encode()
    del members["receipt"]
    # The extras come between the other members and the tree. Their gap is a whole member.
    text = orjson.dumps({**members, PLACEHOLDER: PLACEHOLDER, "tree": tree, "receipt": PLACEHOLDER})
    return text.replace(b"%b:%b," % (gap, gap), gap).split(gap)
