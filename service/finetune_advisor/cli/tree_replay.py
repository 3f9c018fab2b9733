"""`tree replay`: replay logged decisions with another tree."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from finetune_advisor.assessing.decision_replay import LogReplay
from finetune_advisor.cli.errors import report_errors
from finetune_advisor.cli.output import print_json, print_note, print_utf8
from finetune_advisor.cli.tree_selection import find_tree, load_served_catalog
from finetune_advisor.engine.analysis.replay_report import ReplayReport
from finetune_advisor.formats.replay_markdown import render_replay_markdown
from finetune_advisor.formats.replay_text import render_replay_text
from finetune_advisor.schemas.replays import ReplaySchema


@click.command()
@click.argument(
    "files",
    metavar="FILE...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
)
@click.option(
    "--tree",
    "candidate",
    metavar="CANDIDATE",
    required=True,
    help="Served version or document of the tree to replay the decisions with.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print the report as Markdown.")
@click.option(
    "--witnesses",
    "max_witnesses",
    metavar="NUMBER",
    type=click.IntRange(min=0),
    default=3,
    help="Decisions to show for each pair of outcomes, with their answers. Default: 3.",
)
@click.option(
    "--fail-on-move",
    "allowed_percentage",
    metavar="PERCENT",
    type=click.FloatRange(0, 100),
    help="Exit with 1 if more decisions than this move, or if there are none.",
)
@click.option(
    "--count-depends",
    is_flag=True,
    help="With --fail-on-move: count decisions that depend on further inputs as moved.",
)
@click.option(
    "--ignore-unreadable", is_flag=True, help="Exit with 0 even if some lines can't be judged."
)
def replay(  # noqa: PLR0913  # one for each option
    files: Sequence[str],
    candidate: str,
    max_witnesses: int,
    allowed_percentage: float | None,
    *,
    as_json: bool,
    as_markdown: bool,
    count_depends: bool,
    ignore_unreadable: bool,
) -> None:
    """Replay logged decisions with another tree.

    FILE is a decision log of this service, JSON Lines with answers and a recommendation, or Parquet
    (.parquet). Lines may be compressed (.gz). - is standard input.

    Says for each decision, exactly, whether it stays the same, moves, or depends on inputs that the log
    lacks. A line that can't be judged is counted with its reason, and the exit code is then 1.
    """
    if as_json and as_markdown:
        raise click.UsageError("--json and --markdown contradict each other; give one")
    if count_depends and allowed_percentage is None:
        raise click.UsageError("--count-depends needs --fail-on-move")
    with report_errors():
        log_replay = LogReplay(load_served_catalog(), find_tree(candidate), max_witnesses)
        for file in files:
            with click.open_file(file, "rb") as opened:
                log_replay.replay(opened, file)
    report = log_replay.report
    if as_json:
        print_json(ReplaySchema().dump(report))
    elif as_markdown:
        print_utf8(render_replay_markdown(report))
    else:
        click.echo(render_replay_text(report))
    if report.other_lines and not report.decisions:
        print_note(
            "No line is a decision. If a collector put its own JSON around each line, take it off first."
        )
    failure = _find_failure(report, allowed_percentage, count_depends=count_depends)
    print_note(failure)
    if failure or (report.unreadable_count and not ignore_unreadable):
        sys.exit(1)


def _find_failure(report: ReplayReport, allowed_percentage: float | None, *, count_depends: bool) -> str:
    """Say why the replay fails its limit; empty if it doesn't, or if there is none."""
    if allowed_percentage is None:
        return ""
    if not report.decisions:
        return "--fail-on-move: the files have no decision that can be judged"
    moved = report.moved_percentage(count_depends=count_depends)
    if moved <= allowed_percentage:
        return ""
    verb = "move or depend on further inputs" if count_depends else "move"
    return f"--fail-on-move: {moved:.4g} % of the decisions {verb}, and {allowed_percentage:g} % may"
