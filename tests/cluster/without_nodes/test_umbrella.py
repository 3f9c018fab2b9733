"""The chart as a dependency of another one: docs/deploy.md, "As a dependency"."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.cluster.release import Release
from tests.cluster.umbrella import write_umbrella


@pytest.fixture
def umbrella(release: Release, tmp_path: Path) -> Release:
    """A release of a chart that has this one as a dependency, not yet installed."""
    return replace(release, chart=write_umbrella(tmp_path))


def test_its_values_are_below_its_name(umbrella: Release) -> None:
    """deploy.md: "its values are below its name. It uses `global.imageRegistry`"."""
    values = {"global": {"imageRegistry": "registry.example.com"}, "finetune-advisor": {"replicas": 3}}
    assert "" == umbrella.upgrade(values, wait=False).stderr
    spec = umbrella.get_deployment()["spec"]
    assert 3 == spec["replicas"]
    [container] = spec["template"]["spec"]["containers"]
    assert container["image"].startswith("registry.example.com/finetune-advisor:")


def test_its_condition_takes_it_away(umbrella: Release) -> None:
    """deploy.md: "it has a condition of its own"."""
    umbrella.upgrade({}, wait=False)
    assert umbrella.get_deployment()
    umbrella.upgrade({"finetune-advisor": {"enabled": False}}, wait=False)
    assert [] == umbrella.list_objects("deployments,services,networkpolicies,poddisruptionbudgets")
