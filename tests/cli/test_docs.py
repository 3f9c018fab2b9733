"""docs/cli.md, held to the command that it describes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from finetune_advisor.cli import main
from tests.docs import pages

PAGE = pages.read("docs/cli.md")
HELP = dict(re.findall(r"^```console\n(\$ [^\n]* --help)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
PROGRAM = "finetune-advisor"


def run(*arguments: str, stdin: str = "", **environment: str) -> Result:
    return CliRunner().invoke(
        main, arguments, input=stdin, env=environment, prog_name=PROGRAM, terminal_width=80
    )


def commands(group: click.Group = main, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The names of each command that does something."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


def test_every_command_has_a_section() -> None:
    """And no section is about a command that isn't there."""
    names = {" ".join(path) for path in commands()}

    assert names == set(re.findall(r"^## `(.*)`$", PAGE, re.MULTILINE))
    assert names == set(re.findall(r"^\| \[`(.*?)`\]", PAGE, re.MULTILINE))


@pytest.mark.parametrize("path", [*commands()], ids=" ".join)
def test_the_help_of_each_command_is_shown(path: tuple[str, ...]) -> None:
    """As the command prints it in 80 columns, in letters that every terminal has."""
    shown = HELP[f"$ {PROGRAM} {' '.join(path)} --help"]

    assert run(*path, "--help").stdout == shown
    assert shown.isascii()


@pytest.mark.parametrize(
    ("code", "command", "stdin"),
    [
        (0, "assess -", "{}"),
        (0, "assess --batch -", "{}\n\n{}\n"),
        (0, "tree diff 1.0.0 1.0.0 --fail-on-change", ""),
        (0, "--help", ""),
        (1, "assess -", '{"nope": true}'),
        (1, "assess --batch -", "{}\n{\n"),
        (1, "assess --batch --format csv -", "nope\n"),
        (1, "tree diff 1.0.0 2.0.0 --fail-on-change", ""),
        (1, "tree diff 1.0.0 9.9.9", ""),
        (2, "assess", ""),
        (2, "assess nowhere.yaml", ""),
        (2, "assess --nope -", ""),
        (2, "assess --tree nowhere.yaml -", ""),
        (2, "explain --limit 0 -", "{}"),
        (2, "nope", ""),
    ],
)
def test_exit_codes_are_as_documented(code: int, command: str, stdin: str) -> None:
    """0 is done, 1 is something wrong with what was given, 2 with the command line."""
    assert re.search(rf"^\| {code} \|", PAGE, re.MULTILINE)
    assert code == run(*command.split(), stdin=stdin).exit_code


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_commands_and_options(shell: str, tmp_path: Path) -> None:
    """By the variable that the page names, which is no setting of the service."""
    variable = "_FINETUNE_ADVISOR_COMPLETE"
    assert f"{variable}={shell}_source {PROGRAM}" in PAGE
    typed = {"COMP_WORDS": f"{PROGRAM} tree ", "COMP_CWORD": "" if shell == "fish" else "2"}
    script = run(**{variable: f"{shell}_source"})
    completed = run(**{variable: f"{shell}_complete"}, **typed)

    assert f"{variable}={shell}_complete" in script.output
    for name in ("check", "diff", "export", "test"):
        assert re.search(rf"\b{name}\b", completed.output)
