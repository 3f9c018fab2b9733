"""One thing sets the number of pods, whichever it is."""

from __future__ import annotations

import pytest

from tests.helm import chart


@pytest.mark.parametrize(
    ("name", "kind", "replicas"),
    [
        ("default", None, 2),
        ("minimal", None, 1),
        ("hpa", "HorizontalPodAutoscaler", None),
        ("keda", "ScaledObject", None),
        ("external-scaling", None, None),
    ],
)
def test_the_number_of_pods_has_one_master(name: str, kind: str | None, replicas: int | None) -> None:
    """Replicas are rendered only where nothing else scales, and at most one scaler is."""
    manifests = chart.render(chart.case(name))
    deployment = chart.one("Deployment", manifests)
    scalers = [one for one in manifests if one["kind"] in ("HorizontalPodAutoscaler", "ScaledObject")]
    assert replicas == deployment["spec"].get("replicas")
    assert [kind] * bool(kind) == [one["kind"] for one in scalers]
    for scaler in scalers:
        assert deployment["metadata"]["name"] == scaler["spec"]["scaleTargetRef"]["name"]


@pytest.mark.parametrize("name", ["pollingInterval", "cooldownPeriod"])
def test_keda_keeps_its_own_times_unless_one_is_given(name: str) -> None:
    """KEDA warns of times that have no effect."""
    [default, given] = [
        chart.one("ScaledObject", chart.render({"autoscaling": {"mode": "keda", "keda": keda}}))["spec"]
        for keda in ({}, {name: 1})
    ]
    assert (None, 1) == (default.get(name), given[name])


def test_no_cooldown_at_all_is_a_time() -> None:
    """Zero isn't taken for nothing said."""
    values = {"autoscaling": {"mode": "keda", "keda": {"cooldownPeriod": 0}}}
    assert 0 == chart.one("ScaledObject", chart.render(values))["spec"]["cooldownPeriod"]


def test_no_pods_at_all_is_a_number_of_pods() -> None:
    """Zero isn't taken for nothing said."""
    assert 0 == chart.one("Deployment", chart.render({"replicas": 0}))["spec"]["replicas"]


def test_pods_keep_away_from_each_other() -> None:
    """Softly, by node and by zone, counted by revision."""
    spec = chart.server()
    spreads = spec["topologySpreadConstraints"]
    selector = chart.one("Deployment", chart.render())["spec"]["selector"]
    assert {"ScheduleAnyway"} == {one["whenUnsatisfiable"] for one in spreads}
    assert [selector, selector] == [one["labelSelector"] for one in spreads]
    assert [["pod-template-hash"]] * 2 == [one["matchLabelKeys"] for one in spreads]
    assert ["preferredDuringSchedulingIgnoredDuringExecution"] == list(
        spec["affinity"]["podAntiAffinity"]
    )


def test_placing_can_be_said() -> None:
    """What the user says of affinity and spread replaces the defaults."""
    spec = chart.server(chart.case("scheduling"))
    assert {"nodeAffinity"} == spec["affinity"].keys()
    [spread] = spec["topologySpreadConstraints"]
    assert ("DoNotSchedule", 2, []) == (
        spread["whenUnsatisfiable"],
        spread["maxSkew"],
        spread["matchLabelKeys"],
    )


def test_the_example_for_keda_counts_what_callers_ask() -> None:
    """Of one namespace, without probes and scrapes; in the guide, too."""
    [trigger] = chart.case("keda")["autoscaling"]["keda"]["triggers"]
    query = trigger["metadata"]["query"]
    assert f'{{namespace="{chart.NAMESPACE}",route!~"/healthz|/readyz|/metrics"}}' in query
    assert f"query: {query}\n" in (chart.ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
