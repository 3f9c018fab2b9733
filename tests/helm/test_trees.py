"""Own trees reach the server, roll the pods when they change, and are checked before they are served."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from tests.helm import chart
from tests.helm.chart import Manifest, Values

MOST_BYTES = 1_048_576
GUIDE = (chart.ROOT / "docs" / "changing-trees.md").read_text(encoding="utf-8")
RECIPES = [
    yaml.safe_load(text) for text in re.findall(r"^```yaml\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
]


def documents(**documents: str) -> Values:
    """Values with own trees."""
    return {"trees": {"documents": {f"{name}.yaml": text for name, text in documents.items()}}}


def config_map(values: Values, **options: Any) -> Manifest:
    """The ConfigMap of own trees."""
    [found] = [one for one in chart.render(values, **options) if one["kind"] == "ConfigMap"]
    return found


def volume(values: Values) -> str:
    """The name of the ConfigMap that the pods mount."""
    [mounted] = [one for one in chart.server(values)["volumes"] if one["name"] == "trees"]
    return mounted["configMap"]["name"]


def test_bundled_trees_need_nothing() -> None:
    """Without own trees there is no ConfigMap, no init container, no folder."""
    spec = chart.server()
    assert "initContainers" not in spec
    assert ["tmp"] == [one["name"] for one in spec["volumes"]]
    assert "FINETUNE_ADVISOR_TREES_DIR" not in chart.environment(spec["containers"][0])
    assert [] == [one for one in chart.render() if one["kind"] == "ConfigMap"]


def test_documents_come_through_to_the_letter() -> None:
    """Quotes, colons, trailing spaces, non-ASCII and templates of others arrive as they were."""
    awkward = 'a: "x: y"\n# {{ .Values.no }} {{ fail "no" }} $HOME\nb: |\n  é € 🌳  \n\n'
    assert {"acme.yaml": awkward} == config_map(documents(acme=awkward))["data"]


def test_a_change_makes_another_config_map_and_rolls_the_pods() -> None:
    """One letter changes the name that the pods mount; the ConfigMap itself can't be changed."""
    old, new = (config_map(documents(acme=text)) for text in ("version: 1", "version: 2"))
    assert old["metadata"]["name"] != new["metadata"]["name"]
    assert old["immutable"] is new["immutable"] is True
    assert volume(documents(acme="version: 1")) == old["metadata"]["name"]
    assert volume(documents(acme="version: 2")) == new["metadata"]["name"]


def test_a_renamed_file_makes_another_config_map() -> None:
    """The name of a document counts, too."""
    one, other = (config_map(documents(**{name: "version: 1"})) for name in ("a", "b"))
    assert one["metadata"]["name"] != other["metadata"]["name"]


def test_other_values_leave_it_alone() -> None:
    """A new image or label rolls the pods, but the trees stay the same object."""
    same = documents(acme="version: 1")
    changed = {**same, "image": {"tag": "9"}, "commonLabels": {"team": "ours"}}
    assert config_map(same)["metadata"]["name"] == config_map(changed)["metadata"]["name"]


def test_the_old_config_map_outlives_an_upgrade() -> None:
    """Pods of the previous revision may be rescheduled while a broken tree stops the new ones."""
    annotations = config_map(documents(acme="version: 1"))["metadata"]["annotations"]
    assert annotations["helm.sh/resource-policy"] == "keep"


def test_the_server_itself_checks_the_trees_before_it_serves() -> None:
    """An init container of the same image, environment and rights runs `tree check` on the same folder."""
    spec = chart.server(chart.case("trees"))
    [check], [serve] = spec["initContainers"], spec["containers"]
    assert [["finetune-advisor"], ["tree", "check"]] == [check["command"], check["args"]]
    for shared in ("image", "imagePullPolicy", "env", "securityContext", "resources"):
        assert check[shared] == serve[shared]
    for container in (check, serve):
        mounts = {one["mountPath"]: one for one in container["volumeMounts"] if one["name"] == "trees"}
        folder = chart.environment(container)["FINETUNE_ADVISOR_TREES_DIR"]
        assert mounts == {folder: {"name": "trees", "mountPath": folder, "readOnly": True}}


def test_no_file_is_mounted_alone(example: Values) -> None:
    """A subPath would cut a file off from its ConfigMap."""
    for pod in chart.pods(chart.render(example)):
        for container in [*pod["spec"]["containers"], *pod["spec"].get("initContainers", [])]:
            assert not [one for one in container.get("volumeMounts", []) if "subPath" in one]


def test_trees_too_large_for_a_config_map_fail_the_render() -> None:
    """Up to the byte: names and texts count."""
    fits = MOST_BYTES - len("a.yaml")
    assert config_map(documents(a="x" * fits))
    with pytest.raises(chart.RefusedError, match=f"{MOST_BYTES + 1} bytes don't fit"):
        chart.render(documents(a="x" * (fits + 1)))
    with pytest.raises(chart.RefusedError, match="don't fit"):
        chart.render(documents(a="é" * (fits // 2 + 1)))


def test_an_existing_config_map_rolls_the_pods_by_its_revision() -> None:
    """The revision stands in the pods' template, so that another one is another template."""
    seven, eight = (
        chart.one("Deployment", chart.render({"trees": {"existingConfigMap": "ours", "revision": one}}))
        for one in ("7", "8")
    )
    assert seven["spec"]["template"] != eight["spec"]["template"]
    assert seven["spec"]["selector"] == eight["spec"]["selector"]
    assert "ours" == volume({"trees": {"existingConfigMap": "ours", "revision": "7"}})


def test_what_fetches_trees_for_the_test_may_reach_as_far_as_for_the_server() -> None:
    """Its pod has the policy of tests, which otherwise lets it reach the server and DNS alone."""
    fetching = {
        "initContainers": [{"name": "fetch", "image": "example.com/git:1"}],
        "volume": {"emptyDir": {}},
    }
    egress = [{"ports": [{"port": 443, "protocol": "TCP"}]}]
    allowed = [
        one["spec"]["egress"]
        for values in ({"trees": fetching}, {})
        for one in chart.render({**values, "networkPolicy": {"egress": egress}})
        if one["kind"] == "NetworkPolicy" and one["metadata"]["name"].endswith("-test")
    ]

    assert [True, False] == [egress[0] in rules for rules in allowed]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda values: "+".join(values["trees"]))
def test_each_recipe_renders_and_brings_trees(recipe: Values) -> None:
    """Helm takes it without a word; who fetches trees runs first, and everybody finds them in one place."""
    assert [] == chart.lint(recipe)
    spec = chart.server(recipe)
    fetching, sidecars = (recipe["trees"].get(name, []) for name in ("initContainers", "sidecars"))
    assert [*fetching, spec["initContainers"][-1]] == spec["initContainers"]
    assert "check-trees" == spec["initContainers"][-1]["name"]
    assert [spec["containers"][0], *sidecars] == spec["containers"]
    [mounted] = [one for one in spec["volumes"] if one["name"] == "trees"]
    assert recipe["trees"].get("volume", {"configMap": {"name": "our-trees"}}).items() <= mounted.items()
    folder = "/".join(filter(None, ["/trees", recipe["trees"].get("directory")]))
    for container in (spec["initContainers"][-1], spec["containers"][0]):
        assert folder == chart.environment(container)["FINETUNE_ADVISOR_TREES_DIR"]
    [job] = [
        pod["spec"]
        for pod in chart.pods(chart.render(recipe))
        if pod["spec"]["containers"][0]["name"] == "conformance"
    ]
    assert fetching == job.get("initContainers", [])
    assert mounted in job["volumes"]


def test_a_watched_config_map_needs_no_revision() -> None:
    """Pods serve the change themselves."""
    values = {"trees": {"existingConfigMap": "ours"}, "settings": {"treesWatchSeconds": 5}}
    assert (
        "5"
        == chart.environment(chart.server(values)["containers"][0])[
            "FINETUNE_ADVISOR_TREES_WATCH_SECONDS"
        ]
    )
