"""The finetune-advisor command."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import orjson
from marshmallow import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.representer import RoundTripRepresenter

from finetune_advisor import catalog, documents
from finetune_advisor.api.contract import description
from finetune_advisor.api.parsing import invalid
from finetune_advisor.api.schemas.assessments import AssessmentSchema
from finetune_advisor.api.schemas.changes import ChangesSchema
from finetune_advisor.api.schemas.requests import profile_schema
from finetune_advisor.app import create_app
from finetune_advisor.catalog import Catalog
from finetune_advisor.engine.comparison import compare
from finetune_advisor.engine.errors import FinetuneAdvisorError
from finetune_advisor.engine.evaluation import Assessment, evaluate
from finetune_advisor.engine.tree import Tree
from finetune_advisor.formats import changes, dmn, jdm, mermaid, rego, svg, text
from finetune_advisor.settings import Settings, variable

PICTURES: dict[str, Callable[[Tree, Assessment | None], str]] = {
    "mermaid": mermaid.render,
    "svg": svg.render,
}
NOTATIONS: dict[str, Callable[[Tree], str]] = {
    "dmn": dmn.render,
    "jdm": jdm.render,
    "mermaid": mermaid.render,
    "rego": rego.render,
    "svg": svg.render,
}


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="finetune-advisor")
def main() -> None:
    """Should we fine-tune an LLM, or do something cheaper first?"""


@contextmanager
def refusals() -> Iterator[None]:
    """Turn this package's errors into a message on standard error and exit code 1."""
    try:
        yield
    except FinetuneAdvisorError as error:
        raise click.ClickException(str(error)) from error


@main.command()
@click.option("--host", help="Address to listen on.")
@click.option("--port", help="Port to listen on.")
@click.option("--workers", help="Worker processes.")
@click.option("--threads", help="Threads of each worker.")
def serve(**options: str | None) -> None:
    """Serve over HTTP until SIGTERM, which lets requests in flight finish.

    Options go before the environment; every other setting is read from there.
    """
    os.environ.update({f"FINETUNE_ADVISOR_{k.upper()}": v for k, v in options.items() if v is not None})
    with refusals():
        _catalog(Settings.from_environment())
    command = [sys.executable, "-m", "gunicorn", "-c", "python:finetune_advisor.server"]
    os.execv(command[0], command)  # noqa: S606  # gunicorn takes this process over, and its signals


@main.command()
@click.argument("file", type=click.File(encoding="utf-8"))
@click.option("--tree-version", help="The tree version to ask; left out, the default one.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer of POST /assess.")
def assess(file: Any, tree_version: str | None, *, as_json: bool) -> None:
    """Assess the profile in FILE, JSON or YAML; - reads standard input."""
    with refusals():
        served = _catalog(Settings.from_environment())
        assessment = evaluate(served.pick(tree_version), _profile(file, served))
    answer = AssessmentSchema().dump(assessment)
    click.echo(orjson.dumps(answer).decode() if as_json else text.render(answer))


@main.group()
def tree() -> None:
    """Work with tree documents."""


@tree.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
def check(files: tuple[Path, ...]) -> None:
    """Prove tree documents sound, and that they go together with the bundled ones.

    Without FILES, checks what would be served: the bundled documents and FINETUNE_ADVISOR_TREES_DIR.
    """
    with refusals():
        checked = catalog.beside_bundled(files) if files else _catalog(Settings.from_environment())
    for one in checked.trees.values():
        counts = f"{len(one.questions)} questions, {len(one.recommendations)} recommendations"
        click.echo(f"{one.version} ({one.status}): sound; {counts}; {one.digest}")


@tree.command()
@click.argument("older")
@click.argument("newer")
@click.option("--json", "as_json", is_flag=True, help="Print the answer of the API's changes.")
@click.option("--fail-on-change", is_flag=True, help="Exit with 1 unless the trees are equivalent.")
def diff(older: str, newer: str, *, as_json: bool, fail_on_change: bool) -> None:
    """Compare two trees, each a served version or a document.

    Prints what was added, removed, rewired and reworded, and how many profiles move from which
    recommendation to which, with a witness for each pair.
    """
    with refusals():
        comparison = compare(_tree(older), _tree(newer))
    answer = ChangesSchema().dump(comparison)
    click.echo(orjson.dumps(answer).decode() if as_json else changes.render(comparison))
    if fail_on_change and not comparison.equivalent:
        sys.exit(1)


@tree.command()
@click.argument("version", required=False)
@click.option("--format", "notation", required=True, type=click.Choice(sorted(NOTATIONS)))
@click.option("--profile", "file", type=click.File(encoding="utf-8"), help="Highlight its path.")
def export(version: str | None, notation: str, file: Any) -> None:
    """Print a tree in another notation: VERSION, a document, or left out the default one.

    A profile, in JSON or YAML, makes its path stand out in the pictures (mermaid and svg).
    """
    if file and notation not in PICTURES:
        raise click.UsageError(f"--profile goes with {' and '.join(PICTURES)}, not with {notation}")
    with refusals():
        exported = _tree(version)
        if file:
            profile = _profile(file, Catalog({exported.version: exported}, exported))
            click.echo(PICTURES[notation](exported, evaluate(exported, profile)))
        else:
            click.echo(NOTATIONS[notation](exported))


@main.command()
def openapi() -> None:
    """Print the contract for the served trees as OpenAPI, in YAML."""
    with refusals():
        app = create_app()
    yaml = YAML()
    yaml.width = 100
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.representer.add_representer(str, _string)
    yaml.dump(description(app), sys.stdout)


def _string(representer: RoundTripRepresenter, text: str) -> ScalarNode:
    """Several lines as a block, and in quotes what YAML 1.1 takes for a boolean."""
    boolean = text.lower() in ("y", "n", "yes", "no", "on", "off")
    style = "|" if "\n" in text else "'" if boolean else None
    return representer.represent_scalar("tag:yaml.org,2002:str", text, style=style)


@main.command()
def settings() -> None:
    """List every setting with its value here, its default and its meaning."""
    with refusals():
        here = Settings.from_environment()
    for one in fields(Settings):
        default = "unset" if one.default is None else one.default
        value = getattr(here, one.name)
        shown = "unset" if value is None else value
        click.echo(f"{variable(one)}={shown}\n    {one.metadata['help']} Default: {default}")


def _tree(name: str | None) -> Tree:
    """A document's tree, or the one of a served version, or the default one."""
    if name is not None and Path(name).is_file():
        return documents.load(Path(name))
    return _catalog(Settings.from_environment()).pick(name)


def _catalog(here: Settings) -> Catalog:
    return catalog.load(here.trees_dir, here.default_tree_version)


def _profile(file: Any, served: Catalog) -> dict[str, Any]:
    schema = profile_schema(served)()
    try:
        profile: dict[str, Any] = schema.load(YAML(typ="safe", pure=True).load(file.read()))
    except ValidationError as error:
        found = invalid(error.messages_dict, schema, in_body=True)
        lines = (f"{file.name}: {one['pointer'].removeprefix('#/')}: {one['detail']}" for one in found)
        raise click.ClickException("\n".join(lines)) from error
    except (YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise click.ClickException(f"{file.name}: neither JSON nor YAML: {error}") from error
    return profile


if __name__ == "__main__":
    main()
