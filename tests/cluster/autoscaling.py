"""What the tests of all scalers look at: the HPA of a release, and its pods under load."""

from __future__ import annotations

import time
from typing import Any

from tests.cluster.kubectl import list_objects, wait_until
from tests.cluster.release import SETTLE_SECONDS, SHORT_DRAIN, Release, Values, merge_values
from tests.load import Load, running_load

METRICS_SECONDS = 120
HPA_SECONDS = 180
QUICK_DOWN = {"scaleDown": {"stabilizationWindowSeconds": 15}}


def replicas(number: int) -> dict[str, Any]:
    """Values with a number of pods."""
    return merge_values(SHORT_DRAIN, {"replicas": number})


def cpu_use(release: Release) -> float | None:
    """The average CPU use that the release's HPA sees, in percent of the request; None if it sees none."""
    for metric in current_metrics(release):
        if "resource" in metric:
            use: float | None = metric["resource"]["current"].get("averageUtilization")
            return use
    return None


def external_metric(release: Release) -> float | None:
    """What the release's HPA gets from elsewhere, as the average for each pod; None if it gets nothing."""
    for metric in current_metrics(release):
        if "external" in metric:
            return _number(metric["external"]["current"]["averageValue"])
    return None


def current_metrics(release: Release) -> list[dict[str, Any]]:
    """All that the release's HPA has measured."""
    [scaler] = list_objects("hpa", release.namespace)
    metrics: list[dict[str, Any]] = scaler["status"].get("currentMetrics") or []
    return metrics


def _number(quantity: str) -> float:
    """A quantity of Kubernetes, in ones or in thousandths."""
    return float(quantity[:-1]) / 1000 if quantity.endswith("m") else float(quantity)


def scaling_events(release: Release) -> str:
    """What the Deployment's controller says of the changes of its ReplicaSet."""
    events = list_objects("events", release.namespace)
    return "; ".join(event["message"] for event in events if event["reason"] == "ScalingReplicaSet")


def load_until_it_grows(release: Release) -> Load:
    """Load a release until it has more than its two pods."""
    with running_load(release.url(), callers=8, pause_seconds=0) as load:
        wait_until("more than two ready pods", lambda: len(release.ready_pods()) > 2, HPA_SECONDS)
    return load


def load_until_it_shrinks(release: Release) -> Load:
    """Load a release until it has grown, and then little, until all but two pods have ended."""
    load_until_it_grows(release)
    with running_load(release.url(), callers=2, pause_seconds=0.3) as load:
        wait_until("two pods are wanted", lambda: release.wanted_pods() == 2, HPA_SECONDS)
        time.sleep(SETTLE_SECONDS)
    return load


def install_scaled(release: Release, scaled: Values) -> None:
    """Install a release with a scaler, and wait until that has raised the number of pods to two."""
    release.upgrade(merge_values(SHORT_DRAIN, scaled), wait=False)
    wait_until("the scaler has raised the number", lambda: release.wanted_pods() == 2, 60)


def assert_starts_from_one(release: Release, scaled: Values, *options: str) -> None:
    """A scaler that takes the place of `replicas` raises the number to its least from 1, not from 4."""
    release.upgrade(replicas(4), *options)
    release.upgrade(merge_values(SHORT_DRAIN, scaled), *options, wait=False)
    wait_until("the number falls to 1", lambda: "from 4 to 1" in scaling_events(release), 30)
    wait_until("the scaler raises it", lambda: "from 1 to 2" in scaling_events(release), 60)
