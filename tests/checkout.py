"""Copies of this checkout, without what git ignores."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT


def tracked_files(folder: str = ".") -> set[Path]:
    """The files in a folder of the checkout that git has, or would add; paths are from the root."""
    if shutil.which("git") is None:
        pytest.skip("git is needed to list the files of the checkout")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", folder]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return {Path(name) for name in listed.split("\0") if name and (ROOT / name).is_file()}


def copy_checkout(to: Path) -> Path:
    """A copy as it would be committed now."""
    for file in tracked_files():
        (to / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / file, to / file)
    return to
