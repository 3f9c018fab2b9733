"""Values are refused where they are wrong, and have defaults; schema and README have the same names."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path as FilePath
from typing import Any

import pytest
import yaml

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


SECTIONS = [path for path in LEVELS if path and isinstance(default(path), dict)]
OWN = [path for path in SECTIONS if path[:-1] not in FOREIGN]
NAMES = sorted({*OWN, *(path for path in leaves(DEFAULTS) if path[:-1] not in FOREIGN)})
EVERYTHING: Values = {
    "autoscaling": {"mode": "hpa"},
    "dashboard": {"enabled": True},
    "httpRoute": {"enabled": True, "parentRefs": [{"name": "public"}]},
    "ingress": {"enabled": True, "hosts": [{"host": "advisor.example.com"}]},
    "metrics": {"monitor": {"kind": "ServiceMonitor"}},
    "networkPolicy": {"metricsFrom": [{"namespaceSelector": {}}]},
    "prometheusRule": {"enabled": True},
    "trees": {"documents": {"acme.yaml": "version: 1.0.0"}},
}
"""What makes a release have an object of every kind but those of KEDA."""


def without(values: Values, path: Path) -> dict[str, Any]:
    """Values that say nothing at a path."""
    name, *rest = path
    inner = values.get(name)
    if rest and isinstance(inner, Mapping):
        return {**values, name: without(inner, tuple(rest))}
    return {key: value for key, value in values.items() if key != name}


@pytest.mark.parametrize("path", NAMES, ids=".".join)
def test_null_means_the_default(path: Path) -> None:
    """A section whose lines are all commented out is null, and as good as left out; so is any value."""
    nothing = chart.merged(without(EVERYTHING, path), nested(path, None))

    assert render_or_refusal(without(EVERYTHING, path)) == render_or_refusal(nothing)


def render_or_refusal(values: Values, **options: Any) -> Any:
    """The texts of a release, or what is wrong with its values together."""
    try:
        return chart.texts(values, **options)
    except chart.RefusedError as error:
        return str(error).partition("execution error")[2]


@pytest.mark.parametrize("path", [path for path in SECTIONS if path not in OWN], ids=".".join)
def test_null_takes_away_what_is_in_kubernetes_form(path: Path) -> None:
    """Below a level in Kubernetes' form it says that the platform's default holds."""
    nothing = chart.merged(EVERYTHING, nested(path, None))

    assert render_or_refusal(nothing) != render_or_refusal(EVERYTHING)


OLDER = [
    ("no values at all", {}),
    *((".".join(path), without(DEFAULTS, path)) for path in NAMES),
]


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> FilePath:
    """A copy of the chart, whose values may be replaced."""
    copy = tmp_path_factory.mktemp("older") / chart.CHART.name
    shutil.copytree(chart.CHART, copy)
    return copy


@pytest.mark.parametrize("values", [values for _, values in OLDER], ids=[name for name, _ in OLDER])
def test_values_of_an_older_release_do(older: FilePath, values: Values) -> None:
    """`helm upgrade --reuse-values` renders with what the older chart had: what it lacks has its default."""
    (older / "values.yaml").write_text(yaml.safe_dump(values))
    chart.forget_loaded()

    assert chart.texts(EVERYTHING) == chart.texts(EVERYTHING, chart=older)


def test_the_defaults_that_templates_read_are_those_of_the_values() -> None:
    """`make chart-readme` writes files/defaults.yaml anew."""
    assert chart.defaults_text() == (chart.CHART / "files" / "defaults.yaml").read_text("utf-8")


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"replicas": "3"}, "replicas"),
        ({"replicas": -1}, "replicas"),
        ({"image": {"tag": 1.0}}, "tag"),
        ({"image": {"digest": "sha256:123"}}, "digest"),
        ({"image": {"pullPolicy": "always"}}, "pullPolicy"),
        ({"imagePullSecrets": [{"name": "ours", "key": "x"}]}, "key"),
        ({"global": {"imagePullSecrets": [""]}}, "imagePullSecrets"),
        ({"settings": {"workers": 0}}, "workers"),
        ({"settings": {"logLevel": "trace"}}, "logLevel"),
        ({"settings": {"decisionLog": "yes"}}, "decisionLog"),
        ({"settings": {"decisionLogMask": ["kb_tokens"]}}, "decisionLogMask"),
        ({"settings": {"decisionLogSample": 1.5}}, "decisionLogSample"),
        ({"settings": {"traces": "zipkin"}}, "traces"),
        ({"settings": {"shadowTreeVersion": 3}}, "shadowTreeVersion"),
        ({"settings": {"treeDigests": "sha256:1"}}, "treeDigests"),
        ({"settings": {"treesWatchSeconds": 3601}}, "treesWatchSeconds"),
        ({"settings": {"metricsPort": 9}}, "metricsPort"),
        ({"extraEnv": [{"name": "FINETUNE_ADVISOR_WORKERS", "value": "2"}]}, "extraEnv"),
        ({"extraEnv": [{"value": "2"}]}, "name"),
        ({"ports": {"http": 0}}, "http"),
        ({"ports": {"http": 65536}}, "http"),
        ({"trees": {"documents": {"acme.txt": "version: 1"}}}, "acme.txt"),
        ({"trees": {"documents": {".acme.yaml": "version: 1"}}}, "acme.yaml"),
        ({"trees": {"documents": {"acme.yaml": {"version": 1}}}}, "acme.yaml"),
        ({"trees": {"volume": {"emptyDir": {}}, "directory": "../etc"}}, "directory"),
        ({"trees": {"sidecars": {}}}, "sidecars"),
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
        ({"settings": {"logClient": "forwarded"}}, r"name them in settings\.trustedProxies"),
        (
            {"settings": {"logClient": "forwarded", "trustedProxies": " , "}},
            "settings.logClient: forwarded",
        ),
        ({"settings": {"apiKeysExemptPages": True}}, r"their Secret in apiKeys\.existingSecret"),
        ({"tests": {"apiKey": {"existingSecret": "a"}}}, r"Secret of keys in apiKeys\.existingSecret"),
        ({"ingress": {"enabled": True}}, r"ingress\.hosts: give"),
        ({"httpRoute": {"enabled": True}}, "parentRefs: give"),
        (
            {"trees": {"documents": {"a.yaml": "a"}, "existingConfigMap": "b", "revision": "1"}},
            "not both",
        ),
        ({"trees": {"documents": {"a.yaml": "a"}, "volume": {"emptyDir": {}}}}, "not both"),
        ({"trees": {"existingConfigMap": "b"}}, r"trees\.revision: is needed"),
        (
            {"trees": {"existingConfigMap": "b", "revision": "1", "directory": "c"}},
            r"trees\.directory: goes",
        ),
        ({"settings": {"treesWatchSeconds": 9}}, r"settings\.treesWatchSeconds: needs"),
        (
            {"settings": {"treeDigests": f"sha256:{'0' * 64}"}},
            r"settings\.treeDigests: there are no own trees",
        ),
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
