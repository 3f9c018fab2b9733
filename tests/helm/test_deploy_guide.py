"""docs/deploy.md shows values that work, and names what is there."""

from __future__ import annotations

import re
import shlex
from itertools import pairwise
from typing import Any

import helm_python as helm
import pytest
import yaml
from click.testing import CliRunner

from finetune_advisor.cli import main
from tests.helm import chart

GUIDE = (chart.ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
SNIPPETS = [
    text for language, text in BLOCKS if language == "yaml" and not text.startswith("# Chart.yaml")
]
SHELL = [text.replace("\\\n", "") for language, text in BLOCKS if language == "sh"]
COMMANDS = [line for text in SHELL for line in text.splitlines()]


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda text: text.split(":")[0])
def test_every_snippet_renders_and_does_something(snippet: str) -> None:
    """Helm takes it without a word, and the release differs from the default one."""
    values = yaml.safe_load(snippet)
    assert [] == chart.lint(values)
    assert chart.texts() != chart.texts(values)


def test_all_snippets_go_together() -> None:
    """One file may have them all but those that exclude each other."""
    values = {}
    for snippet in SNIPPETS:
        given = yaml.safe_load(snippet)
        if not given.keys() & {"replicas", "autoscaling"} and "existingConfigMap" not in snippet:
            values = chart.merged(values, given)
    assert {"Ingress", "HTTPRoute", "ServiceMonitor"} <= {one["kind"] for one in chart.render(values)}


class NoKeyTwice(yaml.SafeLoader):
    """What refuses a section that stands twice, of which Helm would keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """The mapping, unless it has a key twice."""
        keys = [key.value for key, _ in node.value]
        assert len(keys) == len(set(keys)), keys
        return super().construct_mapping(node, deep=deep)


def test_the_whole_file_has_every_section_once() -> None:
    """The file that the guide points to, and each of its snippets."""
    whole = chart.cases()["production"]
    assert f"../{whole.relative_to(chart.ROOT)}" in GUIDE
    for text in (whole.read_text(encoding="utf-8"), *SNIPPETS):
        assert yaml.load(text, NoKeyTwice)


def test_the_whole_file_has_all_that_the_guide_shows() -> None:
    """An object of each kind, and what "Harden" says."""
    values = chart.case("production")
    [hardened] = [one for one in map(yaml.safe_load, SNIPPETS) if "digest" in one.get("image", {})]
    kinds = {one["kind"] for one in chart.render(values)}
    assert {
        "Ingress",
        "NetworkPolicy",
        "HorizontalPodAutoscaler",
        "ServiceMonitor",
        "PrometheusRule",
    } <= kinds
    for name in ("image", "resources", "tests"):
        assert chart.merged(values[name], hardened[name]) == values[name]
    assert hardened["networkPolicy"].keys() == values["networkPolicy"].keys()


def test_the_tree_shown_is_sound(tmp_path: chart.Path) -> None:
    """`finetune-advisor tree check` takes it."""
    [shown] = [yaml.safe_load(text)["trees"]["documents"] for text in SNIPPETS if "documents:" in text]
    for name, text in shown.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        assert CliRunner().invoke(main, ["tree", "check", str(tmp_path / name)]).exit_code == 0


def test_the_commands_name_what_is_there() -> None:
    """Charts by their path, files of values by the key that they set."""
    helms = [shlex.split(line) for line in COMMANDS if line.startswith("helm ")]
    assert len(helms) >= 5
    for words in helms:
        assert not [one for one in words if one.startswith("./") and not (chart.ROOT / one).is_dir()]
        for flag, given in pairwise(words):
            if flag == "--set-file":
                values = helm.parse_set_string(given.replace("=acme.yaml", "=version: 1"))
                assert {"trees": {"documents": {"acme.yaml": "version: 1"}}} == values


def test_every_command_for_the_cluster_names_the_namespace() -> None:
    """Whatever namespace is the user's own, in blocks and in the text."""
    inline = re.findall(r"`(kubectl [^`]*)`", GUIDE)
    asking = [one for one in COMMANDS if one.startswith(("helm ", "kubectl ")) and "template" not in one]
    assert [] == [one for one in [*asking, *inline] if "--namespace advice" not in one]


@pytest.mark.parametrize(
    ("values", "rolls"),
    [
        ({"image": {"tag": "0.2.0"}}, True),
        ({"settings": {"maxBatch": 1}}, True),
        ({"trees": {"documents": {"a.yaml": "a"}}}, True),
        ({"probes": {"liveness": {"periodSeconds": 60}}}, True),
        ({"podLabels": {"a": "b"}}, True),
        ({"podAnnotations": {"a": "b"}}, True),
        ({"commonLabels": {"a": "b"}}, True),
        ({"replicas": 5}, False),
        ({"autoscaling": {"mode": "hpa"}}, False),
        ({"service": {"port": 81}}, False),
        (chart.case("ingress"), False),
        ({"networkPolicy": {"enabled": False}}, False),
        ({"podDisruptionBudget": {"enabled": False}}, False),
        (chart.case("service-monitor"), False),
    ],
    ids=lambda given: ".".join(given) if isinstance(given, dict) else "",
)
def test_what_rolls_the_pods(values: chart.Values, rolls: bool) -> None:
    """What "Upgrade" says of it."""
    old, new = (
        chart.one("Deployment", chart.render(given))["spec"]["template"] for given in ({}, values)
    )
    assert rolls == (old != new)


def test_the_rules_without_an_operator_are_a_file_of_rules() -> None:
    """The command names the template that has them."""
    [command] = [one for one in COMMANDS if one.startswith("helm template")]
    words = shlex.split(command)
    settings = [given for flag, given in pairwise(words) if flag == "--set"]
    values: dict[str, Any] = {}
    for one in settings:
        values = chart.merged(values, helm.parse_set_string(one))
    shown = words[words.index("--show-only") + 1]
    found = yaml.safe_load(chart.texts(values, name="advisor")[f"{chart.CHART.name}/{shown}"])
    assert ["groups"] == list(found["spec"])
    selectors = re.findall(
        r"{(.*?)}", "".join(rule["expr"] for rule in found["spec"]["groups"][0]["rules"])
    )
    assert selectors
    assert all(one.startswith('job="advisor"') for one in selectors)


def test_what_is_pushed_is_what_the_chart_asks_for() -> None:
    """The guide's image, and that of the README, is the one that the pods of its values have."""
    about = yaml.safe_load((chart.CHART / "Chart.yaml").read_text(encoding="utf-8"))
    pushed = [
        word for one in COMMANDS if " push " in one for word in one.split() if "example.com" in word
    ]
    [values] = [one for one in map(yaml.safe_load, SNIPPETS) if "repository" in one.get("image", {})]
    [wanted] = {one["image"] for one in chart.server(values)["containers"]}
    assert {wanted} == {one.removeprefix("docker://") for one in pushed}
    assert {about["appVersion"]} == set(re.findall(r"finetune-advisor:(\d[\w.]*)", GUIDE))
    readme = (chart.CHART / "README.md").read_text(encoding="utf-8")
    [wanted] = {
        one["image"]
        for one in chart.server({"image": {"registry": "registry.example.com"}})["containers"]
    }
    assert f"docker push {wanted}\n" in readme


def test_the_dependency_is_this_chart() -> None:
    """Name, version and condition are those of the chart."""
    [text] = [text for _, text in BLOCKS if text.startswith("# Chart.yaml")]
    [dependency] = yaml.safe_load(text)["dependencies"]
    about = yaml.safe_load((chart.CHART / "Chart.yaml").read_text(encoding="utf-8"))
    assert (about["name"], about["version"]) == (dependency["name"], dependency["version"])
    assert f"{about['name']}.enabled" == dependency["condition"]


def test_values_named_in_the_text_exist() -> None:
    """What stands in backquotes with a dot is a value of the chart."""
    named = set(re.findall(r"`([a-z]\w+(?:\.[a-z]\w+)+)`", GUIDE)) - {"values.yaml", "acme.yaml"}
    assert len(named) > 5
    for name in named:
        level = chart.DEFAULTS
        for part in name.split("."):
            assert part in level, name
            level = level[part]


def test_values_that_commands_set_exist() -> None:
    """Of every page: Helm refuses a value that the chart doesn't have."""
    pages = [*chart.ROOT.glob("docs/*.md"), chart.CHART / "README.md"]
    given = [
        (page.name, name)
        for page in pages
        for command in re.findall(r"^helm .*", page.read_text("utf-8").replace("\\\n", ""), re.MULTILINE)
        for name in re.findall(r"--set(?:-file|-string)? '?([\w.]+)[^\s=]*=", command)
    ]
    assert {"replay.md", "deploy.md", "public.md", "releasing.md", "README.md"} == {
        page for page, _ in given
    }
    assert [] == [(page, name) for page, name in given if not _is_value(name.rstrip("."))]


def _is_value(name: str) -> bool:
    """Whether the chart has a value. What lies below an empty object is the user's own."""
    values: Any = chart.DEFAULTS
    for key in name.split("."):
        if values == {}:
            return True
        if not isinstance(values, dict) or key not in values:
            return False
        values = values[key]
    return True
