"""An image from a registry: docs/deploy.md, "Install" and "Harden"."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cluster.guide import values_after
from tests.cluster.kubectl import run_command, wait_until
from tests.cluster.layout import Layout
from tests.cluster.node import REGISTRY_URL, write_registry
from tests.cluster.release import (
    SHORT_DRAIN,
    Release,
    ask,
    example_values,
    image_under_test,
    merge_values,
    temporary_release,
)
from tests.cluster.umbrella import write_umbrella
from tests.conftest import free_port
from tests.nginx import running_nginx

REGISTRY = "127.0.0.1:5000"
"""Where the nodes' registry.example.com listens."""
PUSHED = values_after("Then say where the image is:")
PRIVATE = "private.example.com"
USER, PASSWORD = "robot", "secret"
NO_CREDENTIALS = "no basic auth credentials"
SITE = """
    server {{
        listen 127.0.0.1:{port};
        auth_basic registry;
        auth_basic_user_file {users};
        location / {{ proxy_pass {url}; }}
    }}
"""


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
    """deploy.md: "If buildah built it, push it with buildah"; "buildah writes it into the file `digest`"."""
    assert digest.startswith("sha256:")


def test_pods_run_what_was_pushed(production: Release, digest: str) -> None:
    """deploy.md: "Harden needs it": "an image digest and a pull on each start"."""
    statuses = [pod["status"]["containerStatuses"][0] for pod in production.ready_pods()]
    assert {digest} == {status["imageID"].rpartition("@")[2] for status in statuses}


def test_helm_test_passes_with_the_production_values(production: Release) -> None:
    """deploy.md: "production-values.yaml has them together, as a file to start from"."""
    assert 2 == production.run_tests().stdout.count("Succeeded")


def test_the_chart_asks_for_the_tag_of_its_version(release: Release, digest: str) -> None:
    """deploy.md: "Build the image, and push it to a registry that your cluster pulls from"; "Then say where
    the image is": registry and repository are enough; "`make image` tags it with the version, which is the
    tag that the chart asks for".
    """
    release.upgrade(merge_values(SHORT_DRAIN, PUSHED, {"image": {"pullPolicy": "Always"}}))
    assert 2 == len(release.ready_pods())


def test_a_missing_image_leaves_old_pods_serving(release: Release, digest: str) -> None:
    """deploy.md: "New pods come one at a time, each before an old one goes": here, none comes."""
    release.upgrade(SHORT_DRAIN)
    missing = merge_values(SHORT_DRAIN, PUSHED, {"image": {"tag": "9.9.9"}})
    assert release.upgrade(missing, must_succeed=False, timeout_seconds=20).returncode
    assert 2 == len(release.ready_pods())


@contextmanager
def private_registry() -> Iterator[str]:
    """The registry by another name, under which it wants a password; its URL."""
    port = free_port()

    def write_site(folder: Path) -> str:
        folder.chmod(0o755)  # nginx's workers aren't root
        (users := folder / "users").write_text(f"{USER}:{{PLAIN}}{PASSWORD}\n", encoding="utf-8")
        return SITE.format(port=port, users=users, url=REGISTRY_URL)

    with running_nginx(write_site):
        url = f"http://127.0.0.1:{port}"
        write_registry(Layout.from_environment(), PRIVATE, url)
        yield url


def waiting_message(release: Release) -> str:
    """What the kubelet says of a pod that waits for its image."""
    status = release.container_status(release.list_pods()[0])
    message: str = status["state"]["waiting"]["message"]
    return message


def test_an_umbrella_says_where_images_are_and_who_may_pull_them(
    release: Release, digest: str, tmp_path: Path
) -> None:
    """deploy.md: "It uses `global.imageRegistry` and `global.imagePullSecrets`": pods and the jobs of `helm
    test` start from a registry that refuses strangers.
    """
    umbrella = replace(release, chart=write_umbrella(tmp_path))
    ours = {"image": {"repository": "platform/finetune-advisor", "pullPolicy": "Always"}, **SHORT_DRAIN}
    values = {"global": {"imageRegistry": PRIVATE}, "finetune-advisor": ours}
    secret = ("create", "secret", "docker-registry", "pull", f"--docker-server={PRIVATE}")
    release.kubectl(*secret, f"--docker-username={USER}", f"--docker-password={PASSWORD}")
    with private_registry() as url:
        assert 401 == ask(f"{url}/v2/").status_code
        umbrella.upgrade(values, wait=False)
        wait_until("a refusal", lambda: NO_CREDENTIALS in waiting_message(umbrella), 60)
        umbrella.upgrade(merge_values(values, {"global": {"imagePullSecrets": ["pull"]}}))
        assert 2 == umbrella.run_tests().stdout.count("Succeeded")
