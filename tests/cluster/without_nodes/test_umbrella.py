"""The chart as a dependency of another one: docs/deploy.md, "As a dependency"."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tests.cluster.kubectl import helm
from tests.cluster.release import Release, chart_under_test


@pytest.fixture
def umbrella(release: Release, tmp_path: Path) -> Release:
    """A release of a chart that has this one as a dependency, not yet installed."""
    version = yaml.safe_load((chart_under_test() / "Chart.yaml").read_text(encoding="utf-8"))["version"]
    dependency = {
        "name": "finetune-advisor",
        "version": version,
        "repository": f"file://{chart_under_test()}",
        "condition": "finetune-advisor.enabled",
    }
    about = {"apiVersion": "v2", "name": "umbrella", "version": "0.1.0", "dependencies": [dependency]}
    (folder := tmp_path / "umbrella").mkdir()
    (folder / "Chart.yaml").write_text(yaml.safe_dump(about), encoding="utf-8")
    helm("dependency", "build", folder)
    return replace(release, chart=folder)


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
