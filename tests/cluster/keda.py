"""KEDA's operator, its server of metrics and its webhook, as programs that run while tests need them."""

from __future__ import annotations

import base64
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.cluster import certificates
from tests.cluster.add_ons import MANIFESTS
from tests.cluster.daemons import DaemonError, Daemons, succeeds
from tests.cluster.guide import values_after
from tests.cluster.kubectl import Manifest, apply_objects, kubectl
from tests.cluster.layout import API_ADDRESS, Layout
from tests.cluster.prometheus_pod import PrometheusPod
from tests.cluster.release import Release
from tests.cluster.running import DIES_WITH_US

OPERATOR_ADDRESS, OPERATOR_PORT = "127.0.0.1", 9666
METRICS_PORT, WEBHOOK_PORT = 4444, 9443
METRICS_API = "/apis/external.metrics.k8s.io/v1beta1"
WEBHOOK = "keda-admission"
VALIDATION_PATH = "/validate-keda-sh-v1alpha1-scaledobject"
NAMESPACE = "kube-system"
# What the programs learn from their pods elsewhere. To watch the namespace "" is to watch all.
ENVIRONMENT = (
    "WATCH_NAMESPACE=",
    f"POD_NAMESPACE={NAMESPACE}",
    f"KEDA_CLUSTER_OBJECT_NAMESPACE={NAMESPACE}",
)
QUIET = ("--metrics-bind-address", "0", "--health-probe-bind-address", "0")


@contextmanager
def running_keda(layout: Layout, keys: Path) -> Iterator[None]:
    """KEDA for as long as the block takes, with its keys in a new folder. Needs its kinds of objects."""
    certificates.make_authority(keys)
    addresses = (f"IP:{OPERATOR_ADDRESS}", f"IP:{API_ADDRESS}")
    certificates.make_certificate(keys, "tls", "/CN=keda", *addresses)
    if _listens(OPERATOR_ADDRESS, OPERATOR_PORT):
        raise DaemonError("another KEDA runs in this cluster")
    daemons = Daemons(layout.logs / "keda")
    try:
        _start_operator(daemons, keys)
        _start_metrics(layout, daemons, keys)
        _start_webhook(daemons, keys)
        yield
        # Each has a finalizer, which only the operator removes.
        kubectl("delete", "scaledobjects", "--all", "--all-namespaces", "--timeout", "60s")
    finally:
        daemons.stop()
        # Without its server, the API of metrics would keep namespaces from being removed.
        kubectl("delete", "--ignore-not-found", "--filename", MANIFESTS / "keda.yaml")
        kubectl("delete", "--ignore-not-found", "validatingwebhookconfiguration", WEBHOOK)


def guide_trigger(release: Release, prometheus: PrometheusPod, threshold: str) -> dict[str, Any]:
    """The guide's trigger, with the namespace of a release, the address of a Prometheus, and a threshold."""
    values = values_after("Only `none`, the default, uses `replicas`.", number=2)
    [trigger] = values["autoscaling"]["keda"]["triggers"]
    query = trigger["metadata"]["query"].replace('"advice"', f'"{release.namespace}"')
    address = {"serverAddress": prometheus.url, "query": query, "threshold": threshold}
    return {**trigger, "metadata": {**trigger["metadata"], **address}}


def _start_operator(daemons: Daemons, keys: Path) -> None:
    daemons.start(
        "keda-operator",
        *(*DIES_WITH_US, "env", *ENVIRONMENT, "keda-operator", "--cert-dir", keys, *QUIET),
        *("--metrics-service-bind-address", f"{OPERATOR_ADDRESS}:{OPERATOR_PORT}"),
    )
    # It listens once it knows all objects.
    daemons.wait_until_ready("keda-operator", lambda: _listens(OPERATOR_ADDRESS, OPERATOR_PORT))


def _start_metrics(layout: Layout, daemons: Daemons, keys: Path) -> None:
    admin = layout.admin
    daemons.start(
        "keda-adapter",
        *(*DIES_WITH_US, "env", *ENVIRONMENT, "keda-adapter", "--cert-dir", keys),
        *("--metrics-service-address", f"{OPERATOR_ADDRESS}:{OPERATOR_PORT}"),
        *("--lister-kubeconfig", admin),
        *("--authentication-kubeconfig", admin, "--authorization-kubeconfig", admin),
        *("--tls-cert-file", keys / "tls.crt", "--tls-private-key-file", keys / "tls.key"),
        *("--bind-address", API_ADDRESS, "--secure-port", str(METRICS_PORT), "--port", "0"),
    )
    kubectl("apply", "--filename", MANIFESTS / "keda.yaml")
    daemons.wait_until_ready("keda-adapter", lambda: succeeds("kubectl", "get", "--raw", METRICS_API))


def _start_webhook(daemons: Daemons, keys: Path) -> None:
    daemons.start(
        "keda-webhooks",
        *(*DIES_WITH_US, "env", *ENVIRONMENT, "keda-webhooks", "--cert-dir", keys, *QUIET),
        *("--port", str(WEBHOOK_PORT)),
    )
    daemons.wait_until_ready("keda-webhooks", lambda: _listens(API_ADDRESS, WEBHOOK_PORT))
    apply_objects(_webhook(keys / "ca.crt"))


def _webhook(authority: Path) -> Manifest:
    """The validation of ScaledObjects, as KEDA's own manifests have it but for the address."""
    rule = {
        "apiGroups": ["keda.sh"],
        "apiVersions": ["v1alpha1"],
        "operations": ["CREATE", "UPDATE"],
        "resources": ["scaledobjects"],
    }
    client = {
        "url": f"https://{API_ADDRESS}:{WEBHOOK_PORT}{VALIDATION_PATH}",
        "caBundle": base64.b64encode(authority.read_bytes()).decode(),
    }
    validation = {
        "name": "vscaledobject.kb.io",
        "admissionReviewVersions": ["v1"],
        "clientConfig": client,
        "failurePolicy": "Ignore",
        "rules": [rule],
        "sideEffects": "None",
    }
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": WEBHOOK},
        "webhooks": [validation],
    }


def _listens(address: str, port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex((address, port)) == 0
