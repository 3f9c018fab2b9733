"""Objects for operators are what the operators' own definitions take, to the last field."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from tests.helm import chart, tools
from tests.helm.chart import Manifest

KINDS = {
    "monitoring.coreos.com/v1 ServiceMonitor": "service-monitor",
    "monitoring.coreos.com/v1 PrometheusRule": "service-monitor",
    "monitoring.coreos.com/v1 PodMonitor": "pod-monitor",
    "keda.sh/v1alpha1 ScaledObject": "keda",
    "gateway.networking.k8s.io/v1 HTTPRoute": "httproute",
}


def closed(schema: Any) -> Any:
    """A structural schema in which an object has only the fields that it names, as the API server prunes."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: closed(value) for key, value in schema.items()}
    if inner.get("x-kubernetes-int-or-string"):
        inner["type"] = ["integer", "string"]
    if isinstance(inner.get("properties"), dict) and "type" in inner and inner["properties"]:
        inner.setdefault("additionalProperties", False)
    return inner


def validator(kind: str) -> Draft202012Validator:
    """What holds an object to its definition; the metadata is Kubernetes' own."""
    schema = closed(copy.deepcopy(tools.definitions()[kind]["openAPIV3Schema"]))
    schema["properties"]["metadata"] = {"type": "object"}
    return Draft202012Validator(schema)


def kind_of(manifest: Manifest) -> str:
    """How the definitions call it."""
    return f"{manifest['apiVersion']} {manifest['kind']}"


def test_the_examples_have_every_kind_of_object_for_operators() -> None:
    """What is checked below is all there is."""
    native = ("v1", "apps/v1", "batch/v1", "policy/v1", "autoscaling/v2", "networking.k8s.io/v1")
    rendered = [one for name in chart.cases() for one in chart.render(chart.case(name))]
    assert KINDS.keys() == {kind_of(one) for one in rendered if one["apiVersion"] not in native}


@pytest.mark.parametrize(("kind", "name"), KINDS.items())
def test_operators_take_what_is_rendered(kind: str, name: str) -> None:
    """No unknown field, no wrong type, no value that the operator refuses."""
    [manifest] = [one for one in chart.render(chart.case(name)) if kind_of(one) == kind]
    validator(kind).validate(manifest)


@pytest.mark.parametrize(("kind", "name"), KINDS.items())
def test_an_unknown_field_is_found(kind: str, name: str) -> None:
    """The validation above has teeth."""
    [manifest] = [one for one in chart.render(chart.case(name)) if kind_of(one) == kind]
    manifest["spec"]["tpyo"] = 1
    with pytest.raises(ValidationError, match="tpyo"):
        validator(kind).validate(manifest)
