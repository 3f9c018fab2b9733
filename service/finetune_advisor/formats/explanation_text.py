"""An explanation as text for people."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.formats import assessment_text
from finetune_advisor.formats.numbers import format_count

MAX_NAMED_CANDIDATES = 3
"""Candidates of an outcome that are named; more are counted."""


def render_explanation_text(
    explanation: Mapping[str, Any],
    tree: Tree,
    advice: str = "",
    *,
    target: str | None = None,
    frozen: Collection[str] = (),
) -> str:
    """The answer of /assess/explain as text. `explanation` is its JSON object; advice follows the title.

    The tree, `target` and `frozen` are those that the request asked with.
    """
    assessment = explanation["assessment"]
    blocks = [
        assessment_text.format_title(assessment),
        assessment_text.wrap_paragraph(advice),
        *assessment_text.format_path(assessment),
    ]
    if reason := explanation.get("sufficient_reason"):
        blocks.append(assessment_text.format_list("These answers alone force it", reason))
    blocks.extend(_changes(explanation, _why_none(assessment, tree, target, frozen)))
    if explanation["sensitivity"]:
        effects = [_effects(one) for one in explanation["sensitivity"]]
        blocks.append(
            assessment_text.format_list("What another answer to one input alone leads to", effects)
        )
    blocks.append(assessment_text.format_footer(assessment))
    return "\n\n".join(filter(None, blocks))


def _why_none(
    assessment: Mapping[str, Any], tree: Tree, target: str | None, frozen: Collection[str]
) -> str:
    """What to say if no change was found: it holds for the changes that were asked for alone."""
    if target is not None and target not in tree.recommendations:
        return f"Tree {tree.version} has no recommendation {target}, so no change leads there."
    if target is not None and target == assessment.get("recommendation", {}).get("id"):
        return f"These answers lead to {target} already."
    wanted = "another recommendation" if target is None else target
    kept = " without changing the frozen inputs" if frozen else ""
    return f"No change of these answers leads to {wanted}{kept}."


def _changes(explanation: Mapping[str, Any], why_none: str) -> Iterator[str]:
    found = explanation["counterfactuals"]
    heading = "Smallest changes that lead elsewhere, nearest first"
    if found:
        yield assessment_text.format_list(heading, [_counterfactual(one) for one in found])
    if explanation["truncated"]:
        yield f"{format_count(len(found), 'change')} listed; there may be more."
    elif not found:
        yield assessment_text.wrap_paragraph(why_none)


def _counterfactual(one: Mapping[str, Any]) -> str:
    return f"{one['recommendation']}: {'; '.join(map(_change, one['changes']))}"


def _change(change: Mapping[str, Any]) -> str:
    before = assessment_text.format_answer(change["from"]) if "from" in change else "unknown"
    return f"{change['input']} {before} -> {assessment_text.format_answer(change['to'])}"


def _effects(one: Mapping[str, Any]) -> str:
    return f"{one['input']}: {'; '.join(map(_effect, one['outcomes'])) or 'nothing else'}"


def _effect(outcome: Mapping[str, Any]) -> str:
    return f"{_range(outcome)} -> {_any_of(outcome['candidates'])}"


def _range(outcome: Mapping[str, Any]) -> str:
    if "minimum" not in outcome or outcome["minimum"] == outcome["maximum"]:
        return assessment_text.format_answer(outcome["answer"])
    low, high = (assessment_text.format_answer(outcome[end]) for end in ("minimum", "maximum"))
    return f"{low} to {high}"


def _any_of(candidates: Sequence[str]) -> str:
    if len(candidates) > MAX_NAMED_CANDIDATES:
        return f"one of {len(candidates)} recommendations"
    return " or ".join(candidates)
