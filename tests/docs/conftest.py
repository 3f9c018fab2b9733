"""What the pages' tests share: an application in this process."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from finetune_advisor.app import create_app
from finetune_advisor.settings import Settings


@pytest.fixture(scope="session")
def client() -> FlaskClient:
    """A client of an application with the settings' defaults."""
    return create_app(Settings(log_level="error")).test_client()
