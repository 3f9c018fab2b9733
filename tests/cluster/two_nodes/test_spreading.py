"""Where pods run: docs/deploy.md, "Install"."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.cluster.kubectl import kubectl, list_nodes
from tests.cluster.release import SHORT_DRAIN, Release, merge_values


def nodes_of(release: Release) -> list[str]:
    """The node of each ready pod."""
    return sorted(pod["spec"]["nodeName"] for pod in release.ready_pods())


@contextmanager
def disliked_node(node: str) -> Iterator[None]:
    """A node that the scheduler avoids more than it spreads pods by itself."""
    taint = "tests=cluster:PreferNoSchedule"
    kubectl("taint", "node", node, taint)
    try:
        yield
    finally:
        kubectl("taint", "node", node, f"{taint}-")


def test_two_pods_run_on_different_nodes(release: Release) -> None:
    """deploy.md: "two pods, on different nodes if possible"."""
    release.upgrade()
    assert list_nodes() == nodes_of(release)


def test_pods_run_on_different_nodes_if_one_is_disliked(release: Release) -> None:
    """deploy.md: "two pods, on different nodes if possible": the chart asks for more than what schedulers do
    for any pods of a Service.
    """
    with disliked_node(list_nodes()[-1]):
        release.upgrade(SHORT_DRAIN)
        assert list_nodes() == nodes_of(release)


def test_restarted_pods_run_on_different_nodes(release: Release) -> None:
    """deploy.md: "two pods, on different nodes if possible": after a restart, too."""
    release.upgrade(SHORT_DRAIN)
    release.kubectl("rollout", "restart", f"deployment/{release.full_name}")
    release.kubectl("rollout", "status", f"deployment/{release.full_name}", "--timeout", "120s")
    release.wait_for_pods()
    assert list_nodes() == nodes_of(release)


def test_pods_share_a_node_if_there_is_only_one(release: Release) -> None:
    """deploy.md: "on different nodes if possible": with one node closed, both pods still run."""
    node = list_nodes()[0]
    kubectl("cordon", node)
    try:
        release.upgrade(merge_values(SHORT_DRAIN, {"replicas": 3}))
        assert 3 == len(release.ready_pods())
    finally:
        kubectl("uncordon", node)
