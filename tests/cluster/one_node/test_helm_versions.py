"""Which Helm does what: docs/deploy.md, "Upgrade"."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.cluster.release import SHORT_DRAIN, Release, merge_values, temporary_release
from tests.cluster.trees import (
    CHANGED_TREE,
    CHANGED_VERSION,
    GOOD_TREE,
    GOOD_VERSION,
    tree_values,
    wait_for_default_version,
)

ROLLS_BACK = ["helm", "helm-4.2.0", "helm-4.0.5", "helm-3.22.0"]
STOPS = ["helm-4.1.4", "helm-4.0.4", "helm-3.21.4"]
GOOD = merge_values(SHORT_DRAIN, tree_values(GOOD_TREE))
CHANGED = merge_values(SHORT_DRAIN, tree_values(CHANGED_TREE, CHANGED_VERSION))


@pytest.fixture
def changed(request: pytest.FixtureRequest) -> Iterator[Release]:
    """A release that one version of Helm has installed and upgraded to another tree, without a warning."""
    program: str = request.param
    assert shutil.which(program), f"{program} was not built"
    with temporary_release("versions", program=program) as release:
        assert "" == release.upgrade(GOOD).stderr
        assert "" == release.upgrade(CHANGED).stderr
        yield release


@pytest.mark.parametrize("changed", ROLLS_BACK, indirect=True)
def test_newer_helm_rolls_back_across_trees(changed: Release) -> None:
    """deploy.md: "Some rollbacks need a newer Helm"; "If the two revisions have different own trees, a
    rollback depends on the version of Helm: - Helm 3 can do it from 3.22.0 on. - Helm 4.0 can do it from
    4.0.5 on"; "Helm 4.2 and newer can do it".
    """
    changed.roll_back(1, "--wait")
    wait_for_default_version(changed, GOOD_VERSION)


@pytest.mark.parametrize("changed", STOPS, indirect=True)
def test_older_helm_stops_at_the_kept_config_map(changed: Release) -> None:
    """deploy.md: "Helm 4.1 can't do it (4.1.0 to 4.1.4)"; "Other versions stop at the kept ConfigMap"; "Helm
    3 then says `no ConfigMap with the name … found`, and Helm 4 `original object ConfigMap with the name …
    not found`".
    """
    refused = changed.roll_back(1, must_succeed=False)
    assert refused.returncode
    found = "no" if "-3." in changed.program else "original object"
    assert f"{found} ConfigMap with the name" in refused.stderr


@pytest.mark.parametrize("changed", STOPS, indirect=True)
def test_older_helm_rolls_back_the_second_time(changed: Release) -> None:
    """deploy.md: "Or run the rollback to the same revision a second time, which succeeds"."""
    changed.roll_back(1, must_succeed=False)
    changed.roll_back(1, "--wait")
    wait_for_default_version(changed, GOOD_VERSION)


@pytest.mark.parametrize("changed", STOPS, indirect=True)
def test_older_helm_installs_the_old_state_as_an_upgrade(changed: Release) -> None:
    """deploy.md: "With such a Helm, install the old state as an upgrade"."""
    changed.upgrade(GOOD)
    wait_for_default_version(changed, GOOD_VERSION)
