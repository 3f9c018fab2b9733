"""Tests that run in a cluster, whose size CLUSTER_NODES has; elsewhere they are skipped."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SIZES = {"without_nodes": "0", "one_node": "1", "two_nodes": "2"}
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
