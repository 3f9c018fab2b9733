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


@pytest.mark.parametrize(
    ("name", "content"),
    [("p.jsonl", '{"a": true}\n{"a": false}\n'), ("p.csv", "a,b\ntrue,false\n"), ("P.CSV", "a\ntrue\n")],
)
def test_a_file_with_a_profile_a_line_leads_to_batch(tmp_path: Path, name: str, content: str) -> None:
    """Whoever forgot --batch is told so beside the fault, and a single profile in such a file is read."""
    path = tmp_path / name
    path.write_text(content)
    printed = CliRunner().invoke(main, ["assess", str(path)])
    path.write_text("{}\n")
    single = CliRunner().invoke(main, ["assess", str(path)])

    assert (1, 0) == (printed.exit_code, single.exit_code)
    assert f"{path}: a file with a profile a line needs: assess --batch" in printed.output
