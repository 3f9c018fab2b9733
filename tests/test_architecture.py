"""The guide to the architecture, held to the files that there are and to the layers that are checked."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path, PurePath

from tests.conftest import ROOT

PACKAGE = ROOT / "service" / "finetune_advisor"
GUIDE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
TREE, LAYERS, *_ = re.findall(r"^```text\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)


def listed() -> Iterator[tuple[str, str]]:
    """The path of each line of the tree, with a slash at the end for a folder, and what the line says."""
    place: list[str] = []
    for line in TREE.splitlines()[1:]:
        name, _, text = line.strip().partition(" ")
        depth = (len(line) - len(line.lstrip())) // 2
        place = [*place[: depth - 1], name.removesuffix("/")]
        yield str(PurePath(*place)) + "/" * name.endswith("/"), text.strip()


def holds_code(path: Path) -> bool:
    """Whether a module has more than a docstring."""
    module = ast.parse(path.read_text(encoding="utf-8"))
    return len(module.body) > (ast.get_docstring(module) is not None)


def test_every_file_is_listed_once() -> None:
    """The tree names each module that has code and each folder, and nothing else."""
    modules = [path for path in PACKAGE.rglob("*.py") if holds_code(path)]
    folders = {
        path.parent
        for path in PACKAGE.rglob("*")
        if path.is_file() and path.suffix not in (".pyc", ".typed")
    }
    expected = {str(path.relative_to(PACKAGE)) for path in modules}
    expected |= {f"{path.relative_to(PACKAGE)}/" for path in folders - {PACKAGE}}

    assert sorted(expected) == sorted(path for path, _ in listed())


def test_every_line_says_what_is_there() -> None:
    """No file or folder stands without a description, and no two have the same one in one folder."""
    said = [(str(PurePath(path).parent), text) for path, text in listed()]
    assert [] == [path for path, text in listed() if not text]
    assert len(said) == len(set(said))


def test_files_that_the_guide_names_exist() -> None:
    """A module that the text names in backticks is one of those in the tree, by its path or the end of it."""
    named = set(re.findall(r"`([\w/]+\.py)`", GUIDE))
    known = [f"/{path}" for path, _ in listed()]
    assert named
    assert set() == {name for name in named if not any(path.endswith(f"/{name}") for path in known)}


def test_the_layers_are_those_that_are_checked() -> None:
    """The list of layers is import-linter's, but for the module that runs the command."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    top, *checked = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    assert "__main__" == top
    assert checked == [line.partition(":")[0] for line in LAYERS.splitlines()]
