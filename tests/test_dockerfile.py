"""What the Dockerfile says a second time is the same as elsewhere."""

from __future__ import annotations

import re

from finetune_advisor import __version__
from tests.conftest import ROOT


def test_the_image_has_the_version_of_the_package() -> None:
    """A plain `docker build` labels the image with the version that is in it."""
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert [__version__] == re.findall(r"^ARG VERSION=(.*)$", dockerfile, re.MULTILINE)
