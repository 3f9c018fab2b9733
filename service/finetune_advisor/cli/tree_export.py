"""`tree export`: print a tree in another notation."""

from __future__ import annotations

from collections.abc import Callable
from typing import IO

import click

from finetune_advisor.cli.errors import report_errors
from finetune_advisor.cli.output import print_note, print_utf8
from finetune_advisor.cli.profile_files import read_profile
from finetune_advisor.cli.tree_selection import find_tree_in_catalog
from finetune_advisor.engine.evaluation.exact import Assessment, evaluate
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.formats import dmn, jdm, mermaid, rego, svg
from finetune_advisor.formats.sql_dialects import DEFAULT_TABLE, SQL_DIALECTS

PICTURE_RENDERERS: dict[str, Callable[[Tree, Assessment | None], str]] = {
    "mermaid": mermaid.render_mermaid,
    "svg": svg.render_svg,
}
"""The notations that can highlight the path of an assessment."""
FIELDS_LEFT_OUT = {
    "dmn": ("worksheet",),
    "jdm": ("worksheet",),
    "rego": ("choice_labels", "choice_help", "true_label", "false_label", "worksheet"),
    "sql": ("choice_labels", "choice_help", "true_label", "false_label", "worksheet"),
    "mermaid": ("choice_help", "worksheet"),
    "svg": ("choice_help", "worksheet"),
}
"""The fields of inputs that a notation has no place for."""
NOTATION_RENDERERS: dict[str, Callable[[Tree], str]] = {
    "dmn": dmn.render_dmn,
    "jdm": jdm.render_jdm,
    "mermaid": mermaid.render_mermaid,
    "rego": rego.render_rego,
    "svg": svg.render_svg,
}
SQL_NOTATION = "sql"


@click.command()
@click.argument("version", required=False)
@click.option(
    "--format",
    "notation",
    required=True,
    type=click.Choice(sorted([*NOTATION_RENDERERS, SQL_NOTATION])),
    help="Notation to print.",
)
@click.option("--profile", "file", type=click.File("rb"), help="Profile to highlight, in JSON or YAML.")
@click.option("--dialect", type=click.Choice(SQL_DIALECTS), help="With sql: database to write for.")
@click.option(
    "--table",
    metavar="NAME",
    help=f"With sql: table to read profiles from. Default: {DEFAULT_TABLE}.",
)
def export(
    version: str | None, notation: str, file: IO[bytes] | None, dialect: str | None, table: str | None
) -> None:
    """Print a tree in another notation.

    VERSION is a served version or a document. Default: the default version. The pictures, mermaid and svg,
    can highlight the path of a profile. SQL needs the extra finetune-advisor[sql].
    """
    if file and notation not in PICTURE_RENDERERS:
        raise click.UsageError(
            f"--profile goes with {' and '.join(PICTURE_RENDERERS)}, not with {notation}"
        )
    if notation == SQL_NOTATION and dialect is None:
        raise click.UsageError(f"--format sql needs --dialect; choose from {', '.join(SQL_DIALECTS)}")
    for option, value in ("--dialect", dialect), ("--table", table):
        if value is not None and notation != SQL_NOTATION:
            raise click.UsageError(f"{option} goes with sql, not with {notation}")
    with report_errors():
        catalog, tree = find_tree_in_catalog(version)
        if file:
            profile = read_profile(file, catalog)
            print_utf8(PICTURE_RENDERERS[notation](tree, evaluate(tree, profile)))
        elif dialect:
            print_utf8(_render_sql(tree, dialect, table))
        else:
            print_utf8(NOTATION_RENDERERS[notation](tree))
    left_out = [
        field
        for field in FIELDS_LEFT_OUT[notation]
        if any(getattr(input_, field) for input_ in tree.inputs.values())
    ]
    if left_out:
        print_note(f"{notation} has no place for {', '.join(left_out)}: left out.")


def _render_sql(tree: Tree, dialect: str, table: str | None) -> str:
    try:
        # An extra brings sqlglot; the other notations work without it.
        from finetune_advisor.formats import sql  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"--format sql needs {error.name}: pip install 'finetune-advisor[sql]'"
        ) from error
    return sql.render_sql(tree, dialect, DEFAULT_TABLE if table is None else table)
