"""What others wrote, installed at pinned versions into `.tools/`, which git ignores."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from bench import tools

NPM_CI = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]


def built(name: str, source: Path, needed: Sequence[str], build: Callable[[Path], None]) -> Path:
    """Where the files of a folder are built, once for each state of them; skips where a tool is missing."""
    try:
        return tools.built(name, source, needed, build, group="test")
    except tools.UnavailableError as reason:
        pytest.skip(str(reason))


def run(command: Sequence[str], at: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command that ran; fails with what it printed where it fails."""
    done = subprocess.run(
        command, cwd=at, env=os.environ | environment, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done
