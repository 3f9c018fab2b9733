"""What the tests on an API server share: the operators' kinds, and objects that examples name."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster.kubectl import apply_objects
from tests.cluster.operators import install_definitions
from tests.cluster.release import Release, temporary_release

PRIORITY = {
    "apiVersion": "scheduling.k8s.io/v1",
    "kind": "PriorityClass",
    "metadata": {"name": "business-critical"},
    "value": 1000,
}
RUNTIME = {
    "apiVersion": "node.k8s.io/v1",
    "kind": "RuntimeClass",
    "metadata": {"name": "gvisor"},
    "handler": "runc",
}


@pytest.fixture(scope="session", autouse=True)
def _what_examples_name() -> None:
    """The kinds of KEDA, the Gateway API and the Prometheus operator, and two classes of pods."""
    install_definitions()
    apply_objects(PRIORITY, RUNTIME)


@pytest.fixture
def release() -> Iterator[Release]:
    """A release in a namespace of its own, not yet installed."""
    with temporary_release("release") as it:
        yield it
