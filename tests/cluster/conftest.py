"""Tests in a cluster, whose size CLUSTER_NODES has, and what they share; elsewhere they are skipped."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.cluster.layout import FOLDERS
from tests.cluster.operators import install_definitions
from tests.cluster.release import Release, temporary_release

HERE = Path(__file__).parent
SIZES = {folder: str(nodes) for nodes, folder in FOLDERS.items()}
OUTSIDE = "outside"


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    """Skip what wants another cluster than this one, or any."""
    for item in items:
        if HERE in item.path.parents:
            wanted = SIZES.get(item.path.relative_to(HERE).parts[0], OUTSIDE)
            if os.environ.get("CLUSTER_NODES") != wanted:
                item.add_marker(
                    pytest.mark.skip(f"runs by `make cluster`, where CLUSTER_NODES={wanted}")
                )


@pytest.fixture
def release() -> Iterator[Release]:
    """A release for one test, in a namespace of its own and not yet installed."""
    with temporary_release("advice") as it:
        yield it


@pytest.fixture(scope="session")
def operators() -> None:
    """The kinds of objects that operators bring, which some examples have."""
    install_definitions()
