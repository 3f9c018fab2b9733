"""`assess`: assess a profile, or a file of profiles."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import IO

import click

from finetune_advisor.assessing.advisor import Advisor
from finetune_advisor.assessing.file_formats import FILE_FORMATS, find_format, find_output_format
from finetune_advisor.cli.assess_batch import (
    BatchOptions,
    assess_batch,
    require_inputs_kept,
    require_one_reader,
)
from finetune_advisor.cli.errors import report_errors
from finetune_advisor.cli.output import print_json, print_note
from finetune_advisor.cli.profile_files import read_profile
from finetune_advisor.cli.tree_selection import add_tree_options, advise_version, choose_tree
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.formats import assessment_text
from finetune_advisor.schemas.assessments import AssessmentSchema
from finetune_advisor.trees.catalog import Catalog
from finetune_advisor.trees.lifecycle import describe_status


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@add_tree_options
@click.option("--json", "as_json", is_flag=True, help="Print the answer of POST /assess, as JSON.")
@click.option("--batch", is_flag=True, help="Read a profile from each line of FILE.")
@click.option(
    "--format",
    "file_format",
    type=click.Choice(FILE_FORMATS),
    help="With --batch: format of FILE. Default: by the ending of its name.",
)
@click.option(
    "--id-column",
    metavar="NAME",
    help="With --batch: column, or key of each JSON object, to copy into the result as its id.",
)
@click.option(
    "--pass-through",
    is_flag=True,
    help="With --batch: copy columns that aren't inputs into the results, instead of refusing them.",
)
@click.option(
    "--defaults",
    type=click.File("rb"),
    help="With --batch: file in JSON or YAML with answers for the profiles that lack them.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="With --batch: file to write the results to. It is replaced once they are complete.",
)
@click.option(
    "--output-format",
    type=click.Choice(FILE_FORMATS),
    help="With --batch: format of the results. Default: by the ending of --output, or jsonl.",
)
def assess(  # noqa: PLR0913, PLR0917  # one for each option
    file: str,
    tree_version: str | None,
    document: Path | None,
    file_format: str | None,
    id_column: str | None,
    defaults: IO[bytes] | None,
    output: Path | None,
    output_format: str | None,
    *,
    pass_through: bool,
    as_json: bool,
    batch: bool,
) -> None:
    """Assess a profile, or with --batch a file of profiles.

    FILE is a profile in JSON or YAML. - is standard input.

    With --batch, each line or row of FILE is a profile: JSON Lines (.jsonl, .ndjson or -), CSV (.csv) with a
    header of input names, Parquet (.parquet) or Arrow IPC (.arrow, .arrows, .feather) with a column for each
    input. An empty cell of a CSV and a null are unknown. Blank lines are skipped. The results are those of
    POST /assess/batch, in the same order, as JSON Lines, CSV, Parquet or Arrow. An invalid profile gets an
    error, and the exit code is then 1.
    """
    if not batch and any((file_format, id_column, pass_through, defaults, output, output_format)):
        raise click.UsageError(
            "--format, --id-column, --pass-through, --defaults, --output and --output-format need --batch"
        )
    if as_json and batch:
        raise click.UsageError("--json contradicts --batch; its results have an --output-format")
    require_one_reader(file, defaults)
    if output:
        require_inputs_kept(output, file, defaults)
    invalid = 0
    with report_errors():
        catalog, tree = choose_tree(tree_version, document)
        if batch:
            options = BatchOptions(
                file=file,
                file_format=file_format or find_format(file),
                id_column=id_column,
                pass_through=pass_through,
                defaults=read_profile(defaults, catalog) if defaults else {},
                output=output,
                output_format=output_format or find_output_format(output),
            )
            invalid = assess_batch(catalog, tree, options)
        else:
            _assess_profile(file, catalog, tree, as_json=as_json)
    if tree.status == "deprecated" and not as_json:
        # The standard output of a batch has results alone.
        click.echo(f"\nTree {tree.version} is {describe_status(tree)}", err=batch)
    if invalid:
        sys.exit(1)


def _assess_profile(file: str, catalog: Catalog, tree: Tree, *, as_json: bool) -> None:
    """Print the assessment of the profile in a file, as text or as JSON."""
    with click.open_file(file, "rb") as opened:
        answer = AssessmentSchema().dump(Advisor(tree, catalog).assess(read_profile(opened, catalog)))
    advice = advise_version(catalog, tree, answer.get("ignored", ()))
    if as_json:
        print_json(answer)
        print_note(advice)
    else:
        click.echo(assessment_text.render_assessment_text(answer, advice))
