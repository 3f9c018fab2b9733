"""What the tests of the chart share."""

from __future__ import annotations

import pytest

from tests.helm import chart
from tests.helm.chart import Values


@pytest.fixture(params=chart.cases())
def example(request: pytest.FixtureRequest) -> Values:
    """The example values of each feature in turn."""
    return chart.case(request.param)
