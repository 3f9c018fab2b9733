"""What an upgrade, a restart and a rollback do: docs/deploy.md, "Upgrade"."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.kubectl import sampled, wait_until
from tests.cluster.release import (
    SETTLE_SECONDS,
    SHORT_DRAIN,
    Release,
    Values,
    chart_under_test,
    merge_values,
    temporary_release,
)
from tests.load import assert_nothing_lost, running_load

MONITORED: Values = {
    "metrics": {"monitor": {"kind": "ServiceMonitor"}},
    "prometheusRule": {"enabled": True},
}
REPLACING: dict[str, Values] = {
    "image": {"image": {"tag": "0.0.0-missing"}},
    "setting": {"settings": {"maxBatch": 999}},
    "own trees": {"trees": {"documents": {"acme.yaml": "version: 1.0.0-acme.1"}}},
    "resources": {"resources": {"limits": {"memory": "600Mi"}}},
    "probes": {"probes": {"liveness": {"periodSeconds": 60}}},
    "labels of pods": {"podLabels": {"cost-center": "42"}},
    "annotations of pods": {"podAnnotations": {"example.com/note": "pods"}},
    "commonLabels": {"commonLabels": {"team": "ours"}},
}
IN_PLACE: dict[str, Values] = {
    "number of pods": {"replicas": 3},
    "Services": {"service": {"port": 81}},
    "Ingresses": {"ingress": {"enabled": True, "hosts": [{"host": "a.example.com"}]}},
    "policies": {"networkPolicy": {"httpFrom": [{"podSelector": {"matchLabels": {"a": "b"}}}]}},
    "disruption budget": {"podDisruptionBudget": {"minAvailable": 1}},
    "dashboard": {"dashboard": {"enabled": True}},
}


@pytest.fixture(scope="module")
def changing() -> Iterator[Release]:
    """A release that each test of a module changes from the default, without a wait for its pods."""
    with temporary_release("changing") as it:
        yield it


def revisions_before_and_after(release: Release, **change: Any) -> tuple[int, int]:
    """The revision of the pods of a default release, and that after a change."""
    release.upgrade(SHORT_DRAIN, wait=False)
    before = settled_revision(release)
    release.upgrade(merge_values(SHORT_DRAIN, change), wait=False)
    return before, settled_revision(release)


def settled_revision(release: Release) -> int:
    """The revision of the pods, once the controller has seen the last change of the Deployment."""

    def revision() -> int:
        deployment = release.get_deployment()
        seen = deployment["status"].get("observedGeneration") == deployment["metadata"]["generation"]
        return release.pod_revision() if seen else 0

    return wait_until("the controller sees the Deployment", revision, 30)


@pytest.mark.parametrize("change", REPLACING)
def test_what_pods_contain_replaces_them(changing: Release, change: str) -> None:
    """deploy.md: "An upgrade replaces the pods if it changes what they contain"."""
    before, after = revisions_before_and_after(changing, **REPLACING[change])
    assert after != before


def test_a_new_version_of_the_chart_replaces_pods(changing: Release, tmp_path: Path) -> None:
    """deploy.md: "… or the version of the chart"."""
    chart = tmp_path / "finetune-advisor"
    shutil.copytree(chart_under_test(), chart)
    text = (chart / "Chart.yaml").read_text(encoding="utf-8")
    lines = ["version: 99.0.0" if line.startswith("version:") else line for line in text.splitlines()]
    (chart / "Chart.yaml").write_text("\n".join(lines), encoding="utf-8")
    changing.upgrade(SHORT_DRAIN, wait=False)
    before = settled_revision(changing)
    Release(changing.namespace, chart=chart).upgrade(SHORT_DRAIN, wait=False)
    assert settled_revision(changing) != before


@pytest.mark.parametrize("change", IN_PLACE)
def test_what_is_around_pods_leaves_them(changing: Release, change: str) -> None:
    """deploy.md: "Changes of the number of pods, of Services, Ingresses, routes, policies and
    monitoring don't".
    """
    before, after = revisions_before_and_after(changing, **IN_PLACE[change])
    assert after == before


def test_monitoring_leaves_pods(changing: Release, operators: None) -> None:
    """deploy.md: "Changes … of … monitoring don't replace them"."""
    before, after = revisions_before_and_after(changing, **MONITORED)
    assert after == before


def test_a_restart_loses_no_request(release: Release) -> None:
    """deploy.md: "New pods come one at a time, each before an old one goes": seen by callers during a
    restart.
    """
    release.upgrade()
    with running_load(release.url()) as load:
        time.sleep(2)
        release.kubectl("rollout", "restart", f"deployment/{release.full_name}")
        release.kubectl("rollout", "status", f"deployment/{release.full_name}", "--timeout", "180s")
        time.sleep(SETTLE_SECONDS)
    assert_nothing_lost(load)


def test_an_upgrade_loses_no_request(release: Release) -> None:
    """deploy.md: "New pods come one at a time, each before an old one goes": seen by callers during an
    upgrade.
    """
    release.upgrade()
    with running_load(release.url()) as load:
        release.upgrade({"settings": {"maxBatch": 1000}})
        time.sleep(SETTLE_SECONDS)
    assert_nothing_lost(load)


def test_two_pods_are_ready_at_any_time(release: Release) -> None:
    """deploy.md: "New pods come one at a time, each before an old one goes": never less than the two,
    and one more.
    """
    release.upgrade(SHORT_DRAIN)
    with (
        sampled(lambda: len(release.ready_pods())) as ready,
        sampled(
            lambda: len(
                [pod for pod in release.list_pods() if "deletionTimestamp" not in pod["metadata"]]
            )
        ) as alive,
    ):
        release.upgrade(merge_values(SHORT_DRAIN, {"settings": {"maxBatch": 1000}}))
    assert min(ready) >= 2
    assert 3 == max(alive)


def test_a_setting_is_in_force_after_an_upgrade(release: Release) -> None:
    """deploy.md: "Every environment variable of the service is a value: `FINETUNE_ADVISOR_MAX_BATCH` is
    `settings.maxBatch`, and so on".
    """
    release.upgrade(SHORT_DRAIN)
    assert 200 == release.ask("/assess/batch", {"profiles": [{}] * 3}).status_code
    release.upgrade(merge_values(SHORT_DRAIN, {"settings": {"maxBatch": 2}}))
    release.wait_for_pods()
    assert not release.ask("/assess/batch", {"profiles": [{}] * 3}).ok


def test_a_rollback_brings_the_earlier_state_back(release: Release) -> None:
    """deploy.md: "To go back … helm rollback advisor 3 --namespace advice --wait"."""
    release.upgrade(SHORT_DRAIN)
    release.upgrade(merge_values(SHORT_DRAIN, {"settings": {"maxBatch": 2}}))
    release.roll_back(1, "--wait")
    release.wait_for_pods()
    assert 200 == release.ask("/assess/batch", {"profiles": [{}] * 3}).status_code
