"""`tree diff`: compare two trees."""

from __future__ import annotations

import sys

import click

from finetune_advisor.cli.errors import report_errors
from finetune_advisor.cli.output import print_json
from finetune_advisor.cli.tree_selection import find_tree
from finetune_advisor.engine.analysis.comparison import compare_trees
from finetune_advisor.formats import changes_text
from finetune_advisor.schemas.changes import ChangesSchema


@click.command()
@click.argument("older")
@click.argument("newer")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print the answer of GET /tree/versions/{version}/changes, as JSON.",
)
@click.option(
    "--fail-on-change",
    is_flag=True,
    help="Exit with 1 unless inputs, outcomes and finetune values are equal.",
)
def diff(older: str, newer: str, *, as_json: bool, fail_on_change: bool) -> None:
    """Compare two trees.

    OLDER and NEWER are served versions or documents.

    Prints what was added, removed, rewired and reworded. Says how many profiles move from which
    recommendation to which, with an example for each pair.
    """
    with report_errors():
        comparison = compare_trees(find_tree(older), find_tree(newer))
    if as_json:
        print_json(ChangesSchema().dump(comparison))
    else:
        click.echo(changes_text.render_changes_text(comparison))
    if fail_on_change and not comparison.equivalent:
        sys.exit(1)
