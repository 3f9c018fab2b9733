"""The command in every locale, and on platforms that can't serve."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from finetune_advisor.cli import main
from tests.conftest import ROOT

TITLE = "Dürfen wir 🚀?"
DOCUMENT = f"""\
version: 1.5.0
status: candidate
released: 2026-11-22
title: {TITLE}
source: {{title: {TITLE}, url: https://example.com/ai-policy}}
inputs:
  stars: {{type: integer, unit: Stück 🚀, minimum: 0, label: {TITLE}, help: {TITLE}}}
root: enough
questions:
  enough:
    text: {TITLE}
    input: stars
    branches:
      - {{lt: 50, to: wait, reason: {TITLE}}}
      - {{gte: 50, to: tune, reason: {TITLE}}}
recommendations:
  wait: {{title: {TITLE}, finetune: not_yet, summary: {TITLE}}}
  tune: {{title: {TITLE}, finetune: "yes", summary: {TITLE}}}
"""
SUITE = f"""\
tree: own.yaml
cases:
  - name: {TITLE}
    profile: {{stars: 70}}
    expect: {{recommendation: wait}}
"""
LEGACY = ("cp1252", "latin-1", "cp437")
"""But for ASCII, in whose place click writes UTF-8."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree with letters that few encodings have, served beside the bundled ones, and a suite of it."""
    (tmp_path / "trees").mkdir()
    for name, text in (("trees/own.yaml", DOCUMENT), ("own.yaml", DOCUMENT), ("suite.yaml", SUITE)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    changed = DOCUMENT.replace("version: 1.5.0", "version: 1.6.0").replace("- {lt: 50", "- {lt: 60")
    changed = changed.replace("gte: 50", "gte: 60").replace("Dürfen", "Müssen")
    (tmp_path / "changed.yaml").write_text(changed, encoding="utf-8")
    (tmp_path / "stars.yaml").write_text("# ü 🚀\nstars: 70\n", encoding="utf-8")
    (tmp_path / "stars.csv").write_text("név,stars\nGyőr 🚀,70\n", encoding="utf-8")
    monkeypatch.setenv("FINETUNE_ADVISOR_TREES_DIR", str(tmp_path / "trees"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(encoding: str, command: str) -> Result:
    """Run the command where standard input and output have an encoding."""
    return CliRunner(charset=encoding).invoke(main, command.split())


MACHINES = [
    *(f"tree export own.yaml --format {name}" for name in ("dmn", "jdm", "mermaid", "rego", "svg")),
    "tree export own.yaml --format svg --profile stars.yaml",
    "tree diff own.yaml changed.yaml --json",
    "tree test suite.yaml --generate",
    "openapi",
    "conformance --tree-version 1.5.0",
    "assess --tree-version 1.5.0 --json stars.yaml",
    "explain --tree-version 1.5.0 --json stars.yaml",
    "assess --tree-version 1.5.0 --batch --id-column név stars.csv",
]
PEOPLE = [
    "tree diff own.yaml changed.yaml",
    "tree test suite.yaml",
    "tree check",
    "assess --tree-version 1.5.0 stars.yaml",
    "explain --tree-version 1.5.0 stars.yaml",
    "settings",
]


@pytest.mark.exhaustive
@pytest.mark.parametrize("command", MACHINES)
def test_what_machines_read_is_utf_8_everywhere(folder: Path, command: str) -> None:
    """The same bytes whatever the encoding of standard output is."""
    expected = run("utf-8", command)
    assert expected.exit_code == (1 if "suite" in command else 0)
    for encoding in LEGACY:
        printed = run(encoding, command)
        assert expected.stdout_bytes == printed.stdout_bytes
        assert expected.exit_code == printed.exit_code
    text = expected.stdout_bytes.decode("utf-8")
    assert any(letter in text for letter in (TITLE, "Győr", "\\u00fc", "1.5.0", "own.yaml"))


@pytest.mark.exhaustive
@pytest.mark.parametrize("command", PEOPLE)
def test_what_people_read_degrades(folder: Path, command: str) -> None:
    """Characters that an encoding lacks are escaped, and nothing else changes."""
    expected = run("utf-8", command)
    for encoding in LEGACY:
        printed = run(encoding, command)
        assert expected.stdout.encode(encoding, "backslashreplace") == printed.stdout_bytes
        assert expected.exit_code == printed.exit_code


def test_junit_is_utf_8_everywhere(folder: Path) -> None:
    """As its declaration says, in a file and on standard output."""
    for encoding in ("utf-8", *LEGACY):
        assert run(encoding, "tree test suite.yaml --junit out.xml").exit_code == 1
        case = ElementTree.parse(folder / "out.xml").getroot()[0][0]
        assert case.attrib["name"] == TITLE
        assert (folder / "out.xml").read_bytes() in run(
            encoding, "tree test suite.yaml --junit -"
        ).stdout_bytes


def in_process(
    *command: str, module: str = "finetune_advisor", **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """Run the command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", module, *command],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        timeout=120,
    )


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "cp1252"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
    ids=["cp1252", "C"],
)
def test_a_real_process_reads_and_writes_utf_8(folder: Path, environment: dict[str, str]) -> None:
    """Documents and exports are in UTF-8 under a legacy locale, and text for people doesn't fail."""
    exported = in_process("tree", "export", "own.yaml", "--format", "dmn", **environment)
    shown = in_process("assess", "--tree-version", "1.5.0", "stars.yaml", **environment)

    assert (exported.returncode, exported.stderr) == (0, b"")
    assert TITLE in ElementTree.fromstring(exported.stdout).attrib["name"]
    assert (shown.returncode, shown.stderr) == (0, b"")
    assert rb"\U0001f680" in shown.stdout or "🚀".encode() in shown.stdout


def on_windows(*command: str) -> subprocess.CompletedProcess[bytes]:
    """Run the command without what Python lacks on Windows."""
    return in_process(*command, module="tests.windows")


@pytest.mark.parametrize(
    "command",
    [
        ["tree", "check"],
        ["assess", "--tree-version", "1.5.0", "--json", "stars.yaml"],
        ["openapi"],
        ["tree", "export", "--format", "svg"],
    ],
    ids=" ".join,
)
def test_what_does_not_serve_runs_on_windows(folder: Path, command: Sequence[str]) -> None:
    """It needs no module, function or signal that only Unix has, and prints what it prints there."""
    here, there = in_process(*command), on_windows(*command)

    assert there.returncode == 0
    assert (here.stdout, here.stderr) == (there.stdout, there.stderr)


def test_results_are_written_to_a_file_on_windows(folder: Path) -> None:
    """A file is replaced there, too."""
    command = "assess --tree-version 1.5.0 --batch --id-column név --output out.jsonl stars.csv"
    written = on_windows(*command.split())

    assert written.returncode == 0, written.stderr
    assert json.loads((folder / "out.jsonl").read_bytes())["id"] == "Győr 🚀"


def test_serve_says_that_it_needs_another_platform() -> None:
    """Instead of a traceback about a module that isn't there."""
    refused = on_windows("serve")

    assert (refused.returncode, refused.stdout) == (1, b"")
    assert refused.stderr == (
        b"Error: serve needs Linux or macOS, as gunicorn does; on Windows, run it in a container or in WSL"
        + os.linesep.encode()
    )
