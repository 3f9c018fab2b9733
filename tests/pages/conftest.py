"""What the tests of pages share: applications in this process."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from finetune_advisor.app import create_app
from finetune_advisor.settings import Settings
from tests import editions

TYPED = Path(__file__).parents[1] / "api" / "typed.yaml"


@pytest.fixture(scope="session")
def client() -> FlaskClient:
    """A client of an application with the settings' defaults."""
    return create_app(Settings(log_level="error")).test_client()


@pytest.fixture(scope="session")
def own(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """A client of an application that serves a tree with inputs of every type, and versions that end."""
    directory = tmp_path_factory.mktemp("trees")
    editions.write_ending(directory)
    (directory / "typed.yaml").write_bytes(TYPED.read_bytes())
    return create_app(Settings(log_level="error", trees_dir=directory)).test_client()
