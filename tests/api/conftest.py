"""What the API's tests share: an application in this process, and a tree with inputs of every type."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from finetune_advisor.app import create_app
from finetune_advisor.settings import Settings
from tests import editions

TYPED = Path(__file__).parent / "typed.yaml"


@pytest.fixture(scope="session")
def client() -> FlaskClient:
    """A client of an application with the settings' defaults."""
    return create_app(Settings(log_level="error")).test_client()


@pytest.fixture(scope="session")
def typed_trees(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that holds the tree with typed inputs."""
    directory = tmp_path_factory.mktemp("trees")
    (directory / "typed.yaml").write_bytes(TYPED.read_bytes())
    return directory


@pytest.fixture(scope="session")
def typed(typed_trees: Path) -> FlaskClient:
    """A client of an application that serves the typed tree beside the bundled ones."""
    return create_app(Settings(log_level="error", trees_dir=typed_trees)).test_client()


@pytest.fixture(scope="session")
def ending_trees(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that holds a deprecated, a retired and a successive version."""
    directory = tmp_path_factory.mktemp("ending")
    editions.write_ending(directory)
    return directory


@pytest.fixture(scope="session")
def ending(ending_trees: Path) -> FlaskClient:
    """A client of an application that serves the deprecated version and its successor."""
    return create_app(Settings(log_level="error", trees_dir=ending_trees)).test_client()
