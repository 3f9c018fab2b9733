"""What a cluster with nodes has beside them: names, Services, network policies, metrics and a registry."""

from __future__ import annotations

from pathlib import Path

import yaml

from tests.cluster import certificates
from tests.cluster.daemons import Daemons
from tests.cluster.kubectl import run_command
from tests.cluster.layout import API_ADDRESS, POD_RANGE, SERVICE_RANGE, Layout

MANIFESTS = Path(__file__).parent / "manifests"


def start_registry(daemons: Daemons) -> None:
    """A registry that keeps what is pushed in memory."""
    daemons.start("registry", "registry", "-port", "5000")


def start_proxy(layout: Layout, daemons: Daemons) -> None:
    """kube-proxy, which serves all nodes, as they share a network namespace."""
    config = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "clientConnection": {"kubeconfig": str(layout.state / "proxy.conf")},
        "clusterCIDR": POD_RANGE,
        "hostnameOverride": "node1",
        "bindAddress": API_ADDRESS,
        # Leave the kernel's settings: only the first namespace has the limit, and none has the times before
        # the kernel's module for connections is loaded.
        "conntrack": {
            "maxPerCore": 0,
            "tcpEstablishedTimeout": "0s",
            "tcpCloseWaitTimeout": "0s",
        },
    }
    (layout.state / "proxy.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    daemons.start("proxy", "kube-proxy", "--config", layout.state / "proxy.yaml")


def start_network_policies(layout: Layout, daemons: Daemons) -> None:
    """kube-router, which enforces NetworkPolicies, on a single node.

    On two, which are one host here, its two instances would undo each other's rules.
    """
    daemons.start(
        "kube-router",
        *("kube-router", "--kubeconfig", layout.admin, "--hostname-override", "node1"),
        *("--run-firewall", "--run-router=false", "--run-service-proxy=false"),
        *("--service-cluster-ip-range", SERVICE_RANGE),
        *("--health-port", "0", "--iptables-sync-period", "30s"),
    )


def start_metrics(layout: Layout, daemons: Daemons) -> None:
    """The metrics server, as a program of the host that the API server finds by a Service."""
    pki, admin = layout.pki, layout.admin
    names = (f"IP:{API_ADDRESS}", "DNS:metrics-server.kube-system.svc")
    certificates.make_certificate(pki, "metrics", "/CN=metrics", *names)
    daemons.start(
        "metrics-server",
        *("metrics-server", "--kubeconfig", admin),
        *("--authentication-kubeconfig", admin, "--authorization-kubeconfig", admin),
        *("--kubelet-insecure-tls", "--kubelet-preferred-address-types", "InternalIP"),
        *(
            "--kubelet-use-node-status-port",
            "--kubelet-request-timeout",
            "5s",
            "--metric-resolution",
            "15s",
        ),
        *("--bind-address", API_ADDRESS, "--secure-port", "4443"),
        *("--tls-cert-file", pki / "metrics.crt", "--tls-private-key-file", pki / "metrics.key"),
    )
    apply("metrics.yaml", layout)


def apply(manifest: str, layout: Layout) -> None:
    """Make the objects of a file in `manifests/`."""
    run_command("kubectl", "--kubeconfig", layout.admin, "apply", "--filename", MANIFESTS / manifest)
