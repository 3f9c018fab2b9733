"""docs/image.md, held to the Dockerfile, the Makefile and the command."""

from __future__ import annotations

import re
import shlex

import click

from finetune_advisor.cli import main
from tests.docs import pages

PAGE = pages.read("docs/image.md")
DOCKERFILE = pages.read("Dockerfile")
COMMANDS = [
    shlex.split(line, comments=True) for block in pages.blocks(PAGE, "sh") for line in block.splitlines()
]


def test_every_build_argument_stands_in_the_table() -> None:
    """The arguments of the page are those of the Dockerfile."""
    table = pages.section(PAGE, "Build arguments")

    assert set(re.findall(r"^ARG (\w+)", DOCKERFILE, re.MULTILINE)) == set(
        re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    )


def test_every_command_is_there() -> None:
    """Targets of the Makefile, scripts of the repository, and Docker."""
    targets = re.findall(r"^([a-z-]+):", pages.read("Makefile"), re.MULTILINE)
    for program, *words in COMMANDS:
        assert (
            (program == "make" and words[0] in targets)
            or program == "docker"
            or (pages.ROOT / program).is_file()
        )


def test_containers_run_commands_of_the_service() -> None:
    """What follows the image's name is a command, or another entrypoint's argument."""
    known = main.list_commands(click.Context(main))
    given = [
        words[words.index("finetune-advisor") + 1 :]
        for words in COMMANDS
        if words[0] == "docker" and "--entrypoint" not in words
    ]

    assert given
    assert {words[0] for words in given if words} <= set(known)
