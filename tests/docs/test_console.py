"""Console examples of the pages: typed into bash as they stand, they print what is shown."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs import pages

TYPED_HERE = [
    "README.md",
    "docs/authoring.md",
    "docs/cli.md",
    "docs/configuration.md",
    "examples/README.md",
]
TYPED_ELSEWHERE = {
    "docs/operations.md": ("tests/suites/test_conformance.py", 1),
    "docs/public.md": ("tests/docs/test_public.py", 1),
    "docs/replay.md": ("tests/docs/test_replay.py", 2),
    "docs/tree-tests.md": ("tests/suites/test_suites.py", 2),
}
"""Pages that another test types, with that test and how many blocks it types."""
HELP = " --help\n"
"""What ends the first line of a block that a test of the command itself compares."""


def examples() -> list[tuple[str, str]]:
    """Each command of the pages, and what is shown below it."""
    blocks = [block for name in TYPED_HERE for block in pages.blocks(pages.read(name), "console")]
    typed = [block.removeprefix("$ ").split("\n$ ") for block in blocks if HELP not in block]
    return [
        (command, shown.strip())
        for block in typed
        for command, _, shown in (one.partition("\n") for one in block)
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the trees and the profiles that the pages name."""
    (tmp_path / "examples").symlink_to(pages.ROOT / "examples")
    (tmp_path / "trees").mkdir()
    tree = pages.blocks(pages.read("docs/authoring.md"), "yaml")[0]
    (tmp_path / "trees" / "acme.yaml").write_text(tree, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(("command", "shown"), examples(), ids=lambda text: text[:60])
def test_the_command_prints_what_is_shown(folder: Path, command: str, shown: str) -> None:
    """On standard output and standard error, in a terminal of 80 columns."""
    done = subprocess.run(
        ["bash", "-c", f"exec 2>&1; {command.replace('.venv/bin/', '')}"],
        cwd=folder,
        env=os.environ
        | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "COLUMNS": "80"},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert pages.printed_as_shown(done.stdout, shown), done.stdout


def test_no_example_is_left_out() -> None:
    """Each page with console examples is typed here, or by another test, which reads the page."""
    shown = {
        str(page.relative_to(pages.ROOT))
        for page in pages.PAGES
        if pages.blocks(page.read_text(encoding="utf-8"), "console")
    }
    assert {*TYPED_HERE, *TYPED_ELSEWHERE} == shown
    for name, (test, count) in TYPED_ELSEWHERE.items():
        assert f'"{Path(name).name}"' in pages.read(test)
        assert count == len(pages.blocks(pages.read(name), "console"))
