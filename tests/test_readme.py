"""The README's examples and tables, held to what they describe."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from finetune_advisor.app import create_app
from finetune_advisor.cli import main
from finetune_advisor.settings import Settings
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
CUT = "…"


def blocks(language: str) -> list[str]:
    """The README's code blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def shortened(value: Any, shown: Any) -> Any:
    """A value, cut in the places where the README cuts what it shows."""
    if isinstance(shown, str) and isinstance(value, str) and shown.endswith(CUT):
        return shown if value.startswith(shown.removesuffix(CUT)) else value
    if isinstance(shown, dict) and isinstance(value, dict):
        cut = {CUT: CUT} if CUT in shown else {}
        kept = {key: item for key, item in value.items() if key in shown or not cut}
        return {key: shortened(item, shown.get(key)) for key, item in kept.items()} | cut
    if isinstance(shown, list) and isinstance(value, list):
        cut = shown[-1] == CUT
        kept = value[: len(shown) - 1] if cut else value
        pairs = zip(kept, shown[: len(kept)], strict=True)
        return [*(shortened(item, other) for item, other in pairs), *([CUT] if cut else [])]
    return value


def test_each_request_gets_the_answer_shown() -> None:
    """The README's requests, posted as they stand, get the README's answers."""
    client = create_app().test_client()
    commands = [block for block in blocks("sh") if "curl" in block]
    assert len(commands) == 2
    for command, shown in zip(commands, map(json.loads, blocks("json")), strict=True):
        sent = re.search(r"8080(/\S+) .* -d '(.*)'", command, re.DOTALL)
        assert sent
        answer = client.post(sent[1], json=json.loads(sent[2])).get_json()

        assert shown == shortened(answer, shown)


def test_the_command_prints_what_is_shown() -> None:
    """The README's console example begins as shown."""
    [shown] = blocks("console")
    command, *lines = shown.splitlines()
    typed = re.match(r"\$ echo '(.*)' \| finetune-advisor (.*)", command)
    assert typed
    printed = CliRunner().invoke(main, typed[2].split(), input=typed[1])

    assert lines[:-1] == printed.stdout.splitlines()[: len(lines) - 1]


def test_the_example_tree_is_sound_and_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The README's tree passes the check, and answers by its version."""
    [document] = blocks("yaml")
    own = tmp_path / "acme.yaml"
    own.write_text(document)
    checked = CliRunner().invoke(main, ["tree", "check", str(own)])
    assert checked.exit_code == 0
    assert "1.0.0-acme.1 (candidate): sound; 1 question, 2 recommendations" in checked.stdout
    monkeypatch.setenv("FINETUNE_ADVISOR_TREES_DIR", str(tmp_path))
    request = {"profile": {"labelled_examples": 12}, "tree_version": "1.0.0-acme.1"}
    answer = create_app().test_client().post("/assess", json=request).get_json()

    assert answer["recommendation"]["id"] == "collect"


def test_every_setting_stands_in_the_table() -> None:
    """Names, defaults and meanings are those of the code."""
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.*?) \| (.*?) \|$", README, re.MULTILINE)
    expected = [
        (one.name.upper(), "unset" if one.default is None else f"`{one.default}`", one.metadata["help"])
        for one in fields(Settings)
    ]

    assert expected == rows


def test_every_path_stands_in_the_table() -> None:
    """The endpoints of the README are those of the contract and of operations, and they answer."""
    contract = create_app().test_client().get("/openapi.json").get_json()
    table = README.partition("## Endpoints")[2].partition("\n\n## ")[0]
    named = set(re.findall(r"`(/[^` ]*)`", table))

    assert named == {*contract["paths"], "/openapi.json", "/docs", "/healthz", "/readyz", "/metrics"}


def test_every_command_stands_in_the_table() -> None:
    """The commands of the README are those of the command."""
    table = README.partition("## On the command line")[2].partition("\n## ")[0]
    named = {row.split()[0] for row in re.findall(r"^\| `(.*?)` \|", table, re.MULTILINE)}

    assert named == set(main.list_commands(click.Context(main)))


def test_links_lead_somewhere() -> None:
    """Every relative link of the README, the docs and the other pages names a file that is there."""
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*.md")]
    for page in pages:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
