"""Every file of example values on real nodes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest

from finetune_advisor.access.key_file import make_key, render_line
from finetune_advisor.trees import loader
from tests.cluster.examples import CLASSES
from tests.cluster.kubectl import Manifest, apply_objects, wait_until
from tests.cluster.release import (
    SHORT_DRAIN,
    Release,
    Values,
    ask,
    example_values,
    merge_values,
)
from tests.cluster.trees import GOOD_TREE, apply_trees
from tests.helm import chart

LOCAL_IMAGE: Values = {
    "image": {
        "registry": "",
        "repository": "finetune-advisor",
        "tag": "",
        "digest": "",
        "pullPolicy": "Never",
    }
}
LOAD_BALANCER = '{"status": {"loadBalancer": {"ingress": [{"ip": "10.1.0.1"}]}}}'


def values_for_this_cluster(name: str, digest: str) -> dict[str, Any]:
    """The example values, with an image, a number of processors and trees that there are here."""
    drain = {} if name in {"minimal", "workers"} else SHORT_DRAIN
    values = merge_values(example_values(name), LOCAL_IMAGE, drain)
    if name == "workers":
        items = [{"key": "acme.yaml", "path": "current/trees/acme.yaml"}]
        values = merge_values(
            values,
            {"settings": {"treeDigests": digest}, "trees": {"volume": {"configMap": {"items": items}}}},
            {"resources": {"requests": {"cpu": "100m"}}, "drain": {"preStopSeconds": 5}},
        )
    return values


def prepare(release: Release) -> str:
    """Make what some examples expect in their namespace and cluster; returns a key that lets requests in."""
    key = make_key()
    apply_trees(release, GOOD_TREE)
    apply_objects(
        secret("our-keys", "keys.txt", render_line("example", key)),
        secret("our-test-key", "key", key),
        namespace=release.namespace,
    )
    apply_objects(*CLASSES)
    return key


def secret(name: str, key: str, text: str) -> Manifest:
    """A Secret with one entry."""
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": {key: text}}


@contextmanager
def load_balancer(release: Release) -> Iterator[None]:
    """Gives the release's Service an address, as a cloud does, for as long as the block takes."""
    patch = ("patch", "service", release.full_name, "--subresource", "status", "--patch", LOAD_BALANCER)

    def assign() -> None:
        wait_until(
            "the Service", lambda: not release.kubectl(*patch, must_succeed=False).returncode, seconds=60
        )

    thread = threading.Thread(target=assign)
    thread.start()
    yield
    thread.join()


@pytest.fixture(scope="module")
def good_digest(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The digest of the tree that examples find in a ConfigMap."""
    path = tmp_path_factory.mktemp("tree") / "acme.yaml"
    path.write_text(GOOD_TREE, encoding="utf-8")
    return loader.load_tree(path).digest


@pytest.mark.parametrize("name", chart.cases())
def test_an_example_comes_up_and_passes_helm_test(
    release: Release, operators: None, good_digest: str, name: str
) -> None:
    """deploy.md: "`make chart` renders the chart with real Helm for every file in ci/": each runs, too."""
    key = prepare(release)
    values = values_for_this_cluster(name, good_digest)
    release = Release(release.namespace, full_name=values.get("fullnameOverride", release.full_name))
    with load_balancer(release) if name == "loadbalancer" else nullcontext():
        release.upgrade(values)
    headers = {"Authorization": f"Bearer {key}"} if name == "api-keys" else None
    assert 200 == ask(release.url("/assess"), {"profile": {}}, headers=headers).status_code
    expected = 2 if values.get("tests", {}).get("enabled", True) else 0
    assert expected == release.run_tests().stdout.count("Succeeded")
