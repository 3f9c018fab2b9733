"""The kinds of objects that operators bring to a cluster, without the operators."""

from __future__ import annotations

import json

import yaml

from tests.cluster.kubectl import kubectl
from tests.helm.tools import operator_definitions

# The API server wants this of groups below k8s.io, and the Gateway API's own build adds it.
APPROVAL = {"api-approved.kubernetes.io": "https://github.com/kubernetes-sigs/gateway-api/pull/2466"}


def install_definitions() -> None:
    """Have the API server take objects of KEDA, the Gateway API and the Prometheus operator."""
    texts = [path.read_text(encoding="utf-8") for path in operator_definitions().glob("*.yaml")]
    definitions = [yaml.load(text, yaml.CSafeLoader) for text in texts]
    for definition in definitions:
        definition["metadata"].setdefault("annotations", {}).update(APPROVAL)
    everything = json.dumps({"apiVersion": "v1", "kind": "List", "items": definitions})
    kubectl("apply", "--server-side", "--filename", "-", stdin=everything)
    kubectl("wait", "--for", "condition=Established", "crd", "--all", "--timeout", "60s")
