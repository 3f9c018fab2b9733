"""An image from a registry: docs/deploy.md, "Install" and "Harden"."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.kubectl import run_command
from tests.cluster.release import (
    SHORT_DRAIN,
    Release,
    example_values,
    image_under_test,
    merge_values,
    temporary_release,
)

REGISTRY = "127.0.0.1:5000"
"""Where the nodes' registry.example.com listens."""
PUSHED = {"image": {"registry": "registry.example.com", "repository": "platform/finetune-advisor"}}


@pytest.fixture(scope="module")
def digest(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The digest of the image that buildah has pushed, as it writes it into a file."""
    place = tmp_path_factory.mktemp("push")
    buildah = (
        "buildah",
        "--storage-driver",
        "vfs",
        "--root",
        place / "root",
        "--runroot",
        place / "run",
    )
    archive = Path(os.environ["CLUSTER_IMAGES"]) / "finetune-advisor.tar"
    run_command(*buildah, "pull", "--quiet", f"docker-archive:{archive}")
    target = f"docker://{REGISTRY}/platform/{image_under_test()}"
    push = ("push", "--tls-verify=false", "--digestfile", place / "digest")
    run_command(*buildah, *push, image_under_test(), target)
    return (place / "digest").read_text().strip()


@pytest.fixture(scope="module")
def production(digest: str, operators: None) -> Iterator[Release]:
    """A release with all of the production values, and this image in place of that one."""
    with temporary_release("production") as release:
        # Without the Secret of imagePullSecrets: the registry needs none, and once a pull has used one,
        # the kubelet wants one of all pods that have this image.
        release.upgrade(merge_values(example_values("production"), {"image": {"digest": digest}}))
        yield release


def test_buildah_writes_the_digest_into_a_file(digest: str) -> None:
    """deploy.md: "buildah writes it into the file `digest`"."""
    assert digest.startswith("sha256:")


def test_pods_run_what_was_pushed(production: Release, digest: str) -> None:
    """deploy.md: "an image digest and a pull on each start"."""
    statuses = [pod["status"]["containerStatuses"][0] for pod in production.ready_pods()]
    assert {digest} == {status["imageID"].rpartition("@")[2] for status in statuses}


def test_helm_test_passes_with_the_production_values(production: Release) -> None:
    """deploy.md: "production-values.yaml has them together, as a file to start from"."""
    assert 2 == production.run_tests().stdout.count("Succeeded")


def test_the_chart_asks_for_the_tag_of_its_version(release: Release, digest: str) -> None:
    """deploy.md: "the tag that the chart asks for": registry and repository are enough."""
    release.upgrade(merge_values(SHORT_DRAIN, PUSHED, {"image": {"pullPolicy": "Always"}}))
    assert 2 == len(release.ready_pods())


def test_a_missing_image_leaves_old_pods_serving(release: Release, digest: str) -> None:
    """deploy.md: "New pods come one at a time, each before an old one goes": here, none comes."""
    release.upgrade(SHORT_DRAIN)
    missing = merge_values(SHORT_DRAIN, PUSHED, {"image": {"tag": "9.9.9"}})
    assert release.upgrade(missing, must_succeed=False, timeout_seconds=20).returncode
    assert 2 == len(release.ready_pods())
