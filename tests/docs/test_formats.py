"""docs/formats.md, held to the command that exports."""

from __future__ import annotations

import re

import click

from finetune_advisor.cli.tree_export import export
from tests.docs import pages

PAGE = pages.read("docs/formats.md")


def test_every_format_stands_in_the_page() -> None:
    """In the usage, in the table and under a heading of its own."""
    [option] = [one for one in export.params if one.name == "notation"]
    assert isinstance(option.type, click.Choice)
    formats = set(option.type.choices)
    [usage] = re.findall(r"--format (\S+)", "".join(pages.blocks(PAGE, "sh")))
    headings = {heading.lower() for heading in re.findall(r"^## (\w+)$", PAGE, re.MULTILINE)}

    assert formats == set(usage.split("|"))
    assert formats == set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))
    assert formats == headings
