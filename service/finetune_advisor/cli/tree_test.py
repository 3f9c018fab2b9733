"""`tree test`: run the test suites of trees."""

from __future__ import annotations

import sys
from math import isnan
from pathlib import Path
from typing import IO

import click

from finetune_advisor.cli.errors import report_errors
from finetune_advisor.cli.output import print_utf8
from finetune_advisor.cli.tree_selection import load_served_catalog
from finetune_advisor.suites import junit_report as junit_xml
from finetune_advisor.suites import loader, proposed_suites, runner, text_report


def _refuse_nan(_: click.Context, __: click.Parameter, value: float | None) -> float | None:
    """Refuse NaN, which `FloatRange` accepts: no comparison with it is true."""
    if value is not None and isnan(value):
        raise click.BadParameter("nan is no percentage.")
    return value


@click.command("test")
@click.argument("directory", type=click.Path(path_type=Path, exists=True))
@click.option("--junit", type=click.File("wb"), help="File to write the results to as JUnit XML.")
@click.option("--generate", is_flag=True, help="Print a case for each path that isn't covered.")
@click.option(
    "--min-coverage",
    type=click.FloatRange(0, 100),
    callback=_refuse_nan,
    help="Fail if the coverage is below this percentage.",
)
def run_suites(
    directory: Path, junit: IO[bytes] | None, min_coverage: float | None, *, generate: bool
) -> None:
    """Run the test suites of trees, and list what they don't cover.

    DIRECTORY is a directory of suites, or one suite. With --generate, results go to standard error and the
    generated cases to standard output.
    """
    with report_errors():
        served = load_served_catalog().trees
        suites = loader.load_suites(loader.find_suite_files(directory), served)
    results = [result for suite in suites for result in runner.run_suite(suite)]
    trees = runner.measure_coverage_by_tree(suites)
    click.echo(text_report.render_text_report(results, trees), err=generate)
    if junit:
        junit.write(junit_xml.render_junit_xml(results))
    if generate:
        print_utf8(proposed_suites.render_proposed_suites(map(runner.propose_suite, trees)))
    too_low = min_coverage is not None and any(tree.coverage.percent < min_coverage for tree in trees)
    if too_low:
        click.echo(f"Error: the coverage is below {min_coverage:g} %", err=True)
    if too_low or any(result.mismatches for result in results):
        sys.exit(1)
