"""Nodes that are emptied, and pods that are evicted: docs/deploy.md, "Install" and "Drain"."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.cluster.kubectl import Completed, Manifest, kubectl, list_nodes, sampled, wait_until
from tests.cluster.release import SETTLE_SECONDS, Release
from tests.load import assert_nothing_lost, running_load


def evict(pod: Manifest) -> Completed:
    """Ask the API server to evict a pod, which it does unless a budget forbids it."""
    name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
    metadata = {"name": name, "namespace": namespace}
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata}
    path = f"/api/v1/namespaces/{namespace}/pods/{name}/eviction"
    text = json.dumps(eviction)
    return kubectl("create", "--raw", path, "--filename", "-", stdin=text, must_succeed=False)


@contextmanager
def drained(node: str) -> Iterator[Completed]:
    """A node that `kubectl drain` has emptied."""
    drain = (
        "drain",
        node,
        "--ignore-daemonsets",
        "--delete-emptydir-data",
        "--force",
        "--timeout",
        "150s",
    )
    try:
        yield kubectl(*drain)
    finally:
        kubectl("uncordon", node)


def test_one_pod_may_be_evicted_and_the_second_not_yet(release: Release) -> None:
    """deploy.md: "a disruption budget that lets one pod go at a time"."""
    release.upgrade()
    first, second = release.ready_pods()
    assert 0 == evict(first).returncode
    assert "disruption budget" in evict(second).stderr


def test_the_second_pod_may_be_evicted_once_there_is_another(release: Release) -> None:
    """deploy.md: "a disruption budget that lets one pod go at a time": it doesn't block for ever."""
    release.upgrade()
    first, second = release.ready_pods()
    evict(first)
    wait_until("the second may go", lambda: evict(second).returncode == 0, 60)


def test_evictions_lose_no_request(release: Release) -> None:
    """deploy.md: "A pod that ends is taken out of the Service first": evicted pods, too."""
    release.upgrade()
    pods = release.ready_pods()
    with running_load(release.url()) as load:
        for pod in pods:
            wait_until("the pod may go", lambda pod=pod: evict(pod).returncode == 0, 60)  # type: ignore[misc]
        time.sleep(SETTLE_SECONDS)
    assert_nothing_lost(load)


def test_the_drain_of_a_node_loses_no_request(release: Release) -> None:
    """deploy.md: "A pod that ends is taken out of the Service first": all pods of a node, too."""
    release.upgrade()
    node = release.ready_pods()[0]["spec"]["nodeName"]
    with running_load(release.url()) as load, drained(node):
        wait_until("two ready pods", lambda: len(release.ready_pods()) == 2, 60)
        time.sleep(SETTLE_SECONDS)
    assert_nothing_lost(load)


def test_the_drain_of_a_node_leaves_a_pod_at_any_time(release: Release) -> None:
    """deploy.md: "a disruption budget that lets one pod go at a time", if both are on one node, too."""
    node, other = list_nodes()
    kubectl("cordon", other)
    try:
        release.upgrade()
    finally:
        kubectl("uncordon", other)
    assert {node} == {pod["spec"]["nodeName"] for pod in release.ready_pods()}
    with (
        sampled(lambda: len(release.ready_pods())) as ready,
        drained(node),
    ):
        wait_until("two ready pods", lambda: len(release.ready_pods()) == 2, 60)
    assert min(ready) >= 1
