"""A pod ends in time: it is forgotten first, then finishes, and is never killed before."""

from __future__ import annotations

import pytest

from tests.helm import chart
from tests.helm.chart import Manifest, Values


def seconds_before_the_kill(values: Values) -> int:
    """What is left of a pod's grace period after everything that it waits for."""
    spec = chart.server(values)
    [container] = spec["containers"]
    asleep = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    settings = chart.environment(container)
    draining, finishing = (
        int(settings[f"FINETUNE_ADVISOR_{one}"]) for one in ("DRAIN_SECONDS", "GRACEFUL_TIMEOUT")
    )
    return spec["terminationGracePeriodSeconds"] - asleep - draining - finishing


def drain(before: int, draining: int, finishing: int, period: int) -> Values:
    """The values of a drain."""
    stop = {"preStopSeconds": before, "terminationGracePeriodSeconds": period}
    return {"drain": stop, "settings": {"drainSeconds": draining, "gracefulTimeout": finishing}}


def test_every_example_has_five_seconds_to_spare(example: Values) -> None:
    """Sleep, drain, graceful timeout and five seconds fit into the grace period."""
    assert seconds_before_the_kill(example) >= 5


@pytest.mark.parametrize(
    ("before", "draining", "finishing", "period"),
    [(10, 0, 30, 45), (0, 0, 0, 5), (60, 0, 120, 185), (0, 10, 30, 45), (10, 20, 30, 65)],
)
def test_a_drain_that_just_fits_is_taken_and_a_second_less_is_not(
    before: int, draining: int, finishing: int, period: int
) -> None:
    """The bound is exact, and the message says what is needed."""
    assert seconds_before_the_kill(drain(before, draining, finishing, period)) == 5
    with pytest.raises(chart.RefusedError, match=f"is too short.* need {period}"):
        chart.render(drain(before, draining, finishing, period - 1))


@pytest.mark.parametrize(
    ("version", "hook"),
    [
        ("1.29.9", {"exec": {"command": ["sleep", "10"]}}),
        ("1.30.0", {"sleep": {"seconds": 10}}),
        ("1.30.4-gke.1348000", {"sleep": {"seconds": 10}}),
    ],
)
def test_the_sleep_is_kubernetes_own_where_it_has_one(version: str, hook: Manifest) -> None:
    """From 1.30 the kubelet sleeps; before, a command does. A provider's suffix changes nothing."""
    [container] = chart.server(kubernetes=version)["containers"]
    assert {"preStop": hook} == container["lifecycle"]


def test_without_a_wait_there_is_no_hook() -> None:
    """Kubernetes refuses to sleep for no time."""
    [container] = chart.server({"drain": {"preStopSeconds": 0}})["containers"]
    assert "lifecycle" not in container


def test_a_rollout_takes_nothing_away_before_it_adds() -> None:
    """One pod more, none less, and evictions take one at a time, unhealthy ones always."""
    deployment = chart.one("Deployment", chart.render())
    budget = chart.one("PodDisruptionBudget", chart.render())["spec"]
    assert {"maxUnavailable": 0, "maxSurge": 1} == deployment["spec"]["strategy"]["rollingUpdate"]
    assert (1, "AlwaysAllow") == (budget["maxUnavailable"], budget["unhealthyPodEvictionPolicy"])


@pytest.mark.parametrize(("version", "known"), [("1.26.15", False), ("1.27.0", True)])
def test_newer_fields_are_left_out_where_they_are_unknown(version: str, known: bool) -> None:
    """Before 1.27, budgets and spreads lack what 1.27 brought."""
    manifests = chart.render(kubernetes=version)
    budget = chart.one("PodDisruptionBudget", manifests)["spec"]
    spreads = chart.server(kubernetes=version)["topologySpreadConstraints"]
    assert ("unhealthyPodEvictionPolicy" in budget) is known
    assert [known, known] == ["matchLabelKeys" in one for one in spreads]


def test_the_three_probes_ask_different_things() -> None:
    """Readiness follows the trees, liveness the process alone, and starting has more patience than both."""
    [container] = chart.server()["containers"]
    start, ready, live = (container[f"{one}Probe"] for one in ("startup", "readiness", "liveness"))
    assert ["/readyz", "/readyz", "/healthz"] == [one["httpGet"]["path"] for one in (start, ready, live)]
    assert {"metrics"} == {one["httpGet"]["port"] for one in (start, ready, live)}
    patience = [one["periodSeconds"] * one["failureThreshold"] for one in (ready, live, start)]
    assert sorted(patience) == patience
