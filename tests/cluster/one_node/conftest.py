"""What the tests on one node share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster.release import Release, temporary_release


@pytest.fixture(scope="module")
def installed() -> Iterator[Release]:
    """The default release, which the tests of a module leave as it is."""
    with temporary_release("advice") as it:
        it.upgrade()
        yield it
