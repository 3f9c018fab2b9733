"""docs/configuration.md, held to the settings of the code."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest
from click.testing import CliRunner

from finetune_advisor.cli import main
from finetune_advisor.settings import Settings
from tests.docs import pages

PAGE = pages.read("docs/configuration.md")


def test_every_setting_stands_in_the_table() -> None:
    """Names, defaults and meanings are those of the code."""
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.*?) \| (.*?) \|$", PAGE, re.MULTILINE)
    expected = [
        (
            setting.name.upper(),
            "unset" if setting.default is None else f"`{setting.default}`",
            setting.metadata["help"],
        )
        for setting in fields(Settings)
    ]

    assert expected == rows


@pytest.mark.parametrize("example", pages.blocks(PAGE, "console"))
def test_the_command_prints_what_is_shown(example: str) -> None:
    """Each example of the page, with the variables before the command."""
    typed, shown = example.removeprefix("$ ").split("\n", 1)
    variables, _, arguments = typed.partition("finetune-advisor ")
    given = dict(variable.split("=") for variable in variables.split())
    printed = CliRunner().invoke(main, arguments.split(), env=given).output

    assert printed.startswith(shown.removesuffix(f"{pages.CUT}\n"))
    assert printed == shown or shown.endswith(f"\n{pages.CUT}\n")
