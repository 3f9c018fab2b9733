"""KEDA's own operator sets the number of pods: docs/deploy.md, "Scale"."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster.autoscaling import (
    HPA_SECONDS,
    METRICS_SECONDS,
    QUICK_DOWN,
    assert_starts_from_one,
    cpu_use,
    external_metric,
    install_scaled,
    load_until_it_grows,
    load_until_it_shrinks,
    replicas,
)
from tests.cluster.keda import guide_trigger, running_keda
from tests.cluster.kubectl import list_objects, sampled, temporary_namespace, wait_until
from tests.cluster.layout import Layout
from tests.cluster.prometheus_pod import (
    PrometheusPod,
    label_namespaces,
    scrape_by_name,
    start_prometheus,
)
from tests.cluster.release import SHORT_DRAIN, Release, merge_values, temporary_release
from tests.load import assert_nothing_lost, running_load

SCALED = {
    "autoscaling": {
        "mode": "keda",
        "minReplicas": 2,
        "maxReplicas": 4,
        "keda": {"advanced": {"horizontalPodAutoscalerConfig": {"behavior": QUICK_DOWN}}},
    }
}
NO_RULES: dict[str, Any] = {"groups": []}
HPA_PERIOD_SECONDS = 15
"""How often Kubernetes looks at the metrics of an HPA."""


@pytest.fixture(scope="module", autouse=True)
def keda(operators: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """KEDA, while the tests of this module run."""
    with running_keda(Layout.from_environment(), tmp_path_factory.mktemp("keda") / "keys"):
        yield


@pytest.fixture(scope="module")
def scaled(keda: None) -> Iterator[Release]:
    """A release with the chart's default trigger, whose HPA knows the use of its pods."""
    with temporary_release("scaled") as it:
        it.upgrade(SCALED)
        wait_until("the use of the pods", lambda: cpu_use(it) is not None, METRICS_SECONDS)
        yield it


@pytest.fixture
def neighbour() -> Iterator[Release]:
    """A release in another namespace."""
    with temporary_release("neighbour") as it:
        it.upgrade(replicas(1))
        yield it


@pytest.fixture
def prometheus(release: Release, neighbour: Release) -> Iterator[PrometheusPod]:
    """A Prometheus that scrapes two releases, and labels the pods of each with its namespace."""
    scrape = label_namespaces(scrape_by_name(release, neighbour))
    with temporary_namespace("monitoring", restricted=False) as namespace:
        yield start_prometheus(namespace, (scrape, NO_RULES))


def all_requests(release: Release) -> str:
    """The query for the requests of any route in a release's namespace."""
    return f'sum(rate(finetune_advisor_http_requests_total{{namespace="{release.namespace}"}}[2m]))'


def wait_for_requests(release: Release, prometheus: PrometheusPod, rate: float) -> None:
    """Wait until Prometheus has seen more than so many requests a second in a release's namespace."""
    enough = f"more than {rate} requests/s in {release.namespace}"
    wait_until(enough, lambda: prometheus.get_number(all_requests(release)) > rate, 90)


def scale_by_requests(release: Release, prometheus: PrometheusPod, threshold: str) -> None:
    """Install a release with the guide's trigger, and wait until its HPA has got a number of requests."""
    trigger = guide_trigger(release, prometheus, threshold)
    release.upgrade(merge_values(SCALED, {"autoscaling": {"keda": {"triggers": [trigger]}}}))
    wait_until("the requests", lambda: external_metric(release) is not None, METRICS_SECONDS)


def test_keda_adds_pods_under_load_and_loses_no_request(scaled: Release) -> None:
    """deploy.md: "Without `triggers`, `keda` follows CPU use": it raises the number of pods."""
    assert_nothing_lost(load_until_it_grows(scaled))


def test_keda_removes_pods_and_loses_no_request(scaled: Release) -> None:
    """deploy.md: "Without `triggers`, `keda` follows CPU use": with little, all but `minReplicas` end."""
    assert_nothing_lost(load_until_it_shrinks(scaled), least_answers=20)


def test_requests_of_callers_add_pods(release: Release, prometheus: PrometheusPod) -> None:
    """deploy.md: "`keda` makes a ScaledObject": with the guide's trigger, more requests than the threshold
    for each pod raise their number.
    """
    scale_by_requests(release, prometheus, "5")
    with running_load(release.url()) as load:
        wait_until("more than two ready pods", lambda: len(release.ready_pods()) > 2, HPA_SECONDS)
    assert_nothing_lost(load)


def test_other_requests_add_no_pods(
    release: Release, neighbour: Release, prometheus: PrometheusPod
) -> None:
    """deploy.md: "The query leaves out other namespaces, and probes and scrapes"."""
    scale_by_requests(release, prometheus, "0.1")
    with running_load(neighbour.url()):
        for it in (release, neighbour):
            wait_for_requests(it, prometheus, 0.4)  # enough for four pods
        with (
            sampled(release.wanted_pods) as wanted,
            sampled(lambda: external_metric(release)) as counted,
        ):
            time.sleep(2 * HPA_PERIOD_SECONDS)
    assert ({2}, {0.0}) == (set(wanted), set(counted))


def test_without_pods_no_request_brings_them_back(release: Release, prometheus: PrometheusPod) -> None:
    """deploy.md: "Without pods, nothing counts the requests that would bring them back"."""
    keda = {
        "triggers": [guide_trigger(release, prometheus, "5")],
        "pollingInterval": 1,
        "cooldownPeriod": 1,
    }
    none = {"autoscaling": {"minReplicas": 0, "keda": keda}}
    release.upgrade(merge_values(SHORT_DRAIN, SCALED, none), wait=False)
    wait_until("no pods are wanted", lambda: release.wanted_pods() == 0, 60)
    with running_load(release.url(), pause_seconds=0.2) as load:
        time.sleep(HPA_PERIOD_SECONDS)
    assert (0, 0) == (release.wanted_pods(), sum(load.answered.values()))


def test_keda_warns_of_nothing(release: Release) -> None:
    """values.yaml: "Only with `minReplicas: 0`": KEDA's webhook warns of settings that have no effect."""
    interval = {"autoscaling": {"keda": {"pollingInterval": 30}}}
    assert "PollingInterval" in release.upgrade(merge_values(SCALED, interval)).stderr
    assert "" == release.upgrade(SCALED).stderr


def test_keda_takes_over_once_the_hpa_is_deleted(release: Release) -> None:
    """deploy.md: "From `hpa` to `keda`, delete the HPA right before the upgrade, because KEDA refuses to
    scale what an HPA scales": the number of pods stays.
    """
    release.upgrade({"autoscaling": {"mode": "hpa"}})
    refused = release.upgrade(SCALED, must_succeed=False)
    assert "is already managed by the hpa" in refused.stderr
    with sampled(release.wanted_pods) as wanted:
        release.kubectl("delete", "hpa", release.full_name)
        release.upgrade(SCALED)
        wait_until("KEDA's HPA", lambda: list_objects("hpa", release.namespace), 30)
        time.sleep(HPA_PERIOD_SECONDS)
    assert {2} == set(wanted)


def test_keda_in_place_of_replicas_starts_from_one(release: Release) -> None:
    """deploy.md: "A running release that changes from `none` to a scaler loses `replicas`, and Kubernetes
    then starts from 1 … until the scaler raises the number to `autoscaling.minReplicas`".
    """
    assert_starts_from_one(release, SCALED)


def test_a_number_takes_the_place_of_keda(release: Release) -> None:
    """deploy.md: "The way back from a scaler to `none` needs the option as well"."""
    install_scaled(release, SCALED)
    release.upgrade(replicas(3), "--force-conflicts")
    wait_until(
        "KEDA's HPA is gone", lambda: not list_objects("hpa,scaledobjects", release.namespace), 30
    )
    assert 3 == len(release.wait_for_pods(3))
