"""Profiles on the command line: how their bytes are read."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest
from click.testing import CliRunner

from finetune_advisor.cli import main

FOREIGN = {
    "UTF-16, little end first": codecs.BOM_UTF16_LE + "{}".encode("utf-16-le"),
    "UTF-16, big end first": codecs.BOM_UTF16_BE + "{}".encode("utf-16-be"),
    "UTF-32": codecs.BOM_UTF32_LE + "{}".encode("utf-32-le"),
    "a mark of UTF-16 alone": codecs.BOM_UTF16_LE,
    "Latin-1": "# café\n{}".encode("latin-1"),
}


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize(
    "command",
    [
        ["assess"],
        ["explain"],
        ["assess", "--batch", "-", "--defaults"],
        ["tree", "export", "--format", "svg", "--profile"],
        ["assess", "--batch", "--format", "jsonl"],
        ["assess", "--batch", "--format", "csv"],
    ],
    ids=" ".join,
)
def test_what_is_not_utf_8_is_refused(tmp_path: Path, command: list[str], content: bytes) -> None:
    """At every door in the same words, and never as empty: another encoding isn't guessed from its mark."""
    path = tmp_path / "profile"
    path.write_bytes(content)
    printed = CliRunner().invoke(main, [*command, str(path)], input="{}\n")

    assert 1 == printed.exit_code
    assert "not UTF-8" in printed.output
    assert "empty" not in printed.output
