"""The objects of a release as the API server has them."""

from __future__ import annotations

from typing import Any

from tests.cluster.kubectl import Manifest, list_objects
from tests.cluster.release import Release

KINDS = (
    "deployments,services,serviceaccounts,configmaps,networkpolicies,poddisruptionbudgets,horizontalpodautoscalers",
    "ingresses,jobs,secrets,httproutes.gateway.networking.k8s.io,scaledobjects.keda.sh",
    "servicemonitors.monitoring.coreos.com,podmonitors.monitoring.coreos.com,prometheusrules.monitoring.coreos.com",
)
OF_THE_NAMESPACE = {("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")}
BOOKKEEPING = {"deployment.kubernetes.io/revision"}
"""Annotations that controllers write."""


def objects_of(release: Release) -> dict[tuple[str, str], Manifest]:
    """The objects in the release's namespace by kind and name, without Helm's and those of any namespace."""
    found = list_objects(",".join(KINDS), release.namespace)
    return {
        key: one
        for one in found
        if (key := (one["kind"], one["metadata"]["name"])) not in OF_THE_NAMESPACE
        and one.get("type") != "helm.sh/release.v1"
    }


def contents(release: Release) -> dict[tuple[str, str], Any]:
    """What the release's objects say, without what the server notes about them."""
    return {key: _content(one) for key, one in objects_of(release).items()}


def versions(release: Release) -> dict[tuple[str, str], Any]:
    """What changes whenever an object is replaced or what it says is changed."""
    return {
        key: (one["metadata"]["uid"], one["metadata"].get("generation"), _content(one))
        for key, one in objects_of(release).items()
    }


def _content(one: Manifest) -> Any:
    metadata = one["metadata"]
    annotations = metadata.get("annotations", {})
    return {
        "labels": metadata.get("labels", {}),
        "annotations": {key: value for key, value in annotations.items() if key not in BOOKKEEPING},
        **{part: value for part, value in one.items() if part not in ("metadata", "status")},
    }
