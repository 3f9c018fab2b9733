"""Helm 3 patches objects by itself, Helm 4 has the server apply them; both find what the other left."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cluster.autoscaling import replicas
from tests.cluster.kubectl import Completed
from tests.cluster.release import APPLIES, Release

SERVER, CLIENT = APPLIES
VERSIONS = ("helm", "helm-4.2.0", "helm-4.1.4", "helm-4.0.5", "helm-3.22.0", "helm-3.21.4")
HELM_3 = [name for name in VERSIONS if name.startswith("helm-3")]
HELM_4 = [name for name in VERSIONS if name not in HELM_3]
HPA = {"autoscaling": {"mode": "hpa", "minReplicas": 2}}


def scale_by_hand(release: Release, number: int) -> None:
    """`kubectl scale`, as an operator does in an emergency."""
    release.kubectl("scale", "--replicas", str(number), f"deployment/{release.full_name}")


@pytest.mark.parametrize(("first", "second"), [(SERVER, CLIENT), (CLIENT, SERVER)])
def test_a_release_changes_its_way_of_applying(first: str, second: str, release: Release) -> None:
    """deploy.md: "Helm 3 or 4": an upgrade takes over what was applied the other way."""
    release.upgrade({}, first, wait=False)
    done = release.upgrade({"replicas": 3, "settings": {"maxBatch": 5}}, second, wait=False)
    assert "" == done.stderr
    assert 3 == release.wanted_pods()


@pytest.mark.parametrize(("first", "second"), [("helm-3.22.0", "helm"), ("helm", "helm-3.22.0")])
def test_a_release_changes_its_helm(first: str, second: str, release: Release) -> None:
    """deploy.md: "Helm 3 or 4": the one upgrades what the other installed."""
    with_program(release, first).upgrade({}, wait=False)
    upgraded = with_program(release, second)
    assert "" == upgraded.upgrade(replicas(3), wait=False).stderr
    assert 3 == release.wanted_pods()


def with_program(release: Release, program: str) -> Release:
    """The release as another Helm sees it."""
    return Release(release.namespace, program=program)


def upgrade_and_force(release: Release, values: dict[str, Any]) -> Completed:
    """An upgrade as deploy.md has it for this Helm after something else changed the number."""
    force = ["--force-conflicts"] if release.program in HELM_4 else []
    return release.upgrade(values, *force, wait=False)


@pytest.mark.parametrize("program", HELM_4)
def test_helm_4_stops_at_a_number_that_was_set_by_hand(program: str, release: Release) -> None:
    """deploy.md: "the upgrade stops with a conflict about `.spec.replicas`, and changes nothing"."""
    release = with_program(release, program)
    release.upgrade({}, wait=False)
    scale_by_hand(release, 5)
    done = release.upgrade(replicas(3), wait=False, must_succeed=False)
    assert "conflict with" in done.stderr
    assert ".spec.replicas" in done.stderr
    assert 5 == release.wanted_pods()


def test_helm_4_goes_on_as_helm_3_began(release: Release) -> None:
    """deploy.md: "If Helm 3 installed the release, Helm 4 upgrades it as Helm 3 does"."""
    with_program(release, "helm-3.22.0").upgrade({}, wait=False)
    scale_by_hand(release, 5)
    refused = release.upgrade(replicas(3), "--force-conflicts", wait=False, must_succeed=False)
    assert "forceConflicts enabled when serverSideApply disabled" in refused.stderr
    assert "" == release.upgrade(replicas(3), wait=False).stderr
    assert 3 == release.wanted_pods()


@pytest.mark.parametrize("number", [2, 3])
@pytest.mark.parametrize("program", VERSIONS)
def test_the_values_take_the_number_back(program: str, number: int, release: Release) -> None:
    """deploy.md: "The next upgrade brings `replicas` back … Give that upgrade `--force-conflicts`, once"."""
    release = with_program(release, program)
    release.upgrade(replicas(2), wait=False)
    scale_by_hand(release, 5)
    assert "" == upgrade_and_force(release, replicas(number)).stderr
    assert number == release.wanted_pods()
    assert "" == release.upgrade(replicas(4), wait=False).stderr  # and needs no force from then on


@pytest.mark.parametrize("program", VERSIONS)
def test_a_number_takes_the_place_of_a_scaler(program: str, release: Release) -> None:
    """deploy.md: "The way back from a scaler to `none` needs the option as well"."""
    release = with_program(release, program)
    release.upgrade(HPA, wait=False)
    scale_by_hand(release, 5)  # the scaler changes the number in the same way
    assert "" == upgrade_and_force(release, replicas(3)).stderr
    assert 3 == release.wanted_pods()


@pytest.mark.parametrize("program", HELM_4)
def test_helm_4_leaves_a_number_that_was_set_by_hand_to_a_scaler(program: str, release: Release) -> None:
    """deploy.md: "set a different number by hand before the upgrade, and it stays"."""
    release = with_program(release, program)
    release.upgrade(replicas(4), wait=False)
    scale_by_hand(release, 5)
    release.upgrade(HPA, wait=False)
    assert 5 == release.wanted_pods()
