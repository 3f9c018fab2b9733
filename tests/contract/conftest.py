"""What the contract's tests share: the contract."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract import described


@pytest.fixture(scope="session")
def contract() -> dict[str, Any]:
    """The committed contract."""
    return described.committed()
