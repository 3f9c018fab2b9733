"""What a replay found, in words that its text and its Markdown share."""

from __future__ import annotations

from collections.abc import Iterator

from finetune_advisor.engine.analysis.replay import VerdictKind
from finetune_advisor.engine.analysis.replay_report import (
    DecisionGroup,
    DecisionWitness,
    ReplayReport,
    UnreadableGroup,
)
from finetune_advisor.formats.numbers import group_digits
from finetune_advisor.formats.plain_text import one_line

MAX_LISTED = 4
"""The candidates that are listed by name; the JSON lists all."""

NO_ANSWERS = "no answers that the candidate asks for"

LABELS: dict[VerdictKind, str] = {
    "same": "same",
    "moved": "moved",
    "depends": "depends on inputs that the log lacks",
}


def describe_report(report: ReplayReport) -> str:
    """Say how many decisions were replayed with which tree, and what was left out."""
    return " ".join(_sentences(report))


def _sentences(report: ReplayReport) -> Iterator[str]:
    yield f"{_count(report.decisions, 'decision')}, replayed with tree {report.tree.version}."
    if report.unreadable_count:
        yield f"Not judged: {_count(report.unreadable_count, 'line')}."
    if report.other_lines:
        yield f"Not about decisions: {_count(report.other_lines, 'line')}."


def _count(count: int, noun: str) -> str:
    return f"{group_digits(count)} {noun if count == 1 else f'{noun}s'}"


def describe_share(report: ReplayReport, count: int) -> str:
    """The share that some decisions have of all: `3.0%`."""
    return f"{count / report.decisions:.1%}"


def describe_pair(report: ReplayReport, group: DecisionGroup) -> str:
    """The outcomes of a group before and after: `use_rag -> one of use_api, use_base_model`."""
    family = " (same family)" if report.stays_in_family(group) else ""
    return f"{describe_outcome(group.past)} -> {describe_outcome(group.verdict.candidates)}{family}"


def describe_outcome(candidates: tuple[str, ...]) -> str:
    """The recommendation of a decision, or the first of those that it leaves possible."""
    if len(candidates) == 1:
        return candidates[0]
    if len(candidates) <= MAX_LISTED:
        return f"one of {', '.join(candidates)}"
    # A past decision without any answer leaves nearly all recommendations possible.
    return f"one of {len(candidates)}: {', '.join(candidates[:MAX_LISTED])}, …"


def describe_place(witness: DecisionWitness) -> str:
    """Where a decision stands in the logs, and its receipt if it has one."""
    place = f"{one_line(witness.location.file)}:{witness.location.line}"
    return f"{place} {witness.receipt}" if witness.receipt else place


def describe_places(group: UnreadableGroup) -> str:
    """Where the first lines of a group are."""
    places = ", ".join(f"{location.file}:{location.line}" for location in group.locations)
    return f"{places}, …" if group.count > len(group.locations) else places
