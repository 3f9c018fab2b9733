"""The finetune-advisor command."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from math import isnan
from pathlib import Path
from typing import IO, Any

import click
import orjson
from marshmallow import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.representer import RoundTripRepresenter
from semver import Version

from finetune_advisor import catalog, conformance, documents, suite_documents, suites
from finetune_advisor.api.contract import description
from finetune_advisor.api.parsing import invalid
from finetune_advisor.api.schemas.assessments import AssessmentSchema
from finetune_advisor.api.schemas.changes import ChangesSchema
from finetune_advisor.api.schemas.requests import profile_schema
from finetune_advisor.app import create_app
from finetune_advisor.batch_files import BatchFile, replacing
from finetune_advisor.catalog import Catalog, UnknownVersionError
from finetune_advisor.engine.comparison import compare
from finetune_advisor.engine.decision_table import decision_table
from finetune_advisor.engine.errors import FinetuneAdvisorError
from finetune_advisor.engine.evaluation import Assessment, evaluate
from finetune_advisor.engine.tree import Tree
from finetune_advisor.formats import changes, dmn, jdm, mermaid, rego, suite_text, suite_yaml, svg, text
from finetune_advisor.formats import decision_table as decision_table_json
from finetune_advisor.formats import junit as junit_xml
from finetune_advisor.formats.numbers import counted
from finetune_advisor.lifecycle import standing
from finetune_advisor.settings import Settings, SettingsError, variable

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
SHOWN_STEPS = 200
"""How often a progress bar is drawn anew, at most."""


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
        here = Settings.from_environment()
        _catalog(here)
        _require_free(here.host, here.port, "PORT")
        if here.metrics_port is not None:
            _require_free(here.host, here.metrics_port, "METRICS_PORT")
    command = [sys.executable, "-m", "gunicorn", "-c", "python:finetune_advisor.server"]
    # Each thread would keep memory for itself that it needed once; two heaps are enough for threads in turns.
    os.environ.setdefault("MALLOC_ARENA_MAX", "2")
    os.execv(command[0], command)  # noqa: S606  # gunicorn takes this process over, and its signals


def _require_free(host: str, port: int, name: str) -> None:
    """Refuse an address that gunicorn would try in vain for seconds."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        message = f"FINETUNE_ADVISOR_HOST, {name}: can't listen on {host}:{port}: {reason}; take another"
        raise SettingsError(message) from error


@main.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--tree-version", help="The tree version to ask; left out, the default one.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer of POST /assess.")
@click.option("--batch", is_flag=True, help="FILE has a profile a line; print a result for each.")
@click.option(
    "--defaults",
    type=click.File(encoding="utf-8"),
    help="With --batch: the answers, in JSON or YAML, of each profile that doesn't say.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="With --batch: write the results there, in place of what is there, once they are complete.",
)
def assess(  # noqa: PLR0913  # one for each option
    file: str,
    tree_version: str | None,
    defaults: Any,
    output: Path | None,
    *,
    as_json: bool,
    batch: bool,
) -> None:
    """Assess the profile in FILE, JSON or YAML; - reads standard input.

    With --batch, FILE has many: JSON Lines (.jsonl, .ndjson or -), or CSV (.csv) with a header of input
    names, in which an empty cell is unknown. Each line gets a result as POST /assess/batch gives it, in
    order and as JSON Lines; one at fault gets one that says so with its number, and makes the exit code 1.
    """
    if (defaults or output) and not batch:
        raise click.UsageError("--defaults and --output go with --batch")
    if as_json and batch:
        raise click.UsageError("--json goes without --batch, whose results are JSON anyway")
    with refusals():
        served = _catalog(Settings.from_environment())
        asked = served.pick(tree_version)
        if batch:
            shared = _profile(defaults, served) if defaults else {}
            run = BatchFile(served, asked, shared)
            with replacing(output) if output else click.open_file("-", "wb") as out:
                _assess_lines(file, run, out)
            click.echo(run, err=True)
        else:
            _assess_one(file, served, asked, as_json=as_json)
    if asked.status == "deprecated" and not as_json:
        click.echo(f"\nTree {asked.version} is {standing(asked)}", err=batch)
    if batch and run.invalid:
        sys.exit(1)


def _assess_one(file: str, served: Catalog, asked: Tree, *, as_json: bool) -> None:
    with click.open_file(file, encoding="utf-8") as opened:
        answer = AssessmentSchema().dump(evaluate(asked, _profile(opened, served)))
    click.echo(orjson.dumps(answer).decode() if as_json else text.render(answer))


def _assess_lines(file: str, run: BatchFile, output: IO[bytes]) -> None:
    """Write the result of each line, with a progress bar for whoever watches."""
    size = 0 if file == "-" else Path(file).stat().st_size
    hidden = not size or not sys.stderr.isatty()
    bar = click.progressbar(
        length=size, file=sys.stderr, hidden=hidden, update_min_steps=1 + size // SHOWN_STEPS
    )
    with click.open_file(file, "rb") as opened, bar:
        for result, read in run.results(opened, file):
            output.write(result + b"\n")
            bar.update(read)


@main.group()
def tree() -> None:
    """Work with tree documents."""


@tree.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
def check(files: tuple[Path, ...]) -> None:
    """Prove tree documents, or those in a directory, sound, and that they go together with the bundled ones.

    Without FILES, checks what would be served: the bundled documents and FINETUNE_ADVISOR_TREES_DIR.
    """
    with refusals():
        checked = catalog.beside_bundled(files) if files else _catalog(Settings.from_environment())
    for one in (*checked.trees.values(), *checked.retired.values()):
        questions = counted(len(one.questions), "question")
        recommendations = counted(len(one.recommendations), "recommendation")
        click.echo(
            f"{one.version} ({standing(one)}): sound; {questions}, {recommendations}; {one.digest}"
        )
    click.echo(f"{checked.default.version} is the default: {checked.default_reason}")


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
            click.echo(PICTURES[notation](exported, evaluate(exported, profile)), nl=False)
        else:
            click.echo(NOTATIONS[notation](exported), nl=False)


def _no_nan(_: click.Context, __: click.Parameter, value: float | None) -> float | None:
    """Refuse what is neither below nor above any bound."""
    if value is not None and isnan(value):
        raise click.BadParameter("nan is no percentage.")
    return value


@tree.command("test")
@click.argument("directory", type=click.Path(path_type=Path, exists=True))
@click.option("--junit", type=click.File("wb"), help="Write the results as JUnit XML, too.")
@click.option("--generate", is_flag=True, help="Print a case for each path that isn't covered.")
@click.option(
    "--min-coverage", type=click.FloatRange(0, 100), callback=_no_nan, help="Fail below so many percent."
)
def run_suites(directory: Path, junit: Any, min_coverage: float | None, *, generate: bool) -> None:
    """Run the test suites in DIRECTORY, or the one in a file, and show what they don't cover.

    With --generate, the results go to standard error and the cases to standard output.
    """
    with refusals():
        served = _catalog(Settings.from_environment()).trees
        found = suite_documents.collect(suite_documents.find(directory), served)
    results = [result for suite in found for result in suites.run(suite)]
    trees = suites.tested(found)
    click.echo(suite_text.render(results, trees), err=generate)
    if junit:
        junit.write(junit_xml.render(results))
    if generate:
        click.echo(suite_yaml.render(map(suites.proposal, trees)), nl=False)
    low = min_coverage is not None and any(one.coverage.percent < min_coverage for one in trees)
    if low:
        click.echo(f"Error: the coverage is below {min_coverage:g} %", err=True)
    if low or any(result.mismatches for result in results):
        sys.exit(1)


@main.command("conformance")
@click.option("--url", help="The instance to check, such as http://127.0.0.1:8080.")
@click.option("--tree-version", help="The tree version to check; left out, every version known here.")
def conform(url: str | None, tree_version: str | None) -> None:
    """Check that the instance at URL gives every answer of the trees' decision tables.

    Without --url, prints the table of the version, or of the default one.
    """
    if url == "":
        raise click.UsageError("--url is empty; give an address, or leave it out to print a table")
    with refusals():
        served = _catalog(Settings.from_environment())
        if url is None:
            click.echo(decision_table_json.render(decision_table(served.pick(tree_version))))
            return
        asked = served.trees.values() if tree_version is None else [served.pick(tree_version)]
        reports = []
        for one in asked:
            reports.append(conformance.check(url, decision_table(one)))
            click.echo(str(reports[-1]))
    if any(report.differences for report in reports):
        sys.exit(1)


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
    try:
        return _catalog(Settings.from_environment()).pick(name)
    except UnknownVersionError as error:
        if name is None or Version.is_valid(name):
            raise
        raise UnknownVersionError(f"there is no file {name}, and {error}") from error


def _catalog(here: Settings) -> Catalog:
    return catalog.load(here.trees_dir, here.default_tree_version)


def _profile(file: Any, served: Catalog) -> dict[str, Any]:
    schema = profile_schema(served)()
    try:
        given = YAML(typ="safe", pure=True).load(file.read())
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problem = str(error.problem).partition(" with value ")[0]
        raise click.ClickException(f"{file.name}:{line}: neither JSON nor YAML: {problem}") from error
    except Exception as error:  # the parser fails in many ways on odd tags
        raise click.ClickException(f"{file.name}: neither JSON nor YAML in UTF-8") from error
    try:
        profile: dict[str, Any] = schema.load(given)
    except ValidationError as error:
        found = invalid(error.messages_dict, schema, in_body=True)
        lines = [*_faults(found)]
        if isinstance(given, dict) and "profile" in given:
            lines.append("give the profile alone, not inside of profile")
        message = "\n".join(f"{file.name}: {line}" for line in lines)
        raise click.ClickException(message) from error
    return profile


def _faults(found: Iterable[Mapping[str, str]]) -> Iterator[str]:
    """What is wrong with a profile, a line for each fault; the names that are known once, at the end."""
    known = ""
    for one in found:
        problem, _, names = one["detail"].partition("; known are: ")
        known = names or known
        yield f"{one['pointer'].removeprefix('#/')}: {problem}"
    if known:
        yield f"known are: {known}"


if __name__ == "__main__":
    main()
