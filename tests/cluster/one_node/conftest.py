"""What the tests on one node share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster import operators as operator_kinds
from tests.cluster.release import Release, temporary_release


@pytest.fixture
def release() -> Iterator[Release]:
    """A release for one test, in a namespace of its own and not yet installed."""
    with temporary_release("advice") as it:
        yield it


@pytest.fixture(scope="module")
def installed() -> Iterator[Release]:
    """The default release, which the tests of a module leave as it is."""
    with temporary_release("advice") as it:
        it.upgrade()
        yield it


@pytest.fixture(scope="session")
def operators() -> None:
    """The kinds of objects that operators bring, which some examples have."""
    operator_kinds.install_definitions()
