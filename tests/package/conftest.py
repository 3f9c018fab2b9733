"""The archives under test."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.package.archives import Archives, build


@pytest.fixture(scope="session")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Archives:
    """Those in the folder that PACKAGE_DIST names, as `make package` does, or new ones."""
    if folder := os.environ.get("PACKAGE_DIST"):
        return Archives.in_folder(Path(folder).resolve())
    return build(tmp_path_factory.mktemp("dist"))
