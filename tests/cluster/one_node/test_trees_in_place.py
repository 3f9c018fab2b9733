"""A ConfigMap that changes under running pods: docs/changing-trees.md, "A ConfigMap that changes …"."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.cluster.kubectl import wait_until
from tests.cluster.release import KUBELET_SECONDS, Release, ask, pod_url, temporary_release
from tests.cluster.trees import (
    BROKEN_TREE,
    CHANGED_TREE,
    CHANGED_VERSION,
    GOOD_TREE,
    GOOD_VERSION,
    WATCHED,
    apply_trees,
    default_version,
    wait_for_default_version,
)
from tests.load import assert_nothing_lost, running_load

CURRENT_TREE = GOOD_TREE.replace("status: candidate", "status: current")
CURRENT_CHANGED_TREE = CHANGED_TREE.replace("status: candidate", "status: current")
CURRENT_BROKEN_TREE = BROKEN_TREE.replace("status: candidate", "status: current")


@pytest.fixture
def watching() -> Iterator[Release]:
    """A release whose pods look for changes of a ConfigMap every second."""
    with temporary_release("watching") as it:
        apply_trees(it, CURRENT_TREE)
        it.upgrade(WATCHED)
        yield it


def sum_of_metric(release: Release, name: str) -> float:
    """A metric of all ready pods together."""
    texts = [ask(pod_url(pod, "/metrics")).text for pod in release.ready_pods()]
    return sum(
        float(value) for text in texts for value in re.findall(rf"^{name} (\S+)$", text, re.MULTILINE)
    )


def test_pods_serve_a_changed_config_map_without_being_replaced(watching: Release) -> None:
    """deploy.md: "the pods serve a changed ConfigMap without being replaced", and no request
    is lost.
    """
    before = [pod["metadata"]["uid"] for pod in watching.ready_pods()]
    with running_load(watching.url()) as load:
        apply_trees(watching, CURRENT_CHANGED_TREE)
        wait_for_default_version(watching, CHANGED_VERSION, KUBELET_SECONDS)
    assert_nothing_lost(load)
    assert before == [pod["metadata"]["uid"] for pod in watching.ready_pods()]


def test_a_reload_is_counted_by_each_pod(watching: Release) -> None:
    """operations.md: "`finetune_advisor_tree_reloads_total{result}`": one success of each pod."""
    apply_trees(watching, CURRENT_CHANGED_TREE)
    wait_for_default_version(watching, CHANGED_VERSION, KUBELET_SECONDS)
    assert 2 == sum_of_metric(watching, r'finetune_advisor_tree_reloads_total\{result="success"\}')
    assert 2 == sum_of_metric(watching, "finetune_advisor_tree_last_reload_success")


def test_pods_keep_the_trees_before_a_broken_one(watching: Release) -> None:
    """changing-trees.md: "with a broken document they serve the trees before, and
    `FinetuneAdvisorTreesNotReloaded` fires".
    """
    apply_trees(watching, CURRENT_BROKEN_TREE)
    wait_until(
        "both pods have refused the document",
        lambda: sum_of_metric(watching, "finetune_advisor_tree_last_reload_success") == 0,
        KUBELET_SECONDS,
    )
    assert GOOD_VERSION == default_version(watching)
    assert 2 == len(watching.ready_pods())


def test_a_pod_that_starts_meanwhile_fails(watching: Release) -> None:
    """changing-trees.md: "A pod that starts meanwhile fails"."""
    apply_trees(watching, CURRENT_BROKEN_TREE)
    [pod, _] = watching.ready_pods()
    watching.kubectl("delete", "pod", pod["metadata"]["name"], "--grace-period=1")

    def refusals() -> list[str]:
        logs = [watching.read_logs(one, "check-trees") for one in watching.list_pods()]
        return [log for log in logs if "add a branch" in log]

    assert 1 == len(wait_until("the new pod refuses the document", refusals, 60))
