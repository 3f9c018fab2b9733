"""What others wrote, installed at pinned versions into `.tools/`, which git ignores."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from fcntl import LOCK_EX, flock
from hashlib import sha256
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[1] / ".tools"
DEPENDENCIES = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
NPM_CI = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]


def built(name: str, source: Path, needed: Sequence[str], build: Callable[[Path], None]) -> Path:
    """Where the files of a folder are built, once for each state of them; skips where a tool is missing."""
    for tool in needed:
        if shutil.which(tool) is None:
            pytest.skip(f"{name} needs {tool}, which isn't installed here")
    sources = sorted(source.iterdir())
    state = sha256(b"\0".join(part for s in sources for part in (s.name.encode(), s.read_bytes())))
    place = TOOLS / f"{name}-{state.hexdigest()[:12]}"
    TOOLS.mkdir(exist_ok=True)
    with (TOOLS / f"{name}.lock").open("w") as lock:
        flock(lock, LOCK_EX)
        if not place.is_dir():
            building = place.with_name(f"{place.name}.{os.getpid()}")
            shutil.copytree(source, building)
            try:
                build(building)
                building.rename(place)
            finally:
                shutil.rmtree(building, ignore_errors=True)
    return place


def run(command: Sequence[str], at: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command that ran; fails with what it printed where it fails."""
    done = subprocess.run(
        command, cwd=at, env=os.environ | environment, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done
