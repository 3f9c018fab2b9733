"""What the tests on an API server share: the operators' kinds, and objects that examples name."""

from __future__ import annotations

import pytest

from tests.cluster.examples import CLASSES
from tests.cluster.kubectl import apply_objects


@pytest.fixture(scope="session", autouse=True)
def _what_examples_name(operators: None) -> None:
    """The kinds of KEDA, the Gateway API and the Prometheus operator, and two classes of pods."""
    apply_objects(*CLASSES)
