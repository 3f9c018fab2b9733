"""What the Dockerfile says a second time is the same as elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from finetune_advisor import __version__
from tests.conftest import ROOT


def test_a_build_has_the_version_of_the_package(tmp_path: Path) -> None:
    """As its label, and as its tag besides `latest`: the chart asks for that tag."""
    docker = tmp_path / "docker"
    docker.write_text('#!/bin/sh\n[ "$1" = info ] || echo "$@"\n')
    docker.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    said = subprocess.run(
        [ROOT / "image" / "build"],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    tags = re.findall(r"--tag (\S+)", said.stdout)
    assert ["finetune-advisor", f"finetune-advisor:{__version__}"] == tags
    assert [__version__] == re.findall(r"--build-arg VERSION=(\S+)", said.stdout)
