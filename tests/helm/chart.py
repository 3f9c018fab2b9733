"""The chart, rendered and linted by real Helm."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import helm_python as helm
import yaml
from helm_python import _native

from tests.conftest import ROOT

CHART = ROOT / "helm" / "finetune-advisor"
KUBERNETES = "1.37.0"
NAMESPACE = "advice"
Values = Mapping[str, Any]
Manifest = dict[str, Any]
RefusedError = helm.HelmError
ABOUT: Values = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
DEFAULTS: Values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))


def defaults_text() -> str:
    """The chart's defaults as data alone, which templates read: Helm doesn't give them values.yaml."""
    return yaml.safe_dump(dict(DEFAULTS), sort_keys=False, allow_unicode=True, width=1000)


def cases() -> dict[str, Path]:
    """The chart's example values by feature."""
    return {path.name.removesuffix("-values.yaml"): path for path in sorted(CHART.glob("ci/*.yaml"))}


def case(name: str) -> Values:
    """The example values of a feature."""
    return yaml.safe_load(cases()[name].read_text(encoding="utf-8")) or {}


def merged(one: Values, other: Values) -> dict[str, Any]:
    """Values with others over them, as Helm merges two files."""
    both = {
        key: merged(one[key], value)
        for key, value in other.items()
        if isinstance(value, Mapping) and isinstance(one.get(key), Mapping)
    }
    return {**one, **other, **both}


@cache
def _loaded(chart: Path) -> helm.Chart:
    return helm.Chart.load(chart)


def forget_loaded() -> None:
    """Have charts read anew, after a file of one was written."""
    _loaded.cache_clear()


def texts(
    values: Values | None = None,
    *,
    name: str = "demo",
    namespace: str = NAMESPACE,
    kubernetes: str = KUBERNETES,
    chart: Path = CHART,
) -> dict[str, str]:
    """What Helm makes of each template. Raises RefusedError."""
    options = {"name": name, "namespace": namespace, "kube_version": f"v{kubernetes}"}
    # The binding's Chart.render() is this call without the version of Kubernetes.
    handle, given = _loaded(chart)._raw(), json.dumps(values or {})
    found = json.loads(_native.call_string("helm_render", handle, given, json.dumps(options)))
    return {template: text for template, text in found.items() if text.strip()}


def render(values: Values | None = None, **options: Any) -> list[Manifest]:
    """The objects that a release has. Raises RefusedError."""
    found = texts(values, **options)
    objects = (
        yaml.load_all(found[one], yaml.CSafeLoader) for one in sorted(found) if one.endswith(".yaml")
    )
    return [one for documents in objects for one in documents if one]


def notes(values: Values | None = None, **options: Any) -> str:
    """What Helm tells after an installation."""
    return texts(values, **options)[f"{CHART.name}/templates/NOTES.txt"]


def one(kind: str, manifests: list[Manifest], name: str = "") -> Manifest:
    """The only object of a kind, among those whose names end so."""
    [found] = [m for m in manifests if m["kind"] == kind and m["metadata"]["name"].endswith(name)]
    return found


def pods(manifests: list[Manifest]) -> Iterator[Manifest]:
    """The templates of pods: the server's first, then those of `helm test`."""
    for manifest in manifests:
        if manifest["kind"] in ("Deployment", "Job"):
            yield manifest["spec"]["template"]


def server(values: Values | None = None, **options: Any) -> Manifest:
    """The spec of the server's pods."""
    spec: Manifest = one("Deployment", render(values, **options))["spec"]["template"]["spec"]
    return spec


def environment(container: Manifest) -> dict[str, str]:
    """The plain environment variables of a container."""
    return {variable["name"]: variable["value"] for variable in container["env"] if "value" in variable}


def lint(
    values: Values | None = None, kubernetes: str = KUBERNETES, *, chart: Path = CHART
) -> list[Any]:
    """What `helm lint --strict` says."""
    report = helm.lint(
        chart, dict(values or {}), strict=True, namespace=NAMESPACE, kube_version=f"v{kubernetes}"
    )
    return [*report["messages"], *report["errors"]]
