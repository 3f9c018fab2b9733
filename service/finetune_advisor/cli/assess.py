"""`assess`: assess a profile, or a file of them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import IO

import click

from finetune_advisor.api.schemas.assessments import AssessmentSchema
from finetune_advisor.batch_files import BatchFile, replacing
from finetune_advisor.catalog import Catalog
from finetune_advisor.cli.errors import report_errors
from finetune_advisor.cli.output import print_json
from finetune_advisor.cli.profiles import read_profile
from finetune_advisor.cli.trees import served_catalog
from finetune_advisor.engine.evaluation import evaluate
from finetune_advisor.engine.tree import Tree
from finetune_advisor.formats import text
from finetune_advisor.lifecycle import standing

SHOWN_STEPS = 200
"""How often a progress bar is drawn anew, at most."""


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--tree-version", help="The tree version to ask; left out, the default one.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer of POST /assess.")
@click.option("--batch", is_flag=True, help="FILE has a profile a line; print a result for each.")
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["jsonl", "csv"]),
    help="With --batch: the format of FILE, if its name doesn't tell it.",
)
@click.option(
    "--id-column",
    metavar="NAME",
    help="With --batch: the column, or the member of each JSON object, to pass through as the result's id.",
)
@click.option(
    "--defaults",
    type=click.File("rb"),
    help="With --batch: the answers, in JSON or YAML, of each profile that doesn't say.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="With --batch: write the results there, in place of what is there, once they are complete.",
)
def assess(  # noqa: PLR0913, PLR0917  # one for each option
    file: str,
    tree_version: str | None,
    file_format: str | None,
    id_column: str | None,
    defaults: IO[bytes] | None,
    output: Path | None,
    *,
    as_json: bool,
    batch: bool,
) -> None:
    """Assess the profile in FILE, JSON or YAML; - reads standard input.

    With --batch, FILE has many: JSON Lines (.jsonl, .ndjson or -), or CSV (.csv) with a header of input
    names, in which an empty cell is unknown. Each line that isn't blank gets a result as POST /assess/batch
    gives it, in order and as JSON Lines. An invalid line gets an error with its line number, and makes the
    exit code 1.
    """
    if not batch and any((file_format, id_column, defaults, output)):
        raise click.UsageError("--format, --id-column, --defaults and --output go with --batch")
    if as_json and batch:
        raise click.UsageError("--json goes without --batch, whose results are JSON anyway")
    with report_errors():
        served = served_catalog()
        asked = served.pick(tree_version)
        if batch:
            shared = read_profile(defaults, served) if defaults else {}
            run = BatchFile(served, asked, shared, id_column)
            with replacing(output) if output else click.open_file("-", "wb") as out:
                _assess_lines(file, file_format, run, out)
            empty = "the input is empty, or has nothing below a header"
            click.echo(run if run.profiles else f"{file}: {empty}; {run}", err=True)
        else:
            _assess_one(file, served, asked, as_json=as_json)
    if asked.status == "deprecated" and not as_json:
        click.echo(f"\nTree {asked.version} is {standing(asked)}", err=batch)
    if batch and run.invalid:
        sys.exit(1)


def _assess_one(file: str, served: Catalog, asked: Tree, *, as_json: bool) -> None:
    with click.open_file(file, "rb") as opened:
        answer = AssessmentSchema().dump(evaluate(asked, read_profile(opened, served)))
    if as_json:
        print_json(answer)
    else:
        click.echo(text.render(answer))


def _assess_lines(file: str, file_format: str | None, run: BatchFile, output: IO[bytes]) -> None:
    """Write the result of each line, with a progress bar for whoever watches."""
    size = 0 if file == "-" else Path(file).stat().st_size
    hidden = not size or not sys.stderr.isatty()
    bar = click.progressbar(
        length=size, file=sys.stderr, hidden=hidden, update_min_steps=1 + size // SHOWN_STEPS
    )
    with click.open_file(file, "rb") as opened, bar:
        for result, read in run.results(opened, file, file_format):
            output.write(result + b"\n")
            bar.update(read)
        bar.update(max(0, size - bar.pos))  # blank lines at the end
