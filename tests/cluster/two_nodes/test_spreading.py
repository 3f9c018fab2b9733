"""Where pods run: docs/deploy.md, "Install"."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.cluster.kubectl import apply_objects, get_object, kubectl, list_nodes, temporary_namespace
from tests.cluster.release import SHORT_DRAIN, Release, image_under_test, is_ready, merge_values

RESTARTS = 3


def nodes_of(release: Release) -> list[str]:
    """The node of each ready pod."""
    return sorted(pod["spec"]["nodeName"] for pod in release.ready_pods())


def free_cpu(node: str) -> int:
    """The processors that a node has to give, in thousandths."""
    text: str = get_object("node", node)["status"]["allocatable"]["cpu"]
    return int(text.removesuffix("m")) if text.endswith("m") else int(text) * 1000


@contextmanager
def fuller_node(node: str) -> Iterator[None]:
    """A node of which half is taken, so that the scheduler prefers the other one."""
    with temporary_namespace("filler") as namespace:
        container: dict[str, Any] = {
            "name": "filler",
            "image": image_under_test(),
            "command": ["python", "-c", "import time; time.sleep(7200)"],
            "resources": {"requests": {"cpu": f"{free_cpu(node) // 2}m"}},
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }
        spec = {
            "nodeSelector": {"kubernetes.io/hostname": node},
            "terminationGracePeriodSeconds": 1,
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [container],
        }
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "filler"}, "spec": spec}
        apply_objects(pod, namespace=namespace)
        ready = ("wait", "--for", "condition=Ready", "pod/filler", "--timeout", "60s")
        kubectl(*ready, namespace=namespace)
        yield


def test_two_pods_run_on_different_nodes(release: Release) -> None:
    """deploy.md: "two pods, on different nodes if possible"."""
    release.upgrade()
    assert list_nodes() == nodes_of(release)


def test_restarted_pods_run_on_different_nodes(release: Release) -> None:
    """deploy.md: "two pods, on different nodes if possible", even if one node has more room: the pods that a
    restart brings are spread by themselves, and not only together with those that go.
    """
    with fuller_node(list_nodes()[-1]):
        release.upgrade(SHORT_DRAIN)
        for _ in range(RESTARTS):
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
        assert 3 == len([pod for pod in release.list_pods() if is_ready(pod)])
    finally:
        kubectl("uncordon", node)
