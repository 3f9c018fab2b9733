"""`explain`: show why a profile gets its assessment, and what would change it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from marshmallow import ValidationError

from finetune_advisor.assessing.advisor import Advisor
from finetune_advisor.cli.errors import report_errors
from finetune_advisor.cli.output import print_json, print_note
from finetune_advisor.cli.profile_files import read_profile
from finetune_advisor.cli.tree_selection import add_tree_options, advise_version, choose_tree
from finetune_advisor.formats import explanation_text
from finetune_advisor.schemas.error_details import iter_error_details
from finetune_advisor.schemas.explanations import ExplanationSchema
from finetune_advisor.schemas.requests import DEFAULT_COUNTERFACTUALS, explain_request_schema
from finetune_advisor.trees.catalog import Catalog


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@add_tree_options
@click.option("--target", metavar="ID", help="List only changes that lead to this recommendation.")
@click.option("--frozen", metavar="NAME", multiple=True, help="Input that can't change. Repeatable.")
@click.option(
    "--limit", type=int, help=f"Maximum number of changes to list. Default: {DEFAULT_COUNTERFACTUALS}."
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print the answer of POST /assess/explain, as JSON."
)
def explain(
    file: str, tree_version: str | None, document: Path | None, *, as_json: bool, **options: Any
) -> None:
    """Explain an assessment, and what would change it.

    FILE is a profile in JSON or YAML. - is standard input.

    Prints a smallest set of answers that leads to the recommendation by itself, the smallest changes that
    lead to another recommendation, nearest first, and what each other answer to one input leads to.
    """
    with report_errors():
        catalog, tree = choose_tree(tree_version, document)
        arguments = _validate(options, catalog)
        with click.open_file(file, "rb") as opened:
            profile = read_profile(opened, catalog)
        explanation = Advisor(tree, catalog).explain(profile, **arguments)
    answer = ExplanationSchema().dump(explanation)
    advice = advise_version(catalog, tree, answer["assessment"].get("ignored", ()))
    if as_json:
        print_json(answer)
        print_note(advice)
    else:
        target, frozen = arguments.get("target"), arguments.get("frozen", ())
        click.echo(
            explanation_text.render_explanation_text(answer, tree, advice, target=target, frozen=frozen)
        )


def _validate(options: dict[str, Any], catalog: Catalog) -> dict[str, Any]:
    """Validate the options by the rules of the API. Returns the explainer's arguments. Raises UsageError."""
    given = {name: value for name, value in options.items() if value not in (None, ())}
    if "frozen" in given:
        given["frozen"] = [*given["frozen"]]  # the schema takes lists, as JSON has them
    schema = explain_request_schema(catalog)()
    try:
        # The profile is checked when its file is read. An empty one is always valid.
        arguments: dict[str, Any] = schema.load({"profile": {}, **given})
    except ValidationError as error:
        first = next(iter_error_details(error.messages_dict, schema, in_body=True))
        raise click.UsageError(f"--{first['pointer'].split('/')[1]}: {first['detail']}") from error
    del arguments["profile"]
    return {"limit": DEFAULT_COUNTERFACTUALS, **arguments}
