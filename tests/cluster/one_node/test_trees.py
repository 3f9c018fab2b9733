"""Own trees of a release: docs/deploy.md, "Own trees" and "Upgrade"."""

from __future__ import annotations

import re
import time
from pathlib import Path

from tests.cluster.guide import inline_command, values_after
from tests.cluster.kubectl import Manifest, helm, run_command, wait_until
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
BUNDLED_VERSION = "1.0.0"
LAST_VERSION = "1.0.0-acme.3"
LAST_TREE = GOOD_TREE.replace(GOOD_VERSION, LAST_VERSION)
BROKEN = merge_values(SHORT_DRAIN, tree_values(BROKEN_TREE))
FAILING_SECONDS = 30


def waiting_pods(release: Release) -> list[Manifest]:
    """The pods that aren't ready and don't end."""
    return [
        pod
        for pod in release.list_pods()
        if not is_ready(pod) and "deletionTimestamp" not in pod["metadata"]
    ]


def log_of_refusal(release: Release) -> str:
    """What `check-trees` says in the only pod that isn't ready."""
    [pod] = waiting_pods(release)
    return release.read_logs(pod, "check-trees")


def mounted_trees(release: Release) -> set[str]:
    """The ConfigMaps of trees that the pods of a ReplicaSet mount, or would mount."""
    specs = [one["spec"]["template"]["spec"] for one in release.list_objects("replicasets", "server")]
    volumes = [volume for spec in specs for volume in spec["volumes"]]
    return {volume["configMap"]["name"] for volume in volumes if "configMap" in volume}


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


def test_trees_that_no_replica_set_mounts_can_be_deleted(release: Release) -> None:
    """deploy.md: "Delete those that no ReplicaSet mounts any more": the pods of the revision before still
    come back.
    """
    for document, version in (
        (GOOD_TREE, GOOD_VERSION),
        (CHANGED_TREE, CHANGED_VERSION),
        (LAST_TREE, LAST_VERSION),
    ):
        kept = merge_values(SHORT_DRAIN, {"revisionHistoryLimit": 1})
        release.upgrade(merge_values(kept, tree_values(document, version)))
    wait_until("the oldest ReplicaSet is gone", lambda: len(mounted_trees(release)) == 2, 30)
    [unused] = tree_config_maps(release) - mounted_trees(release)
    release.kubectl("delete", "configmap", unused)
    release.kubectl("rollout", "undo", f"deployment/{release.full_name}")
    wait_for_default_version(release, CHANGED_VERSION, 60)


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
    written = wait_until("a log of check-trees", lambda: log_of_refusal(release), 40)
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


def test_the_tree_of_the_guide_answers(release: Release) -> None:
    """deploy.md: "Or put the tree into your values": with the example as it is shown."""
    values = values_after("Or put the tree into your values:")
    release.upgrade(merge_values(SHORT_DRAIN, values))
    assert values["settings"]["defaultTreeVersion"] == default_version(release)
    answer = release.ask("/assess", {"profile": {"labelled_examples": 49}}).json()
    assert "collect" == answer["recommendation"]["id"]


def test_a_version_of_the_service_stops_the_new_pod(release: Release) -> None:
    """deploy.md: "Give the tree a version with your organisation's name … which no later release of the
    service has": the version of a bundled tree is taken.
    """
    release.upgrade(GOOD)
    document = GOOD_TREE.replace(GOOD_VERSION, BUNDLED_VERSION)
    release.upgrade(
        merge_values(SHORT_DRAIN, {"trees": {"documents": {"acme.yaml": document}}}), wait=False
    )
    log = wait_until("a log of check-trees", lambda: log_of_refusal(release), 40)
    assert f"version: {BUNDLED_VERSION} is taken by" in log


def test_check_trees_looks_at_all_trees_that_would_be_served(release: Release) -> None:
    """deploy.md: "An init container runs `finetune-advisor tree check` on all trees that would be served"."""
    release.upgrade(GOOD)
    log = release.read_logs(release.ready_pods()[0], "check-trees")
    checked = set(re.findall(r"^(\S+) \(\w+\): sound", log, re.MULTILINE))
    assert {GOOD_VERSION, BUNDLED_VERSION} < checked == served_versions(release)


def test_an_upgrade_with_other_values_forgets_the_tree(release: Release) -> None:
    """deploy.md: "Repeat this option on each upgrade that gives values: Helm then starts from the values of
    the chart, and without the option the tree would be gone".
    """
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
    """deploy.md: "`helm uninstall` leaves them as well"; "After an uninstallation, delete all of them:
    `kubectl delete configmap --namespace advice --selector
    app.kubernetes.io/instance=advisor,app.kubernetes.io/component=trees`".
    """
    release.upgrade(GOOD, wait=False)
    [kept] = tree_config_maps(release)
    release.uninstall()
    assert {kept} == tree_config_maps(release)
    run_command(*inline_command("kubectl delete configmap", release.namespace))
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
