"""Trees that containers fetch: recipes of docs/changing-trees.md, with stand-ins for git-sync and ORAS."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from tests.cluster.kubectl import Manifest
from tests.cluster.release import SHORT_DRAIN, Release, image_under_test, merge_values
from tests.cluster.trees import (
    BROKEN_TREE,
    CHANGED_TREE,
    CHANGED_VERSION,
    GOOD_TREE,
    GOOD_VERSION,
    wait_for_default_version,
)
from tests.conftest import ROOT
from tests.load import assert_nothing_lost, running_load

GUIDE = (ROOT / "docs" / "changing-trees.md").read_text(encoding="utf-8")
WAIT = "import time; time.sleep(7200)"
WRITE = """
import os, sys
root, document = sys.argv[1:]
revision = f"revision-{hash(document)}"
os.makedirs(f"{root}/{revision}/trees")
open(f"{root}/{revision}/trees/acme.yaml", "w").write(document)
os.symlink(revision, f"{root}/new")
os.rename(f"{root}/new", f"{root}/current")
"""
WRITE_FLAT = "import sys; open(f'{sys.argv[1]}/acme.yaml', 'w').write(sys.argv[2])"


def recipe(heading: str) -> dict[str, Any]:
    """The values of a recipe of the guide."""
    section = GUIDE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    [text] = re.findall(r"^```yaml\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    values: dict[str, Any] = yaml.safe_load(text)
    return values


def current(document: str) -> str:
    """A tree that answers by default."""
    return document.replace("status: candidate", "status: current")


def stand_in(container: dict[str, Any], program: str, *arguments: str) -> dict[str, Any]:
    """A container of a recipe that runs Python in place of what the recipe fetches with."""
    kept = {key: value for key, value in container.items() if key not in ("args", "env", "image")}
    return {**kept, "image": image_under_test(), "command": ["python", "-c", program, *arguments]}


def synchronised(document: str) -> dict[str, Any]:
    """The recipe for a Git repository, which has a document at the first look."""
    values = recipe("A Git repository")
    trees = values["trees"]
    trees["initContainers"] = [stand_in(trees["initContainers"][0], WRITE, "/git", current(document))]
    trees["sidecars"] = [stand_in(trees["sidecars"][0], WAIT)]
    values["settings"]["treesWatchSeconds"] = 1
    return merge_values(SHORT_DRAIN, values)


def pulled(document: str) -> dict[str, Any]:
    """The recipe for an OCI artifact, which has a document."""
    values = recipe("An OCI artifact")
    trees = values["trees"]
    trees["initContainers"] = [
        stand_in(trees["initContainers"][0], WRITE_FLAT, "/trees", current(document))
    ]
    return merge_values(SHORT_DRAIN, values)


def synchronise(release: Release, pod: Manifest, document: str) -> None:
    """Have the sidecar of a pod fetch a document, and swap the link."""
    command = ("python", "-c", WRITE, "/git", current(document))
    release.kubectl("exec", pod["metadata"]["name"], "--container", "git-sync", "--", *command)


def test_a_repository_is_there_before_the_server_starts(release: Release) -> None:
    """changing-trees.md: "It runs once before the server, so that there are trees to start with"."""
    release.upgrade(synchronised(GOOD_TREE))
    wait_for_default_version(release, GOOD_VERSION)


def test_a_new_commit_is_served_without_other_pods(release: Release) -> None:
    """changing-trees.md: "swaps a link when it has a new one", and pods serve that under load."""
    release.upgrade(synchronised(GOOD_TREE))
    pods = [pod["metadata"]["uid"] for pod in release.ready_pods()]
    with running_load(release.url()) as load:
        for pod in release.ready_pods():
            synchronise(release, pod, CHANGED_TREE)
        wait_for_default_version(release, CHANGED_VERSION, 60)
    assert_nothing_lost(load)
    assert pods == [pod["metadata"]["uid"] for pod in release.ready_pods()]


def test_helm_test_fetches_trees_as_the_server_does(release: Release) -> None:
    """deploy.md: "the pods answer every row of the trees' decision tables as the trees say"."""
    release.upgrade(synchronised(GOOD_TREE))
    assert 2 == release.run_tests().stdout.count("Succeeded")


def test_another_artifact_replaces_the_pods(release: Release) -> None:
    """changing-trees.md: "Another digest replaces the pods, one at a time"."""
    release.upgrade(pulled(GOOD_TREE))
    before = release.pod_revision()
    release.upgrade(pulled(CHANGED_TREE))
    wait_for_default_version(release, CHANGED_VERSION)
    assert release.pod_revision() == before + 1


@pytest.mark.parametrize("fetched", [synchronised, pulled])
def test_a_broken_document_that_was_fetched_stops_the_new_pod(release: Release, fetched: Any) -> None:
    """changing-trees.md: "an init container checks the documents before a pod serves them"."""
    release.upgrade(fetched(GOOD_TREE))
    assert release.upgrade(fetched(BROKEN_TREE), must_succeed=False, timeout_seconds=25).returncode
    assert 2 == len(release.ready_pods())
    waiting = [pod for pod in release.list_pods() if pod["status"]["phase"] == "Pending"]
    assert "add a branch" in release.read_logs(waiting[0], "check-trees")
