"""The chart is a good dependency: switched by a condition, told what holds for all charts."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.helm import chart


@pytest.fixture
def umbrella(tmp_path: Path) -> Path:
    """A chart of somebody else's that has this one as a dependency."""
    ours = {
        "name": chart.CHART.name,
        "version": chart.ABOUT["version"],
        "condition": "finetune-advisor.enabled",
    }
    about = {"apiVersion": "v2", "name": "platform", "version": "1.0.0", "dependencies": [ours]}
    (tmp_path / "Chart.yaml").write_text(yaml.safe_dump(about))
    shutil.copytree(chart.CHART, tmp_path / "charts" / chart.CHART.name)
    return tmp_path


def render(umbrella: Path, ours: dict[str, Any], **others: Any) -> list[chart.Manifest]:
    """The objects of the umbrella with some values."""
    return chart.render({chart.CHART.name: ours, **others}, chart=umbrella)


def test_the_condition_switches_it(umbrella: Path) -> None:
    """On, it is what it is alone; off, nothing is left."""
    assert chart.render() == render(umbrella, {"enabled": True})
    assert [] == render(umbrella, {"enabled": False})


@pytest.mark.parametrize("name", ["podAnnotations", "settings", "probes", "resources", "image"])
def test_null_means_the_default_here_too(umbrella: Path, name: str) -> None:
    """Given on the way, or in the umbrella's own values."""
    assert chart.render() == render(umbrella, {name: None})
    (umbrella / "values.yaml").write_text(yaml.safe_dump({chart.CHART.name: {name: None}}))
    chart.forget_loaded()
    assert chart.render() == render(umbrella, {})


def test_what_holds_for_all_charts_holds_here(umbrella: Path) -> None:
    """The registry and pull secrets of the umbrella reach every pod; what other charts share is let be."""
    shared = {"imageRegistry": "mirror.example.com", "imagePullSecrets": ["all"], "postgresql": {"a": 1}}
    for pod in chart.pods(render(umbrella, {}, **{"global": shared})):
        image = f"mirror.example.com/finetune-advisor:{chart.ABOUT['appVersion']}"
        assert image == pod["spec"]["containers"][0]["image"]
        assert [{"name": "all"}] == pod["spec"]["imagePullSecrets"]


def test_pull_secrets_are_named_or_in_the_form_of_kubernetes(umbrella: Path) -> None:
    """Charts of an umbrella differ in what they want; each secret comes once."""
    everywhere = {"imagePullSecrets": ["all", {"name": "mirror"}]}
    ours = {"imagePullSecrets": [{"name": "all"}, "1e3"]}
    for pod in chart.pods(render(umbrella, ours, **{"global": everywhere})):
        assert [{"name": "all"}, {"name": "mirror"}, {"name": "1e3"}] == pod["spec"]["imagePullSecrets"]


def test_it_stays_strict(umbrella: Path) -> None:
    """A typo in the umbrella's values is refused, too."""
    with pytest.raises(chart.RefusedError, match="tpyo"):
        render(umbrella, {"settings": {"tpyo": 1}})


def test_null_takes_a_default_away(umbrella: Path) -> None:
    """As on OpenShift, whose umbrellas have no numbers of users either."""
    [spec, *_] = [pod["spec"] for pod in chart.pods(render(umbrella, dict(chart.case("openshift"))))]
    assert {"runAsNonRoot", "seccompProfile"} == spec["securityContext"].keys()


def test_two_of_it_live_together(umbrella: Path) -> None:
    """Under an alias it has names and selectors of its own."""
    about = yaml.safe_load((umbrella / "Chart.yaml").read_text())
    again = {**about["dependencies"][0], "alias": "second"}
    about["dependencies"].append(again | {"condition": "second.enabled"})
    (umbrella / "Chart.yaml").write_text(yaml.safe_dump(about))
    manifests = chart.render({"second": {"trees": {"documents": {"a.yaml": "a"}}}}, chart=umbrella)
    names = [(one["kind"], one["metadata"]["name"]) for one in manifests]
    assert len(names) == len(set(names))
    first, second = [one["spec"]["selector"] for one in manifests if one["kind"] == "Deployment"]
    assert first != second
