"""Tools that others wrote, each built once at a pinned version into `.tools/`, which git ignores."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from fcntl import LOCK_EX, flock
from hashlib import sha256
from pathlib import Path

import pytest

TOOLS = Path(__file__).parent.parent / ".tools"
NPM_INSTALL = ("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")


def built(source: Path, needed: Sequence[str], build: Callable[[Path], None]) -> Path:
    """Where a tool is built, once for each state of its sources; skips where a program is missing."""
    name = source.name
    for program in needed:
        if shutil.which(program) is None:
            pytest.skip(f"{name} needs {program}, which isn't installed here")
    sources = sorted(source.iterdir())
    state = sha256(b"\0".join(part for s in sources for part in (s.name.encode(), s.read_bytes())))
    place = TOOLS / f"{name}-{state.hexdigest()[:12]}"
    TOOLS.mkdir(exist_ok=True)
    with (TOOLS / f"{name}.lock").open("w") as lock:
        flock(lock, LOCK_EX)
        if not place.is_dir():
            building = place.with_name(f"{place.name}.{os.getpid()}")
            shutil.copytree(source, building)
            build(building)
            building.rename(place)
    return place


def run(command: Sequence[str], at: Path) -> None:
    """Run a step of a build; fails with what it said."""
    environment = {**os.environ, "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}
    done = subprocess.run(command, cwd=at, capture_output=True, text=True, timeout=900, env=environment)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
