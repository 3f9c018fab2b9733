"""Values are refused wherever they are wrong, and are the same in the schema and in the README."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.helm import chart, tools
from tests.helm.chart import Values

SCHEMA = json.loads((chart.CHART / "values.schema.json").read_text(encoding="utf-8"))
DEFAULTS = chart.DEFAULTS
README = (chart.CHART / "README.md").read_text(encoding="utf-8")
Path = tuple[str, ...]
ITEM = "[]"


def resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """A schema, followed to its definition."""
    while "$ref" in schema:
        schema = SCHEMA["definitions"][schema["$ref"].removeprefix("#/definitions/")]
    return schema


def objects(schema: Mapping[str, Any], path: Path = ()) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Every level of the values that is an object, with where it stands."""
    schema = resolved(schema)
    if schema.get("type") == "object":
        yield path, schema
    for name, inner in schema.get("properties", {}).items():
        yield from objects(inner, (*path, name))
    if "items" in schema:
        yield from objects(schema["items"], (*path, ITEM))


def nested(path: Path, inner: Any) -> Any:
    """Values that say something at a path alone."""
    for name in reversed(path):
        inner = [inner] if name == ITEM else {name: inner}
    return inner


def leaves(value: Any, path: Path = ()) -> Iterator[Path]:
    """Where the chart's defaults say something, in its own levels."""
    schema = resolved(SCHEMA)
    for name in path:
        schema = resolved(schema.get("properties", {}).get(name, {}))
    if isinstance(value, dict) and value and schema.get("properties"):
        for name, inner in value.items():
            yield from leaves(inner, (*path, name))
    else:
        yield path


LEVELS = dict(objects(SCHEMA))
CLOSED = [path for path, schema in LEVELS.items() if schema.get("additionalProperties") is False]
OPEN = {path: schema for path, schema in LEVELS.items() if path not in CLOSED}


OPTIONAL = {
    ("podSecurityContext", "seccompProfile"),
    ("securityContext", "capabilities"),
    ("resources", "requests"),
    ("resources", "limits"),
    ("tests", "resources", "requests"),
    ("tests", "resources", "limits"),
    ("autoscaling", "hpa", "behavior"),
    ("autoscaling", "hpa", "behavior", "scaleDown"),
    ("autoscaling", "keda", "advanced"),
}
"""Sections in Kubernetes' or KEDA's form that null takes away."""
FOREIGN = {
    ("podSecurityContext",),
    ("podSecurityContext", "seccompProfile"),
    ("securityContext",),
    ("securityContext", "capabilities"),
    ("resources",),
    ("tests", "resources"),
    ("probes", "startup"),
    ("probes", "readiness"),
    ("probes", "liveness"),
    ("autoscaling", "hpa", "behavior"),
}
"""Levels in Kubernetes' form, which has more names than the defaults use."""


def test_every_level_is_closed_or_says_whose_it_is() -> None:
    """A level takes any name only where the names aren't the chart's, and says why."""
    assert len(CLOSED) > 50
    assert [] == [path for path, schema in OPEN.items() if not schema.get("$comment")]


@pytest.mark.parametrize("path", CLOSED, ids=".".join)
def test_a_typo_is_refused(path: Path) -> None:
    """A name that doesn't exist is refused at every level that is the chart's."""
    with pytest.raises(chart.RefusedError, match="tpyo"):
        chart.render(nested(path, {"tpyo": "x"}))


def default(path: Path) -> Any:
    """What the chart has at a path; nothing if there is nothing."""
    value: Any = DEFAULTS
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


SECTIONS = [path for path in LEVELS if path and isinstance(default(path), dict) and path not in OPTIONAL]


@pytest.mark.parametrize("path", SECTIONS, ids=".".join)
def test_an_empty_section_is_refused_by_its_name(path: Path) -> None:
    """One whose lines are all commented out is null, of which no template knows what it means."""
    with pytest.raises(chart.RefusedError, match=rf"missing property '{path[-1]}'") as refused:
        chart.render(nested(path, None))
    assert "nil pointer" not in str(refused.value)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"replicas": "3"}, "replicas"),
        ({"replicas": -1}, "replicas"),
        ({"image": {"tag": 1.0}}, "tag"),
        ({"image": {"digest": "sha256:123"}}, "digest"),
        ({"image": {"pullPolicy": "always"}}, "pullPolicy"),
        ({"image": {"registry": None}}, "registry"),
        ({"imagePullSecrets": None}, "imagePullSecrets"),
        ({"imagePullSecrets": [{"name": "ours", "key": "x"}]}, "key"),
        ({"global": {"imagePullSecrets": [""]}}, "imagePullSecrets"),
        ({"settings": {"workers": 0}}, "workers"),
        ({"settings": {"logLevel": "trace"}}, "logLevel"),
        ({"settings": {"decisionLog": "yes"}}, "decisionLog"),
        ({"settings": {"metricsPort": 9}}, "metricsPort"),
        ({"extraEnv": [{"name": "FINETUNE_ADVISOR_WORKERS", "value": "2"}]}, "extraEnv"),
        ({"extraEnv": [{"value": "2"}]}, "name"),
        ({"ports": {"http": 0}}, "http"),
        ({"ports": {"http": 65536}}, "http"),
        ({"trees": {"documents": {"acme.txt": "version: 1"}}}, "acme.txt"),
        ({"trees": {"documents": {".acme.yaml": "version: 1"}}}, "acme.yaml"),
        ({"trees": {"documents": {"acme.yaml": {"version": 1}}}}, "acme.yaml"),
        ({"autoscaling": {"mode": "vpa"}}, "mode"),
        ({"podDisruptionBudget": {"minAvailable": "half"}}, "minAvailable"),
        ({"metrics": {"monitor": {"kind": "Probe"}}}, "kind"),
        ({"metrics": {"monitor": {"interval": "30"}}}, "interval"),
        ({"prometheusRule": {"thresholds": {"fivexxRatio": 1.5}}}, "fivexxRatio"),
        ({"fullnameOverride": "Advisor_1"}, "fullnameOverride"),
        ({"tmpSizeLimit": "64 MB"}, "tmpSizeLimit"),
        ({"ingress": {"hosts": [{"paths": []}]}}, "host"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_a_wrong_value_is_refused_by_name(values: Values, named: str) -> None:
    """The message names what is wrong."""
    with pytest.raises(chart.RefusedError, match=re.escape(named)):
        chart.render(values)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"replicas": 3, "autoscaling": {"mode": "hpa"}}, "replicas: contradicts"),
        ({"replicas": 0, "autoscaling": {"mode": "external"}}, "replicas: contradicts"),
        ({"autoscaling": {"minReplicas": 11}}, "minReplicas: is more"),
        ({"autoscaling": {"mode": "hpa", "hpa": {"targetCPUUtilization": 0}}}, "or metrics"),
        ({"autoscaling": {"mode": "hpa"}, "resources": {"requests": {"cpu": None}}}, "isn't set"),
        ({"autoscaling": {"mode": "keda", "keda": {"triggers": []}}}, "triggers: give"),
        ({"podDisruptionBudget": {"minAvailable": 1, "maxUnavailable": 1}}, "not both"),
        ({"ports": {"http": 9090}}, r"ports\.metrics"),
        ({"ingress": {"enabled": True}}, r"ingress\.hosts: give"),
        ({"httpRoute": {"enabled": True}}, "parentRefs: give"),
        (
            {"trees": {"documents": {"a.yaml": "a"}, "existingConfigMap": "b", "revision": "1"}},
            "not both",
        ),
        ({"trees": {"existingConfigMap": "b"}}, r"trees\.revision: is needed"),
        ({"trees": {"documents": {"a.yaml": "a"}, "revision": "1"}}, r"trees\.revision: goes"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_a_contradiction_is_refused(values: Values, reason: str) -> None:
    """What is right one by one and wrong together fails the render with a reason."""
    with pytest.raises(chart.RefusedError, match=reason):
        chart.render(values)


def test_every_default_is_in_the_schema() -> None:
    """The schema has every name of the defaults, and the defaults have every name at their levels."""
    for path in leaves(DEFAULTS):
        level = LEVELS.get(path[:-1])
        assert level, path
        assert path[-1] in level["properties"], path
    for path in CLOSED:
        value = default(path)
        if path in {one[:-1] for one in leaves(DEFAULTS)} and path not in FOREIGN:
            assert LEVELS[path]["properties"].keys() == value.keys(), path


def test_the_readme_names_every_value() -> None:
    """The README's table has each value once, and nothing else."""
    rows = re.findall(r"^\| ([\w.]+) \|", README, re.MULTILINE)
    documented = {tuple(row.split(".")) for row in rows if row != "Key"}
    assert len(documented) == len([row for row in rows if row != "Key"])
    undocumented = {
        path for path in leaves(DEFAULTS) if not any(path[: len(d)] == d for d in documented)
    }
    assert set() == undocumented
    for path in documented:
        assert path[-1] in LEVELS[path[:-1]]["properties"], path


def test_every_value_is_described() -> None:
    """No row of the README's table lacks a description."""
    rows = re.findall(r"^\| [\w.]+ \| .* \| (.*) \|$", README, re.MULTILINE)
    assert [] == [row for row in rows[1:] if not row.strip()]


def test_the_readme_is_generated() -> None:
    """It is what helm-docs makes of values.yaml now; `make chart-readme` writes it anew."""
    assert tools.readme() == README
