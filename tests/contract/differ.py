"""oasdiff, as pinned in `openapi/differ/`: what breaks callers of one contract who meet another."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests import tools
from tests.conftest import ROOT

SOURCES = ROOT / "openapi" / "differ"
BUILD = ("go", "build", "-trimpath", "-ldflags=-s -w", "-o", ".", "github.com/oasdiff/oasdiff")


def breaks(before: Path, after: Path) -> set[str]:
    """The kinds of break, warnings included; oasdiff's own exit code agrees."""
    place = tools.built("contract-differ", SOURCES, ["go"], lambda at: tools.run(BUILD, at))
    options = ["--flatten-params", "--fail-on", "WARN", "--format", "json"]
    options += ["--severity-levels", str(place / "severity.txt")]
    command = [str(place / "oasdiff"), "breaking", str(before), str(after), *options]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ran.returncode in {0, 1}, ran.stderr
    kinds = {one["id"] for one in json.loads(ran.stdout)}
    assert ran.returncode == bool(kinds)
    return kinds
