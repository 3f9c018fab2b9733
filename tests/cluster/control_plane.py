"""etcd, the API server, the controllers and the scheduler."""

from __future__ import annotations

from pathlib import Path

from tests.cluster import certificates
from tests.cluster.daemons import Daemons, succeeds
from tests.cluster.layout import API_ADDRESS, API_SERVICE, API_URL, SERVICE_RANGE, Layout

ETCD_URL = "http://127.0.0.1:2379"
CLIENTS = {
    "admin": "/O=system:masters/CN=admin",
    "controller-manager": "/CN=system:kube-controller-manager",
    "scheduler": "/CN=system:kube-scheduler",
    "proxy": "/CN=system:kube-proxy",
}


def start(layout: Layout, daemons: Daemons) -> None:
    """Start the control plane, and wait until the API server answers."""
    make_certificates(layout)
    _start_etcd(layout, daemons)
    _start_api_server(layout, daemons)
    _start_controllers(layout, daemons)
    _start_scheduler(layout, daemons)


def make_certificates(layout: Layout) -> None:
    """The authority, the API server's certificates, and a kubeconfig for each client."""
    pki = layout.pki
    certificates.make_authority(pki)
    names = ("kubernetes", "kubernetes.default", "kubernetes.default.svc")
    alternatives = [f"DNS:{name}" for name in names]
    alternatives += [f"IP:{address}" for address in (API_ADDRESS, API_SERVICE, "127.0.0.1")]
    certificates.make_certificate(pki, "apiserver", "/CN=kube-apiserver", *alternatives)
    certificates.make_certificate(pki, "apiserver-kubelet", "/O=system:masters/CN=apiserver-kubelet")
    certificates.make_certificate(pki, "front-proxy", "/CN=front-proxy")
    for name, subject in CLIENTS.items():
        certificates.make_client(pki, layout.state / f"{name}.conf", API_URL, subject)


def _start_etcd(layout: Layout, daemons: Daemons) -> None:
    daemons.start(
        "etcd",
        *("etcd", "--data-dir", layout.state / "etcd", "--unsafe-no-fsync"),
        *("--listen-client-urls", ETCD_URL, "--advertise-client-urls", ETCD_URL),
        *("--listen-peer-urls", "http://127.0.0.1:2380"),
    )


def _start_api_server(layout: Layout, daemons: Daemons) -> None:
    daemons.start("apiserver", *api_server_command(layout))
    ready = ("kubectl", "--kubeconfig", layout.admin, "get", "--raw", "/readyz")
    daemons.wait_until_ready("apiserver", lambda: succeeds(*ready))


def api_server_command(layout: Layout, program: str = "kube-apiserver") -> list[str | Path]:
    """The command of an API server, with flags that the oldest version takes as well."""
    pki = layout.pki
    return [
        *(program, "--etcd-servers", ETCD_URL),
        *("--bind-address", API_ADDRESS, "--advertise-address", API_ADDRESS),
        *("--service-cluster-ip-range", SERVICE_RANGE, "--allow-privileged"),
        *("--authorization-mode", "Node,RBAC", "--enable-admission-plugins", "NodeRestriction"),
        *("--client-ca-file", pki / "ca.crt"),
        *("--tls-cert-file", pki / "apiserver.crt", "--tls-private-key-file", pki / "apiserver.key"),
        *("--kubelet-client-certificate", pki / "apiserver-kubelet.crt"),
        *("--kubelet-client-key", pki / "apiserver-kubelet.key"),
        *("--kubelet-preferred-address-types", "InternalIP"),
        *("--service-account-issuer", "https://kubernetes.default.svc"),
        *("--service-account-key-file", pki / "sa.pub"),
        *("--service-account-signing-key-file", pki / "sa.key"),
        # The metrics server is behind the API server, and is told by it who asks.
        *("--proxy-client-cert-file", pki / "front-proxy.crt"),
        *("--proxy-client-key-file", pki / "front-proxy.key"),
        *("--requestheader-client-ca-file", pki / "ca.crt"),
        *("--requestheader-allowed-names", "front-proxy"),
        *("--requestheader-username-headers", "X-Remote-User"),
        *("--requestheader-group-headers", "X-Remote-Group"),
        *("--requestheader-extra-headers-prefix", "X-Remote-Extra-"),
    ]


def _start_controllers(layout: Layout, daemons: Daemons) -> None:
    pki, config = layout.pki, layout.state / "controller-manager.conf"
    daemons.start(
        "controller-manager",
        *("kube-controller-manager", "--kubeconfig", config, "--bind-address", "127.0.0.1"),
        *("--authentication-kubeconfig", config, "--authorization-kubeconfig", config),
        *("--root-ca-file", pki / "ca.crt", "--service-account-private-key-file", pki / "sa.key"),
        *("--cluster-signing-cert-file", pki / "ca.crt", "--cluster-signing-key-file", pki / "ca.key"),
        *("--use-service-account-credentials", "--controllers", "*", "--leader-elect=false"),
    )


def _start_scheduler(layout: Layout, daemons: Daemons) -> None:
    config = layout.state / "scheduler.conf"
    daemons.start(
        "scheduler",
        *("kube-scheduler", "--kubeconfig", config, "--bind-address", "127.0.0.1"),
        *("--authentication-kubeconfig", config, "--authorization-kubeconfig", config),
        "--leader-elect=false",
    )
