"""The faults that tests on a cluster have to notice can still be put into the chart."""

from __future__ import annotations

import pytest

from tests.cluster.promises import read_promises
from tests.cluster.seeded_faults import FAULTS, Fault, broken_chart
from tests.helm import chart


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_broken_chart_renders_otherwise(fault: Fault) -> None:
    """A fault changes what Helm makes of the chart, and isn't one that Helm itself refuses."""
    values = {"trees": {"documents": {"acme.yaml": "version: 1"}}}
    with broken_chart(fault) as broken:
        assert chart.texts(values) != chart.texts(values, chart=broken)


def test_the_tests_that_have_to_fail_exist() -> None:
    """A fault names a test by its file and function."""
    tests = {promise.test.replace("::", ".py::") for promise in read_promises()}
    assert set() == {fault.test.partition("[")[0] for fault in FAULTS} - tests
