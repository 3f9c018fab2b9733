"""An explanation as text for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from finetune_advisor.formats import text
from finetune_advisor.formats.numbers import counted

MAX_NAMED_CANDIDATES = 3
"""Candidates of an outcome that are named; more are counted."""
NONE_LEADS_ELSEWHERE = "No change of these answers leads to another recommendation."


def render(explanation: Mapping[str, Any], advice: str = "") -> str:
    """The answer of /assess/explain as text. `explanation` is its JSON object; advice follows the title."""
    assessment = explanation["assessment"]
    blocks = [text.title(assessment), text.wrap(advice), *text.path(assessment)]
    if reason := explanation.get("sufficient_reason"):
        blocks.append(text.listed("These answers alone force it", reason))
    blocks.extend(_changes(explanation))
    if explanation["sensitivity"]:
        effects = [_effects(one) for one in explanation["sensitivity"]]
        blocks.append(text.listed("What another answer to one input alone leads to", effects))
    blocks.append(text.footer(assessment))
    return "\n\n".join(filter(None, blocks))


def _changes(explanation: Mapping[str, Any]) -> Iterator[str]:
    found = explanation["counterfactuals"]
    heading = "Smallest changes that lead elsewhere, nearest first"
    if found:
        yield text.listed(heading, [_counterfactual(one) for one in found])
    if explanation["truncated"]:
        yield f"{counted(len(found), 'change')} listed; there may be more."
    elif not found:
        yield NONE_LEADS_ELSEWHERE


def _counterfactual(one: Mapping[str, Any]) -> str:
    return f"{one['recommendation']}: {'; '.join(map(_change, one['changes']))}"


def _change(change: Mapping[str, Any]) -> str:
    before = text.answer(change["from"]) if "from" in change else "unknown"
    return f"{change['input']} {before} -> {text.answer(change['to'])}"


def _effects(one: Mapping[str, Any]) -> str:
    return f"{one['input']}: {'; '.join(map(_effect, one['outcomes'])) or 'nothing else'}"


def _effect(outcome: Mapping[str, Any]) -> str:
    return f"{_range(outcome)} -> {_any_of(outcome['candidates'])}"


def _range(outcome: Mapping[str, Any]) -> str:
    if "minimum" not in outcome or outcome["minimum"] == outcome["maximum"]:
        return text.answer(outcome["answer"])
    return f"{text.answer(outcome['minimum'])} to {text.answer(outcome['maximum'])}"


def _any_of(candidates: Sequence[str]) -> str:
    if len(candidates) > MAX_NAMED_CANDIDATES:
        return f"one of {len(candidates)} recommendations"
    return " or ".join(candidates)
