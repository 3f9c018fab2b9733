"""`conformance`: check that an instance decides as its trees say."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from finetune_advisor.cli.errors import report_errors
from finetune_advisor.cli.output import print_utf8
from finetune_advisor.cli.tree_selection import load_served_catalog
from finetune_advisor.engine.analysis.decision_table import build_decision_table
from finetune_advisor.formats import decision_table_json
from finetune_advisor.suites import conformance


@click.command("conformance")
@click.option("--url", help="Instance to check, such as http://127.0.0.1:8080.")
@click.option("--tree-version", help="Tree version to check. Default: every version known here.")
@click.option(
    "--key-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with the API key that the instance asks for, and nothing else.",
)
def check_conformance(url: str | None, tree_version: str | None, key_file: Path | None) -> None:
    """Check that an instance answers as its trees say.

    Compares the answers of a running instance with every row of its trees' decision tables. Without --url,
    prints the decision table of --tree-version, or of the default version.
    """
    if url == "":
        raise click.UsageError("--url is empty; give an address, or leave it out to print a table")
    with report_errors():
        key = _read_key(key_file) if key_file else None
        catalog = load_served_catalog()
        if url is None:
            table = build_decision_table(catalog.pick(tree_version))
            print_utf8(f"{decision_table_json.render_decision_table(table)}\n")
            return
        trees = catalog.trees.values() if tree_version is None else [catalog.pick(tree_version)]
        reports = []
        for tree in trees:
            reports.append(conformance.check_instance(url, build_decision_table(tree), key))
            click.echo(str(reports[-1]))  # at once, not after the last tree
    if any(report.differences for report in reports):
        sys.exit(1)


def _read_key(path: Path) -> str:
    """Read the API key that is all of a file. Raises ConformanceError if that is impossible."""
    try:
        return path.read_bytes().decode().strip()
    except OSError as error:
        reason, remedy = (
            f"can't be read: {error.strerror}",
            "give a file with the API key and nothing else",
        )
    except UnicodeDecodeError:
        reason, remedy = "is not UTF-8", "save it in that encoding"
    # The error that says what the file has ends here, as it may be a part of the key.
    raise conformance.ConformanceError(f"{path}: {reason}; {remedy}")
