"""What a replay found, as text for people."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import indent

from finetune_advisor.engine.analysis.replay_report import DecisionGroup, ReplayReport
from finetune_advisor.formats import replay_words
from finetune_advisor.formats.numbers import group_digits
from finetune_advisor.formats.profile_text import render_profile


def render_replay_text(report: ReplayReport) -> str:
    """Render the counts of a replay, its pairs of outcomes with witnesses, and what wasn't judged."""
    sections = {
        "Moved": [_describe_group(report, group) for group in report.groups("moved")],
        "Inputs that decisions depend on": [
            f"{name}: {group_digits(count)}" for name, count in report.decisions_by_input.items()
        ],
        "Depends on inputs": [_describe_group(report, group) for group in report.groups("depends")],
        "Not judged": [
            f"{group.reason}: {group_digits(group.count)} ({replay_words.describe_places(group)})"
            for group in report.unreadable
        ],
    }
    blocks = [replay_words.describe_report(report)]
    if report.decisions:
        blocks.append("\n".join(_counts(report)))
    for title, entries in sections.items():
        if entries:
            blocks.append("\n".join([f"{title}:", *(indent(entry, "  ") for entry in entries)]))
    return "\n\n".join(blocks)


def _counts(report: ReplayReport) -> Iterator[str]:
    counts = {kind: report.count(kind) for kind in replay_words.LABELS}
    width = max(len(group_digits(count)) for count in counts.values())
    for kind, count in counts.items():
        share = replay_words.describe_share(report, count)
        yield f"  {group_digits(count):>{width}}  {share:>6}  {replay_words.LABELS[kind]}"


def _describe_group(report: ReplayReport, group: DecisionGroup) -> str:
    """Describe a pair of outcomes in a line, with its witnesses below."""
    depends_on = group.verdict.depends_on
    inputs = f", depending on {', '.join(depends_on)}" if depends_on else ""
    pair = replay_words.describe_pair(report, group)
    lines = [f"{pair}{inputs}: {group_digits(group.count)}"]
    for witness in group.witnesses:
        lines.append(f"  {replay_words.describe_place(witness)}")
        answers = render_profile(witness.answers) or f"({replay_words.NO_ANSWERS})"
        lines.append(indent(answers, "    "))
    return "\n".join(lines)
