"""The number of pods: docs/deploy.md, "Scale"."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.cluster.autoscaling import (
    METRICS_SECONDS,
    QUICK_DOWN,
    assert_starts_from_one,
    cpu_use,
    install_scaled,
    load_until_it_grows,
    load_until_it_shrinks,
    replicas,
)
from tests.cluster.kubectl import get_object, sampled, wait_until
from tests.cluster.release import APPLIES, SHORT_DRAIN, Release, merge_values, temporary_release
from tests.load import assert_nothing_lost

SCALED = merge_values(
    {"autoscaling": {"mode": "hpa", "minReplicas": 2, "maxReplicas": 4}},
    {"autoscaling": {"hpa": {"targetCPUUtilization": 50, "behavior": QUICK_DOWN}}},
)


@pytest.fixture(scope="module")
def scaled() -> Iterator[Release]:
    """A release with an HPA that knows the use of its pods."""
    with temporary_release("scaled") as it:
        it.upgrade(SCALED)
        wait_until("the use of the pods", lambda: cpu_use(it) is not None, METRICS_SECONDS)
        yield it


def test_replicas_set_the_number_of_pods(release: Release) -> None:
    """deploy.md: "Only `none`, the default, uses `replicas`"."""
    release.upgrade(replicas(3))
    assert 3 == len(release.wait_for_pods(3))
    release.upgrade(replicas(1))
    assert 1 == len(release.wait_for_pods(1))


def test_the_hpa_adds_pods_under_load_and_loses_no_request(scaled: Release) -> None:
    """deploy.md: "`hpa` is Kubernetes' own": the pods' CPU use raises their number."""
    assert_nothing_lost(load_until_it_grows(scaled))


def test_the_hpa_removes_pods_and_loses_no_request(scaled: Release) -> None:
    """deploy.md: "`hpa` is Kubernetes' own": with little load, all but `minReplicas` end."""
    assert_nothing_lost(load_until_it_shrinks(scaled), least_answers=20)


@pytest.mark.parametrize("apply", APPLIES)
def test_a_scaler_in_place_of_replicas_starts_from_one(release: Release, apply: str) -> None:
    """deploy.md: "A running release that changes from `none` to a scaler loses `replicas`, and Kubernetes
    then starts from 1 … until the scaler raises the number to `autoscaling.minReplicas`".
    """
    assert_starts_from_one(release, SCALED, apply)


def test_a_scaler_keeps_a_number_that_was_set_by_hand(release: Release) -> None:
    """deploy.md: "set a different number by hand before the upgrade, and it stays"."""
    release.upgrade(replicas(3))
    release.kubectl("scale", "--replicas", "4", f"deployment/{release.full_name}")
    with sampled(release.wanted_pods) as wanted:
        release.upgrade(merge_values(SHORT_DRAIN, SCALED), wait=False)
        time.sleep(10)
    assert {4} == set(wanted)


def test_a_number_takes_the_place_of_a_scaler(release: Release) -> None:
    """deploy.md: "The way back from a scaler to `none` needs the option as well"."""
    install_scaled(release, SCALED)
    release.upgrade(replicas(3), "--force-conflicts")
    assert 3 == len(release.wait_for_pods(3))


def test_an_upgrade_brings_the_number_of_the_values_back(release: Release) -> None:
    """deploy.md: "The next upgrade brings `replicas` back", as far as pods that run."""
    release.upgrade(replicas(2))
    release.kubectl("scale", "--replicas", "1", f"deployment/{release.full_name}")
    release.wait_for_pods(1)
    release.upgrade(replicas(3), "--force-conflicts")
    assert 3 == len(release.wait_for_pods(3))


def test_a_rollback_brings_the_scaler_back(release: Release) -> None:
    """deploy.md: "To go back": from a number of pods to a scaler."""
    install_scaled(release, SCALED)
    release.upgrade(replicas(3), "--force-conflicts")
    release.roll_back(1)
    assert get_object("hpa", release.full_name, release.namespace)
    wait_until("the scaler sets the number", lambda: release.wanted_pods() == 2, 60)
