"""Whatever the values, the objects are what Kubernetes takes, and are named and labelled alike."""

from __future__ import annotations

import json
import re
from functools import cache

import kubernetes_validate
import pytest
import yaml

from tests.helm import chart
from tests.helm.chart import Manifest, Values

SUPPORTED = [f"1.{minor}" for minor in range(25, 38)]
OPERATORS = ("monitoring.coreos.com/", "keda.sh/", "gateway.networking.k8s.io/")
LONGEST = "r" * 53
RECOMMENDED = {
    "app.kubernetes.io/name",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/version",
    "app.kubernetes.io/component",
    "app.kubernetes.io/part-of",
    "app.kubernetes.io/managed-by",
    "helm.sh/chart",
}


def native(manifests: list[Manifest]) -> list[Manifest]:
    """The objects of Kubernetes itself."""
    return [one for one in manifests if not one["apiVersion"].startswith(OPERATORS)]


def test_the_schemas_reach_from_the_oldest_to_the_newest() -> None:
    """The chart says that it runs from 1.25, and its objects are checked for every version since."""
    assert {f"{version}.0" for version in SUPPORTED} == set(kubernetes_validate.utils.all_versions())
    about = yaml.safe_load((chart.CHART / "Chart.yaml").read_text(encoding="utf-8"))
    assert f">={SUPPORTED[0]}.0-0" == about["kubeVersion"]


@pytest.mark.parametrize("version", SUPPORTED)
def test_kubernetes_takes_every_object(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every example validates strictly: no unknown field, no wrong type."""
    read_once = cache(kubernetes_validate.utils.schema_contents)
    monkeypatch.setattr(kubernetes_validate.utils, "schema_contents", read_once)
    examples = [chart.render(chart.case(name), kubernetes=f"{version}.0") for name in chart.cases()]
    distinct = {json.dumps(one): one for manifests in examples for one in native(manifests)}
    for manifest in distinct.values():
        kubernetes_validate.validate(manifest, version, strict=True)


def test_a_field_that_kubernetes_does_not_know_is_found() -> None:
    """The validation above has teeth."""
    deployment = chart.one("Deployment", chart.render())
    deployment["spec"]["template"]["spec"]["containers"][0]["imagePullPolice"] = "Always"
    with pytest.raises(kubernetes_validate.ValidationError, match="imagePullPolice"):
        kubernetes_validate.validate(deployment, "1.37", strict=True)


def test_lint_is_silent(example: Values) -> None:
    """`helm lint --strict` says nothing, not even that an icon would be nice."""
    assert [] == chart.lint(example)


def test_two_renders_are_equal(example: Values) -> None:
    """Nothing is drawn or dated, so that a diff shows only what was changed."""
    assert chart.texts(example) == chart.texts(example)


def test_objects_have_the_recommended_labels(example: Values) -> None:
    """All of them, on objects and pods, and a namespace that tools without Helm can read."""
    manifests = chart.render(example)
    for one in [*manifests, *chart.pods(manifests)]:
        assert one["metadata"]["labels"].keys() >= RECOMMENDED
    assert {chart.NAMESPACE} == {one["metadata"]["namespace"] for one in manifests}


def test_objects_of_a_kind_have_names_of_their_own(example: Values) -> None:
    """No object replaces another."""
    names = [(one["apiVersion"], one["kind"], one["metadata"]["name"]) for one in chart.render(example)]
    assert len(names) == len(set(names))


def test_names_and_labels_stay_short(example: Values) -> None:
    """Names are DNS labels and label values are valid, with the longest name that Helm takes."""
    manifests = chart.render(example, name=LONGEST)
    for one in [*manifests, *chart.pods(manifests)]:
        name = one["metadata"].get("name", "a")
        assert re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", name), name
        for value in one["metadata"]["labels"].values():
            assert re.fullmatch(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", value), value


class GoLoader(yaml.CSafeLoader):
    """YAML as Kubernetes' own library reads it, for which 1e3 is a number, too."""


GoLoader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"\d+[eE]\d+$"), list("0123456789"))


@pytest.mark.parametrize("name", ["123", "true", "null", "1e3", "007", "0x1f", "a.b", "1.5", "9-lives"])
@pytest.mark.parametrize("values", [{}, {"fullnameOverride": "true"}, {"nameOverride": "42"}], ids=str)
def test_names_that_look_like_something_else_stay_names(name: str, values: Values) -> None:
    """A release or a namespace may be named like a number, or as no Service may be."""
    given = {**chart.case("production"), **values, "priorityClassName": "1", "imagePullSecrets": ["2"]}
    found = chart.texts(given, name=name, namespace=name.replace(".", "-"))
    texts = [text for template, text in found.items() if template.endswith(".yaml")]
    manifests = [one for text in texts for one in yaml.load_all(text, GoLoader) if one]
    assert len(manifests) > 10
    for manifest in native(manifests):
        kubernetes_validate.validate(manifest, "1.37", strict=True)
    for manifest in manifests:
        assert re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", manifest["metadata"]["name"])
        assert manifest["metadata"]["namespace"] == name.replace(".", "-")
        assert manifest["metadata"]["labels"]["app.kubernetes.io/instance"] == name


def test_long_releases_that_differ_in_their_last_letter_do_not_collide() -> None:
    """What is cut from a name is hashed."""
    one, other = (
        {(m["kind"], m["metadata"]["name"]) for m in chart.render(chart.case("trees"), name=name)}
        for name in (LONGEST, LONGEST[:-1] + "s")
    )
    assert set() == one & other


def test_selectors_outlive_versions() -> None:
    """An upgrade changes no selector, which Kubernetes would refuse; labels tell the version."""
    old, new = (
        chart.one("Deployment", chart.render({"image": {"tag": tag}, "podLabels": {"a": tag}}))
        for tag in ("older", "newer")
    )
    assert old["spec"]["selector"] == new["spec"]["selector"]
    assert not [
        key for key in old["spec"]["selector"]["matchLabels"] if "version" in key or "chart" in key
    ]
    assert old["spec"]["template"]["metadata"]["labels"] != new["spec"]["template"]["metadata"]["labels"]


def test_selectors_take_the_server_alone(example: Values) -> None:
    """Services, budgets and policies of the server select its pods, and never those of `helm test`."""
    manifests = chart.render(example)
    server, *others = [one["metadata"]["labels"] for one in chart.pods(manifests)]
    for manifest in manifests:
        spec = manifest.get("spec", {})
        selector = spec.get("selector") or spec.get("podSelector") or {}
        wanted = selector.get("matchLabels", selector).items()
        if manifest["kind"] in ("Service", "PodDisruptionBudget", "PodMonitor", "Deployment"):
            assert wanted
            assert wanted <= server.items()
            assert not [labels for labels in others if wanted <= labels.items()]


def test_labels_of_the_user_never_replace_those_that_select() -> None:
    """A label given twice keeps the chart's value."""
    taken = {"app.kubernetes.io/name": "another", "team": "ours"}
    [labels] = [
        pod["metadata"]["labels"]
        for pod in chart.pods(
            chart.render({"commonLabels": taken, "podLabels": taken, "tests": {"enabled": False}})
        )
    ]
    assert ("finetune-advisor", "ours") == (labels["app.kubernetes.io/name"], labels["team"])
