"""An explanation as text for people."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.formats import assessment_text
from finetune_advisor.formats.numbers import format_count

# Longer lists would hide the answers that they stand behind.
MAX_NAMED_CANDIDATES = 3
"""The number of candidates up to which an outcome names them; larger numbers are only counted."""


def render_explanation_text(
    explanation: Mapping[str, Any],
    tree: Tree,
    advice: str = "",
    *,
    target: str | None = None,
    frozen: Collection[str] = (),
) -> str:
    """Render an answer of POST /assess/explain, given as its JSON object, as text.

    `advice` is a paragraph that follows the title. `tree`, `target` and `frozen` are those of the request.
    """
    assessment = explanation["assessment"]
    blocks = [
        assessment_text.format_title(assessment),
        assessment_text.wrap_paragraph(advice),
        *assessment_text.format_path(assessment),
    ]
    if reason := explanation.get("sufficient_reason"):
        blocks.append(assessment_text.format_list("These answers alone lead to this outcome", reason))
    blocks.extend(_changes(explanation, _why_no_change(assessment, tree, target, frozen)))
    if explanation["sensitivity"]:
        effects = [_effects(sensitivity) for sensitivity in explanation["sensitivity"]]
        blocks.append(assessment_text.format_list("Outcomes of another answer to one input", effects))
    blocks.append(assessment_text.format_footer(assessment))
    return assessment_text.join_blocks(*blocks)


def _why_no_change(
    assessment: Mapping[str, Any], tree: Tree, target: str | None, frozen: Collection[str]
) -> str:
    """Say why there is no change, given the target and the frozen inputs of the request."""
    if target is not None and target not in tree.recommendations:
        return f"Tree {tree.version} has no recommendation {target}, so no change leads there."
    if target is not None and target == assessment.get("recommendation", {}).get("id"):
        return f"These answers lead to {target} already."
    wanted = "another recommendation" if target is None else target
    limits = " without changing the frozen inputs" if frozen else ""
    return f"No change of these answers leads to {wanted}{limits}."


def _changes(explanation: Mapping[str, Any], why_no_change: str) -> Iterator[str]:
    counterfactuals = explanation["counterfactuals"]
    heading = "Smallest changes that lead to another outcome, nearest first"
    if counterfactuals:
        yield assessment_text.format_list(heading, list(map(_counterfactual, counterfactuals)))
    # A truncated search that found nothing proves nothing.
    if explanation["truncated"]:
        yield f"{format_count(len(counterfactuals), 'change')} listed; there may be more."
    elif not counterfactuals:
        yield assessment_text.wrap_paragraph(why_no_change)


def _counterfactual(counterfactual: Mapping[str, Any]) -> str:
    changes = "; ".join(map(_change, counterfactual["changes"]))
    return f"{counterfactual['recommendation']}: {changes}"


def _change(change: Mapping[str, Any]) -> str:
    before = assessment_text.format_answer(change["from"]) if "from" in change else "unknown"
    return f"{change['input']} {before} -> {assessment_text.format_answer(change['to'])}"


def _effects(sensitivity: Mapping[str, Any]) -> str:
    effects = "; ".join(map(_effect, sensitivity["outcomes"])) or "nothing else"
    return f"{sensitivity['input']}: {effects}"


def _effect(outcome: Mapping[str, Any]) -> str:
    return f"{_range(outcome)} -> {_any_of(outcome['candidates'])}"


def _range(outcome: Mapping[str, Any]) -> str:
    # Only outcomes of numeric inputs have a range of answers.
    if "minimum" not in outcome or outcome["minimum"] == outcome["maximum"]:
        return assessment_text.format_answer(outcome["answer"])
    low, high = (assessment_text.format_answer(outcome[end]) for end in ("minimum", "maximum"))
    return f"{low} to {high}"


def _any_of(candidates: Sequence[str]) -> str:
    if len(candidates) > MAX_NAMED_CANDIDATES:
        return f"one of {len(candidates)} recommendations"
    return " or ".join(candidates)
