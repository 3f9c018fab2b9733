"""What a replay found, as Markdown for a pull request or the summary of a job."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from finetune_advisor.engine.analysis.replay import VerdictKind
from finetune_advisor.engine.analysis.replay_report import DecisionGroup, ReplayReport
from finetune_advisor.formats import replay_words
from finetune_advisor.formats.numbers import group_digits
from finetune_advisor.formats.plain_text import one_line
from finetune_advisor.formats.profile_text import render_profile

Row = Sequence[str]


def render_replay_markdown(report: ReplayReport) -> str:
    """Render the counts of a replay, its pairs of outcomes with witnesses, and what wasn't judged."""
    blocks = [f"# Replay with tree {report.tree.version}", replay_words.describe_report(report)]
    if report.decisions:
        rows = [
            (label, *_format_count(report, report.count(kind)))
            for kind, label in replay_words.LABELS.items()
        ]
        blocks.append(_render_table(("verdict", "decisions", "share"), rows))
    blocks += _render_groups(report, "Moved", "moved")
    if inputs := report.decisions_by_input:
        rows = [(_format_code(name), *_format_count(report, count)) for name, count in inputs.items()]
        blocks += [
            "## Inputs that decisions depend on",
            _render_table(("input", "decisions", "share"), rows),
        ]
    blocks += _render_groups(report, "Depends on inputs", "depends")
    if report.unreadable:
        unreadable = [
            (
                _escape(group.reason),
                group_digits(group.count),
                _format_code(replay_words.describe_places(group)),
            )
            for group in report.unreadable
        ]
        blocks += ["## Not judged", _render_table(("reason", "lines", "where"), unreadable)]
    return "\n\n".join(blocks) + "\n"


def _render_groups(report: ReplayReport, title: str, kind: VerdictKind) -> Iterator[str]:
    """Yield the table of the groups with a kind of verdict, and their witnesses."""
    groups = report.groups(kind)
    if not groups:
        return
    yield f"## {title}"
    columns = ("from", "to", "depends on", "decisions", "share")
    yield _render_table(columns, [_group_row(report, group) for group in groups])
    witnesses = [line for group in groups for line in _render_witnesses(report, group)]
    if witnesses:
        yield "\n".join(witnesses)


def _group_row(report: ReplayReport, group: DecisionGroup) -> Row:
    family = " (same family)" if report.stays_in_family(group) else ""
    return (
        _format_code(replay_words.describe_outcome(group.past)),
        _format_code(replay_words.describe_outcome(group.verdict.candidates)) + family,
        ", ".join(map(_format_code, group.verdict.depends_on)),
        *_format_count(report, group.count),
    )


def _render_witnesses(report: ReplayReport, group: DecisionGroup) -> Iterator[str]:
    """Yield the witnesses of a group as items of a list, below its pair of outcomes."""
    if group.witnesses:
        yield f"- {_format_code(replay_words.describe_pair(report, group))}, for example"
    for witness in group.witnesses:
        answers = _format_code(render_profile(witness.answers).replace("\n", ", "))
        place = _format_code(replay_words.describe_place(witness))
        yield f"  - {place}: {answers or replay_words.NO_ANSWERS}"


def _format_count(report: ReplayReport, count: int) -> Row:
    return group_digits(count), replay_words.describe_share(report, count)


def _render_table(columns: Row, rows: Sequence[Row]) -> str:
    rules = ["---:" if column in {"decisions", "share", "lines"} else "---" for column in columns]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (columns, rules, *rows))


def _format_code(text: str) -> str:
    """A text as code. Paths of files may have any character, even those that end code or a cell."""
    return f"`{_escape(text)}`" if text else ""


def _escape(text: str) -> str:
    return one_line(text).replace("`", "'").replace("|", "\\|")
