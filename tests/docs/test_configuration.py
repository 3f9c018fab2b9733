"""docs/configuration.md, held to the settings of the code."""

from __future__ import annotations

import re
from dataclasses import fields

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
