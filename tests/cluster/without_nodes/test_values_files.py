"""Files of values as Helm reads them, and the examples of docs/deploy.md."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.cluster.guide import EXAMPLE, PAGE
from tests.cluster.kubectl import get_object
from tests.cluster.release import HTTP_PORT, METRICS_PORT, Release
from tests.cluster.trees import GOOD_TREE, GOOD_VERSION, tree_config_maps, tree_values
from tests.cluster.without_nodes.test_applying import VERSIONS, with_program

SECTION_TWICE = """
networkPolicy:
  httpFrom: [{podSelector: {matchLabels: {from: gateway}}}]
networkPolicy:
  metricsFrom: [{podSelector: {matchLabels: {from: monitoring}}}]
"""
EXAMPLES = [text for text in EXAMPLE.findall(PAGE) if not text.startswith("# Chart.yaml")]


@pytest.mark.parametrize("program", VERSIONS)
def test_helm_drops_the_first_of_two_sections(program: str, release: Release, tmp_path: Path) -> None:
    """deploy.md: "if `networkPolicy:` stands twice in a file, Helm silently drops the first"."""
    (path := tmp_path / "values.yaml").write_text(SECTION_TWICE, encoding="utf-8")
    assert "" == with_program(release, program).upgrade({}, "--values", path, wait=False).stderr
    rules = get_object("networkpolicy", release.full_name, release.namespace)["spec"]["ingress"]
    is_limited = {rule["ports"][0]["port"]: "from" in rule for rule in rules}
    assert {HTTP_PORT: False, METRICS_PORT: True} == is_limited


def test_a_tree_may_stand_in_a_second_file(release: Release, tmp_path: Path) -> None:
    """deploy.md: "A second file with `--values` is harder to forget": the first one's values hold, too."""
    text = yaml.safe_dump(tree_values(GOOD_TREE))
    (path := tmp_path / "trees.yaml").write_text(text, encoding="utf-8")
    release.upgrade({"replicas": 3}, "--values", path, wait=False)
    spec = release.get_deployment()["spec"]
    [server] = spec["template"]["spec"]["containers"]
    default = {"name": "FINETUNE_ADVISOR_DEFAULT_TREE_VERSION", "value": GOOD_VERSION}
    assert (3, True) == (spec["replicas"], default in server["env"])
    assert 1 == len(tree_config_maps(release))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text.split(":")[0])
def test_the_server_takes_what_the_guide_shows(example: str, release: Release) -> None:
    """deploy.md: "The values below go into a file of yours"; "Then say where the image is"; "By an Ingress";
    "Or by a Gateway".
    """
    assert "" == release.upgrade(yaml.safe_load(example), wait=False).stderr
    release.uninstall()
