"""What a release gives to Prometheus' operator and Grafana's sidecar: docs/deploy.md, "Monitor"."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.cluster.guide import values_after
from tests.cluster.kubectl import Manifest, list_objects
from tests.cluster.release import Release

SENTENCE = "With the Prometheus operator, and Grafana with a sidecar for dashboards:"
SELECTOR = "release=prometheus"
"""The labels by which the operator of the guide's values takes objects."""


@pytest.fixture
def both(release: Release) -> str:
    """A namespace with two releases of the guide's values."""
    for name in ("advisor", "second"):
        one = replace(release, name=name, full_name=f"{name}-finetune-advisor")
        one.upgrade(values_after(SENTENCE), wait=False)
    return release.namespace


def expressions(rule: Manifest) -> list[str]:
    """What the alerts of an object look at."""
    rules = [one for group in rule["spec"]["groups"] for one in group["rules"]]
    return [one["expr"] for one in rules]


def test_the_operator_finds_an_object_of_each_kind_by_its_labels(both: str) -> None:
    """deploy.md: "With the Prometheus operator, and Grafana with a sidecar for dashboards"."""
    kinds = "servicemonitors.monitoring.coreos.com,prometheusrules.monitoring.coreos.com"
    found = [(one["kind"], one["metadata"]["name"]) for one in list_objects(kinds, both, SELECTOR)]
    names = ("advisor-finetune-advisor", "second-finetune-advisor")
    assert sorted(
        (kind, name) for kind in ("PrometheusRule", "ServiceMonitor") for name in names
    ) == sorted(found)


def test_each_release_has_its_own_alerts(both: str) -> None:
    """deploy.md: "Each release has its own alerts": every one names the job of its release."""
    first, second = list_objects("prometheusrules.monitoring.coreos.com", both)
    assert [] == [one for one in expressions(first) if 'job="second' in one or 'job="advisor' not in one]
    assert [] == [
        one for one in expressions(second) if 'job="advisor' in one or 'job="second' not in one
    ]


def test_each_release_has_its_own_dashboard(both: str) -> None:
    """deploy.md: "Each release has its own alerts and dashboard": Grafana's sidecar finds two, and Grafana
    keeps both, as it goes by their `uid`.
    """
    found = list_objects("configmaps", both, "grafana_dashboard=1")
    dashboards = [json.loads(text) for one in found for text in one["data"].values()]
    assert 2 == len({one["uid"] for one in dashboards}) == len(dashboards)
