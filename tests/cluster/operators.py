"""The kinds of objects that operators bring to a cluster, without the operators."""

from __future__ import annotations

from tests.cluster.kubectl import kubectl
from tests.helm.tools import operator_definitions


def install_definitions() -> None:
    """Have the API server take objects of KEDA, the Gateway API and the Prometheus operator."""
    kubectl("apply", "--server-side", "--filename", operator_definitions())
    kubectl("wait", "--for", "condition=Established", "crd", "--all", "--timeout", "60s")
