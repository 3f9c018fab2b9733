"""What the tests of pages share: applications in this process."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from finetune_advisor.app import create_app
from finetune_advisor.settings import Settings
from tests import editions

TYPED = Path(__file__).parents[1] / "api" / "typed.yaml"
WORDED = Path(__file__).parents[1] / "formats" / "worded.yaml"
WARNED = Path(__file__).with_name("warned.yaml")


@pytest.fixture(scope="session")
def client() -> FlaskClient:
    """A client of an application with the settings' defaults."""
    return create_app(Settings(log_level="error")).test_client()


@pytest.fixture(scope="session")
def own(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """A client of an application that serves own trees of many kinds, and versions that end."""
    directory = tmp_path_factory.mktemp("trees")
    write_own_trees(directory)
    return create_app(Settings(log_level="error", trees_dir=directory)).test_client()


def write_own_trees(directory: Path) -> None:
    """Write trees with inputs of every type, with words for answers and with warnings, and ended versions."""
    editions.write_ending(directory)
    for path in (TYPED, WORDED, WARNED):
        (directory / path.name).write_bytes(path.read_bytes())
