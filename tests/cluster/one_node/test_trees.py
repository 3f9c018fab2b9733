"""Own trees of a release: docs/deploy.md, "Own trees" and "Upgrade"."""

from __future__ import annotations

import re
import time
from pathlib import Path

from tests.cluster.kubectl import Manifest, helm, wait_until
from tests.cluster.release import SETTLE_SECONDS, SHORT_DRAIN, Release, is_ready, merge_values
from tests.cluster.trees import (
    BROKEN_TREE,
    CHANGED_TREE,
    CHANGED_VERSION,
    GOOD_TREE,
    GOOD_VERSION,
    apply_trees,
    default_version,
    served_versions,
    tree_config_maps,
    tree_values,
    wait_for_default_version,
)
from tests.load import assert_nothing_lost, running_load

GOOD = merge_values(SHORT_DRAIN, tree_values(GOOD_TREE))
CHANGED = merge_values(SHORT_DRAIN, tree_values(CHANGED_TREE, CHANGED_VERSION))
BROKEN = merge_values(SHORT_DRAIN, tree_values(BROKEN_TREE))
FAILING_SECONDS = 30
DELETE_KEPT_TREES = (
    *("delete", "configmap", "--selector"),
    "app.kubernetes.io/instance=advisor,app.kubernetes.io/component=trees",
)


def waiting_pods(release: Release) -> list[Manifest]:
    """The pods that aren't ready and don't end."""
    return [
        pod
        for pod in release.list_pods()
        if not is_ready(pod) and "deletionTimestamp" not in pod["metadata"]
    ]


def test_a_candidate_answers_if_it_is_named(release: Release) -> None:
    """deploy.md: "As a `candidate`, it is the default if `settings.defaultTreeVersion` names it"."""
    release.upgrade(GOOD)
    assert GOOD_VERSION == default_version(release)


def test_a_current_tree_answers_whatever_its_version(release: Release) -> None:
    """deploy.md: "With `status: current` it is the default, whatever its version"."""
    current = GOOD_TREE.replace("status: candidate", "status: current")
    release.upgrade(merge_values(SHORT_DRAIN, {"trees": {"documents": {"acme.yaml": current}}}))
    assert GOOD_VERSION == default_version(release)


def test_helm_test_checks_own_trees(release: Release) -> None:
    """deploy.md: "One checks that the pods answer every row of the trees' decision tables as the trees
    say".
    """
    release.upgrade(GOOD)
    assert 2 == release.run_tests().stdout.count("Succeeded")


def test_helm_test_fails_on_pods_with_other_trees(release: Release) -> None:
    """deploy.md: "One checks that the pods answer … as the trees say": here the ConfigMap has changed
    under the pods.
    """
    release.upgrade(SHORT_DRAIN)
    apply_trees(release, GOOD_TREE)
    release.upgrade(
        merge_values(SHORT_DRAIN, {"trees": {"existingConfigMap": "our-trees", "revision": "1"}})
    )
    apply_trees(release, CHANGED_TREE)
    assert release.run_tests(must_succeed=False).returncode
    [job] = release.list_objects("jobs")
    log = release.kubectl("logs", f"job/{job['metadata']['name']}").stdout
    assert CHANGED_VERSION in log


def test_a_changed_tree_is_another_config_map_and_replaces_pods(release: Release) -> None:
    """deploy.md: "So a changed tree is a new ConfigMap, and replaces the pods"; "ConfigMaps of earlier
    trees stay".
    """
    release.upgrade(GOOD)
    before, [first] = release.pod_revision(), tree_config_maps(release)
    release.upgrade(CHANGED)
    wait_for_default_version(release, CHANGED_VERSION)
    assert release.pod_revision() == before + 1
    assert {first} < tree_config_maps(release)


def test_a_changed_tree_loses_no_request(release: Release) -> None:
    """deploy.md: "New pods come one at a time, each before an old one goes": with another tree, too."""
    release.upgrade(tree_values(GOOD_TREE))
    with running_load(release.url()) as load:
        release.upgrade(tree_values(CHANGED_TREE, CHANGED_VERSION))
        time.sleep(SETTLE_SECONDS)
    assert_nothing_lost(load)


def test_the_config_map_of_trees_is_immutable(release: Release) -> None:
    """deploy.md: "The documents become an immutable ConfigMap"."""
    release.upgrade(GOOD)
    [name] = tree_config_maps(release)
    patch = '{"data": {"acme.yaml": "other"}}'
    refused = release.kubectl("patch", "configmap", name, "--patch", patch, must_succeed=False)
    assert "immutable" in refused.stderr


def test_a_broken_tree_fails_an_upgrade_that_waits(release: Release) -> None:
    """deploy.md: "Use `--wait`": with it, Helm reports that the new pods stop at a faulty tree."""
    release.upgrade(GOOD)
    assert release.upgrade(BROKEN, must_succeed=False, timeout_seconds=FAILING_SECONDS).returncode


def test_a_broken_tree_passes_an_upgrade_that_does_not_wait(release: Release) -> None:
    """deploy.md: "without it, Helm reports success although the new pods stop at a faulty tree"."""
    release.upgrade(GOOD)
    assert 0 == release.upgrade(BROKEN, wait=False).returncode


def test_a_broken_tree_leaves_old_pods_serving(release: Release) -> None:
    """deploy.md: "A tree that isn't sound stops the new pod there, and the old pods go on serving"."""
    release.upgrade(GOOD)
    old = {pod["metadata"]["name"] for pod in release.ready_pods()}
    with running_load(release.url()) as load:
        release.upgrade(BROKEN, must_succeed=False, timeout_seconds=FAILING_SECONDS)
    assert_nothing_lost(load)
    assert old == {pod["metadata"]["name"] for pod in release.ready_pods()}
    assert 1 == len(waiting_pods(release))


def test_the_log_of_check_trees_names_file_line_and_remedy(release: Release) -> None:
    """deploy.md: "`kubectl logs … --container check-trees` of the new pod names the file, the line and
    the remedy".
    """
    release.upgrade(GOOD)
    release.upgrade(BROKEN, wait=False)

    def log() -> str:
        [pod] = waiting_pods(release)
        return release.read_logs(pod, "check-trees")

    written = wait_until("a log of check-trees", log, 40)
    assert re.search(r"acme\.yaml:\d+: .*no branch takes labelled_examples = 50; add a branch", written)


def test_a_broken_tree_is_withdrawn_on_failure(release: Release) -> None:
    """deploy.md: "So does the rollback within `helm upgrade --atomic`": this Helm finds the tree
    before.
    """
    release.upgrade(GOOD)
    release.upgrade(BROKEN, "--rollback-on-failure", must_succeed=False, timeout_seconds=FAILING_SECONDS)
    release.wait_for_pods()
    assert GOOD_VERSION == default_version(release)


def test_a_rollback_brings_the_tree_before_back(release: Release) -> None:
    """deploy.md: "To go back, trees included"."""
    release.upgrade(GOOD)
    release.upgrade(CHANGED)
    release.roll_back(1, "--wait")
    wait_for_default_version(release, GOOD_VERSION)


def test_pods_of_the_revision_before_can_be_rescheduled(release: Release) -> None:
    """deploy.md: "so that pods of the previous revision can still be rescheduled", here while a broken
    tree stops new ones.
    """
    release.upgrade(GOOD)
    [pod, _] = release.ready_pods()
    release.upgrade(BROKEN, wait=False)
    wait_until("the new pod waits", lambda: waiting_pods(release), 30)
    release.kubectl("delete", "pod", pod["metadata"]["name"])
    wait_until("two ready pods", lambda: len(release.ready_pods()) == 2, 60)


def test_a_tree_given_as_a_file_is_served(release: Release, tmp_path: Path) -> None:
    """deploy.md: "Write a tree …, check it, and give the file to the chart", by `--set-file`."""
    (tmp_path / "acme.yaml").write_text(GOOD_TREE, encoding="utf-8")
    release.upgrade(SHORT_DRAIN, "--set-file", f"trees.documents.acme\\.yaml={tmp_path / 'acme.yaml'}")
    assert GOOD_VERSION in served_versions(release)


def test_an_upgrade_with_other_values_forgets_the_tree(release: Release) -> None:
    """deploy.md: "without the option the tree would be gone"."""
    release.upgrade(GOOD)
    release.upgrade(SHORT_DRAIN)
    release.wait_for_pods()
    assert GOOD_VERSION not in served_versions(release)


def test_an_upgrade_without_values_keeps_the_tree(release: Release) -> None:
    """deploy.md: "An upgrade without any values keeps the earlier ones"."""
    release.upgrade(GOOD)
    helm("upgrade", release.name, release.chart, "--namespace", release.namespace, "--wait")
    assert GOOD_VERSION in served_versions(release)


def test_an_uninstallation_leaves_trees(release: Release) -> None:
    """deploy.md: "`helm uninstall` leaves them as well … delete all of them: `kubectl delete configmap
    …`".
    """
    release.upgrade(GOOD, wait=False)
    kept = tree_config_maps(release)
    release.uninstall()
    assert kept == tree_config_maps(release)
    release.kubectl(*DELETE_KEPT_TREES)
    assert set() == tree_config_maps(release)


def test_another_installation_takes_over_kept_trees(release: Release) -> None:
    """deploy.md: "ConfigMaps of earlier trees stay": they don't get in the way of a release of the
    same name.
    """
    release.upgrade(GOOD, wait=False)
    release.uninstall()
    release.upgrade(GOOD)
    assert GOOD_VERSION == default_version(release)


def test_a_raised_revision_replaces_pods(release: Release) -> None:
    """deploy.md: "If something else manages the ConfigMap, name it, and raise the revision with each
    change".
    """
    apply_trees(release, GOOD_TREE)
    release.upgrade(
        merge_values(SHORT_DRAIN, {"trees": {"existingConfigMap": "our-trees", "revision": "1"}})
    )
    assert GOOD_VERSION in served_versions(release)
    apply_trees(release, CHANGED_TREE)
    release.upgrade(
        merge_values(SHORT_DRAIN, {"trees": {"existingConfigMap": "our-trees", "revision": "2"}})
    )
    release.wait_for_pods()
    assert CHANGED_VERSION in served_versions(release)
