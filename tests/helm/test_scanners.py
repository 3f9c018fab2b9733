"""What scanners find: nothing once hardened, and by default only what hardening is for."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.helm import chart, tools
from tests.helm.chart import Values

LEFT_TO_THE_USER = {
    "CKV_K8S_43",  # an image by digest: the chart can't know that of an image that others build
    "CKV_K8S_15",  # pullPolicy Always: costs each start a round trip, and gains nothing with a tag that stays
    "CKV_K8S_11",  # a CPU limit: throttles answers while the node idles
}
PLATFORM_CHOOSES = {"openshift"}  # there the numbers of users come from the platform, not from the chart


def hardened(name: str) -> Values:
    """The example values of a feature, hardened."""
    return chart.merged(chart.case(name), chart.case("hardened"))


def write(folder: Path, name: str, values: Values) -> Path:
    """Write the objects of a release into a file."""
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump_all(chart.render(values)))
    return path


def test_checkov_finds_nothing_once_hardened(tmp_path: Path) -> None:
    """With the values for auditors, no check fails in any example."""
    for name in chart.cases().keys() - PLATFORM_CHOOSES:
        write(tmp_path, name, hardened(name))
    assert set() == tools.scan(tmp_path)


def test_by_default_checkov_finds_what_is_left_to_the_user(tmp_path: Path) -> None:
    """Three checks fail, each with a reason above, and no other."""
    for name in chart.cases().keys() - PLATFORM_CHOOSES - {"hardened"}:
        write(tmp_path, name, chart.case(name))
    assert LEFT_TO_THE_USER == {check for _, check in tools.scan(tmp_path)}


@pytest.mark.parametrize("name", sorted(chart.cases().keys() - PLATFORM_CHOOSES - {"minimal"}))
def test_kube_score_finds_nothing_critical_once_hardened(name: str, tmp_path: Path) -> None:
    """Nothing critical in any example, but where the policies that it asks for are switched off."""
    said = tools.score(write(tmp_path, name, hardened(name)))
    assert [] == [line for line in said if line.startswith("[CRITICAL]")]


def test_scanners_have_teeth(tmp_path: Path) -> None:
    """A writable root filesystem is found by both."""
    loose = chart.merged(hardened("default"), {"securityContext": {"readOnlyRootFilesystem": False}})
    path = write(tmp_path, "loose", loose)
    assert ("loose", "CKV_K8S_22") in tools.scan(tmp_path)
    assert any("root filesystem" in line.lower() for line in tools.score(path))
