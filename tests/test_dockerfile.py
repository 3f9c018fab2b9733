"""What the Dockerfile says a second time is the same as elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from finetune_advisor import __version__
from tests.conftest import ROOT


def test_the_image_has_the_version_of_the_package() -> None:
    """A plain `docker build` labels the image with the version that is in it."""
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert [__version__] == re.findall(r"^ARG VERSION=(.*)$", dockerfile, re.MULTILINE)


def test_a_build_has_the_tag_that_the_chart_asks_for(tmp_path: Path) -> None:
    """Besides `latest`, so that what `make image` made can be pushed and installed as it is."""
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
