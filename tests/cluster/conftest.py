"""Tests in a cluster, whose size CLUSTER_NODES has, and what they share; elsewhere they are skipped."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.layout import FOLDERS
from tests.cluster.operators import install_definitions
from tests.cluster.release import Release, temporary_release

HERE = Path(__file__).parent
SIZES = {folder: str(nodes) for nodes, folder in FOLDERS.items()}
OUTSIDE = "outside"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what wants a cluster of another size than this one, and skip all where there is none."""
    here = os.environ.get("CLUSTER_NODES")
    others = [item for item in items if HERE in item.path.parents and wanted_size(item) != here]
    if here is not None:
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item not in others]
        return
    for item in others:
        reason = f"runs by `make cluster`, where CLUSTER_NODES={wanted_size(item)}"
        item.add_marker(pytest.mark.skip(reason))


def wanted_size(item: pytest.Item) -> str:
    """What CLUSTER_NODES has to be for a test of this folder."""
    return SIZES.get(item.path.relative_to(HERE).parts[0], OUTSIDE)


@pytest.fixture
def release() -> Iterator[Release]:
    """A release for one test, in a namespace of its own and not yet installed."""
    with temporary_release("advice") as it:
        yield it


@pytest.fixture(scope="session")
def operators() -> None:
    """The kinds of objects that operators bring, which some examples have."""
    install_definitions()
