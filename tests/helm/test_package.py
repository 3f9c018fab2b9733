"""What a registry of charts gets: one archive that says what it is."""

from __future__ import annotations

import tarfile
import tomllib
from pathlib import Path
from typing import Any

import helm_python as helm
import pytest
import yaml

from tests.helm import chart

ABOUT = chart.ABOUT


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The chart, packaged by Helm."""
    return Path(helm.package(chart.CHART, destination=tmp_path_factory.mktemp("package")))


def annotation(name: str) -> list[dict[str, Any]]:
    """An annotation of Artifact Hub's that holds YAML."""
    return yaml.safe_load(ABOUT["annotations"][f"artifacthub.io/{name}"])


def test_the_archive_has_what_a_user_needs(archive: Path) -> None:
    """Templates, values, schema, README, alerts and dashboard; no example, no source of the README."""
    with tarfile.open(archive) as opened:
        names = {name.removeprefix(f"{chart.CHART.name}/") for name in opened.getnames()}
    assert f"{chart.CHART.name}-{ABOUT['version']}.tgz" == archive.name
    assert names >= {"Chart.yaml", "values.yaml", "values.schema.json", "README.md"}
    assert names >= {"files/alerts.yaml", "files/dashboard.json", "templates/deployment.yaml"}
    assert set() == {name for name in names if name.startswith("ci") or name.endswith(".gotmpl")}


def test_the_archive_renders_like_the_folder(archive: Path) -> None:
    """Nothing that a template reads was left out, and Helm's linter is silent."""
    every = chart.case("service-monitor")
    assert chart.texts(every) == chart.texts(every, chart=archive)
    assert [] == chart.lint(every, chart=archive)


def test_the_versions_are_those_of_the_service() -> None:
    """Chart, application and package have one version, and the annotations name the image by it."""
    project = tomllib.loads((chart.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {project["version"]} == {ABOUT["version"], ABOUT["appVersion"]}
    assert {one["image"] for one in annotation("images")} == {
        container["image"]
        for pod in chart.pods(chart.render(chart.case("trees")))
        for container in [*pod["spec"]["containers"], *pod["spec"].get("initContainers", [])]
    }


def test_artifact_hub_can_read_the_annotations() -> None:
    """Each is of the form that it shows; links lead to pages of this repository."""
    assert annotation("changes")
    kinds = {"added", "changed", "deprecated", "removed", "fixed", "security"}
    assert kinds >= {one["kind"] for one in annotation("changes")}
    for link in annotation("links"):
        assert (chart.ROOT / link["url"].partition("/blob/main/")[2]).is_file()
    assert (chart.ROOT / ABOUT["icon"].partition("/raw/main/")[2]).is_file()
    assert {"home", "sources", "maintainers", "kubeVersion", "keywords"} <= ABOUT.keys()
