"""Own trees for releases of the chart: the one of its example values, and what becomes of it."""

from __future__ import annotations

from typing import Any

from tests.cluster.kubectl import apply_objects, wait_until
from tests.cluster.release import Release, Values, example_values

GOOD_TREE: str = example_values("trees")["trees"]["documents"]["acme.yaml"]
GOOD_VERSION = "1.0.0-acme.1"
CHANGED_VERSION = "1.0.0-acme.2"
CHANGED_TREE = GOOD_TREE.replace(GOOD_VERSION, CHANGED_VERSION).replace("50", "60")
# Nothing takes 50 examples.
BROKEN_TREE = GOOD_TREE.replace("gte: 50", "gte: 51")
WATCHED: Values = {"settings": {"treesWatchSeconds": 1}, "trees": {"existingConfigMap": "our-trees"}}
"""Values of a release whose pods look every second for changes of the ConfigMap of `apply_trees`."""


def tree_values(document: str, version: str = GOOD_VERSION) -> dict[str, Any]:
    """Values with one own tree, and the version that answers by default."""
    return {"settings": {"defaultTreeVersion": version}, "trees": {"documents": {"acme.yaml": document}}}


def apply_trees(release: Release, document: str, name: str = "our-trees") -> None:
    """Make or change a ConfigMap with a tree that isn't the chart's."""
    config_map = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name},
        "data": {"acme.yaml": document},
    }
    apply_objects(config_map, namespace=release.namespace)


def tree_config_maps(release: Release) -> set[str]:
    """The names of the ConfigMaps that the chart has made of own trees."""
    return {one["metadata"]["name"] for one in release.list_objects("configmaps", "trees")}


def default_version(release: Release) -> str:
    """The version that answers a request which names none."""
    version: str = release.ask("/assess", {"profile": {}}).json()["tree"]["version"]
    return version


def served_versions(release: Release) -> set[str]:
    """The versions that a pod serves."""
    return {one["version"] for one in release.ask("/tree/versions").json()["versions"]}


def wait_for_default_version(release: Release, version: str, seconds: float = 30) -> None:
    """Wait until twelve answers in a row are of a version, as those of pods that end aren't."""

    def all_answer() -> bool:
        return {version} == {default_version(release) for _ in range(12)}

    wait_until(f"{version} answers", all_answer, seconds)
