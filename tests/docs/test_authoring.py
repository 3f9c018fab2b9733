"""docs/authoring.md: its examples run, one after the other."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from finetune_advisor.app import create_app
from finetune_advisor.cli import main
from finetune_advisor.engine.evaluation.worksheets import work_out
from finetune_advisor.trees.loader import load_tree
from tests.docs import pages

PAGE = pages.read("docs/authoring.md")
TREE, SCHEMA_LINE, WORDS, WORKSHEET = pages.blocks(PAGE, "yaml")
VERSION = "1.0.0-acme.1"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of trees, in a working directory of its own, with the page's tree in it."""
    monkeypatch.chdir(tmp_path)
    trees = tmp_path / "trees"
    trees.mkdir()
    (trees / "acme.yaml").write_text(TREE, encoding="utf-8")
    return trees


def test_the_tree_is_served(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its version, from the folder that the page's variable names."""
    [command] = pages.blocks(PAGE, "sh")
    name, _, value = command.split()[0].partition("=")
    monkeypatch.setenv(name, value)
    request = {"profile": {"labelled_examples": 12}, "tree_version": VERSION}
    answer = create_app().test_client().post("/assess", json=request).get_json()

    assert folder.is_dir()
    assert "collect" == answer["recommendation"]["id"]


def test_the_schema_line_is_a_comment() -> None:
    """An editor reads it; to the service the document is the same."""
    assert yaml.safe_load(SCHEMA_LINE + TREE) == yaml.safe_load(TREE)
    assert (pages.ROOT / "docs" / SCHEMA_LINE.strip().partition("$schema=")[2]).is_file()


def test_the_worksheet_is_proven(folder: Path) -> None:
    """In a tree that warns of what it works out."""
    rule = {"id": "late", "when": [{"input": "break_even_months", "gt": 12}], "text": "It pays late."}
    document = yaml.safe_load(TREE) | {"warnings": [rule]}
    document["inputs"] |= yaml.safe_load(WORKSHEET)
    (folder / "acme.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    worksheet = load_tree(folder / "acme.yaml").inputs["break_even_months"].worksheet

    assert worksheet
    assert 2.9 == work_out(worksheet, {"setup_cost": 1200, "monthly_saving": 500})


def test_the_words_of_answers_are_sound(folder: Path) -> None:
    """A tree that asks about the page's inputs with words of their own is served with these words."""
    inputs = yaml.safe_load(WORDS)["inputs"]
    document = yaml.safe_load(TREE)
    document["inputs"] |= inputs
    document["warnings"] = [
        {"id": f"about_{name}", "when": [{"input": name, "is": value}], "text": "Mind this."}
        for name, value in (("prompt_result", "close"), ("data_sensitive", True))
    ]
    (folder / "acme.yaml").write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    tree = load_tree(folder / "acme.yaml")

    assert inputs == {name: tree.canonical["inputs"][name] for name in inputs}


def test_the_deprecated_version_is_sound(folder: Path) -> None:
    """Beside its successor, with the lifecycle that the page shows."""
    [block] = re.findall(r"^ +```yaml\n(.*?)^ +```", PAGE, re.MULTILINE | re.DOTALL)
    lifecycle = yaml.safe_load(textwrap.dedent(block))
    successor = TREE.replace(VERSION, lifecycle["successor"])
    (folder / "acme.yaml").write_text(yaml.safe_dump(yaml.safe_load(TREE) | lifecycle), encoding="utf-8")
    (folder / "successor.yaml").write_text(successor, encoding="utf-8")
    checked = CliRunner().invoke(main, ["tree", "check", str(folder)])

    assert f"{VERSION} (deprecated" in checked.stdout
    assert 0 == checked.exit_code
