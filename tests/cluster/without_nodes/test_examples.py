"""Every file of example values on an API server, applied by the server and by the client."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.cluster.kubectl import Completed, helm, temporary_namespace, wait_until
from tests.cluster.release import APPLIES, Release, example_values
from tests.cluster.without_nodes.objects import contents, objects_of, versions
from tests.helm import chart


@dataclass(frozen=True)
class Installed:
    """A release of an example, and what Helm said to it."""

    example: str
    apply: str
    release: Release
    said: Completed

    def upgrade(self) -> Completed:
        """The same upgrade again."""
        return self.release.upgrade(example_values(self.example), self.apply, wait=False)


def name_release(namespace: str, example: str) -> Release:
    """A release of an example, with the name that its objects have."""
    full_name = example_values(example).get("fullnameOverride", "advisor-finetune-advisor")
    return Release(namespace, full_name=full_name)


@pytest.fixture(
    scope="module", params=[(apply, case) for apply in APPLIES for case in chart.cases()], ids="-".join
)
def installed(request: pytest.FixtureRequest) -> Iterator[Installed]:
    """A release of each example in turn, in a namespace where "restricted" is enforced."""
    apply, example = request.param
    with temporary_namespace(example) as namespace:
        release = name_release(namespace, example)
        said = release.upgrade(example_values(example), apply, wait=False)
        yield Installed(example, apply, release, said)


def test_an_example_is_taken_without_a_warning(installed: Installed) -> None:
    """deploy.md: "every example goes to an API server", and neither that nor Helm warns of anything."""
    assert "" == installed.said.stderr


def test_its_pods_are_admitted(installed: Installed) -> None:
    """deploy.md: "By default pods meet Pod Security's 'restricted' standard", and so do the examples'."""
    release = installed.release

    def all_there() -> bool:
        wanted = release.get_deployment()["spec"]["replicas"]
        return bool(wanted == len(release.list_pods()))

    wait_until("the ReplicaSet makes all pods", all_there, 30)


def test_the_same_again_changes_nothing(installed: Installed) -> None:
    """deploy.md: "An upgrade that changes nothing leaves every object as it is"."""
    before = versions(installed.release)
    assert "" == installed.upgrade().stderr
    assert before == versions(installed.release)


@pytest.mark.parametrize("side", ["--server-side", "--server-side=false"])
def test_kubectl_diff_finds_no_difference(installed: Installed, side: str) -> None:
    """deploy.md: "kubectl's `diff` shows no difference to what the chart renders", as GitOps wants it."""
    release = installed.release
    manifest = helm("get", "manifest", release.name, "--namespace", release.namespace).stdout
    conflicts = ["--force-conflicts"] if side == "--server-side" else []
    done = release.kubectl(
        "diff", side, *conflicts, "--filename", "-", stdin=manifest, must_succeed=False
    )
    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)


def test_uninstalling_leaves_only_trees(installed: Installed) -> None:
    """deploy.md: "ConfigMaps of earlier trees stay … `helm uninstall` leaves them as well", nothing else."""
    values = example_values(installed.example)
    kept = {"ConfigMap"} if values.get("trees", {}).get("documents") else set()
    installed.release.uninstall()
    assert kept == {kind for kind, _ in objects_of(installed.release)}


@pytest.mark.parametrize("apply", APPLIES)
@pytest.mark.parametrize(
    "example", [name for name in chart.cases() if name not in ("default", "minimal")]
)
def test_back_at_the_defaults_all_is_as_before(example: str, apply: str, release: Release) -> None:
    """deploy.md: "Use `helm upgrade` as above": it takes back all that an example set, but kept trees."""
    release.upgrade({}, apply, wait=False)
    before = contents(release)
    assert "" == release.upgrade(example_values(example), apply, wait=False).stderr
    assert "" == release.upgrade({}, apply, wait=False).stderr
    after = {key: content for key, content in contents(release).items() if key[0] != "ConfigMap"}
    if "fullnameOverride" in example_values(example):  # makes other objects, so that these are new ones
        before, after = _without_addresses(before), _without_addresses(after)
    assert before == after


def _without_addresses(objects: dict[tuple[str, str], Any]) -> dict[tuple[str, str], Any]:
    """Objects without the addresses that Services are given."""
    given = ("clusterIP", "clusterIPs")
    return {
        key: {
            **one,
            "spec": {name: value for name, value in one.get("spec", {}).items() if name not in given},
        }
        for key, one in objects.items()
    }
