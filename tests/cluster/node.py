"""A node: containerd, the network of its pods, and the kubelet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from tests.cluster import certificates, control_groups
from tests.cluster.daemons import Daemons, succeeds
from tests.cluster.kubectl import run_command
from tests.cluster.layout import API_URL, DNS_SERVICE, NOWHERE, Layout, Node

REGISTRY = "registry.example.com"
"""The name by which the nodes know the registry at 127.0.0.1:5000."""
REGISTRY_URL = "http://127.0.0.1:5000"


def start_containerd(node: Node, layout: Layout, daemons: Daemons) -> None:
    """Start a node's containerd, and give it the images."""
    folder = layout.state / node.name
    for part in ("cni", "kubelet", "plugins"):
        (folder / part).mkdir(parents=True)
    for hierarchy in control_groups.mounted_hierarchies():
        (hierarchy / node.name).mkdir()
    _write(folder / "cni" / "10-pods.conflist", json.dumps(_pod_network(node, folder)))
    _write(folder / "containerd.toml", _containerd_config(node, folder, layout))
    name = f"{node.name}-containerd"
    daemons.start(name, "containerd", "--config", folder / "containerd.toml", "--log-level", "info")
    client = ("ctr", "--address", node.containerd)
    daemons.wait_until_ready(name, lambda: succeeds(*client, "version"))
    for archive in sorted(layout.images.iterdir()):
        command = (*client, "--namespace", "k8s.io", "images", "import", "--all-platforms", archive)
        run_command(*command)


def start_kubelet(node: Node, layout: Layout, daemons: Daemons) -> None:
    """Start a node's kubelet, which registers the node."""
    folder, pki = layout.state / node.name, layout.pki
    config = layout.state / f"{node.name}.conf"
    certificates.make_client(pki, config, API_URL, f"/O=system:nodes/CN=system:node:{node.name}")
    serving = f"{node.name}-serving"
    certificates.make_certificate(
        pki, serving, f"/CN={node.name}", f"DNS:{node.name}", f"IP:{node.address}"
    )
    _write(layout.state / "resolv.conf", f"nameserver {NOWHERE}\n")
    _write(folder / "kubelet.yaml", yaml.safe_dump(_kubelet_config(node, folder, layout)))
    daemons.start(
        f"{node.name}-kubelet",
        *("kubelet", "--config", folder / "kubelet.yaml", "--kubeconfig", config),
        *("--hostname-override", node.name, "--node-ip", node.address),
        *("--root-dir", folder / "kubelet", "--cert-dir", folder / "pki"),
        *("--node-labels", f"topology.kubernetes.io/zone=zone{node.number}", "--v", "2"),
    )


def write_registry(layout: Layout, name: str = REGISTRY, url: str = REGISTRY_URL) -> None:
    """Have every node find a registry by its name, also while it runs."""
    folder = layout.state / "registries" / name
    folder.mkdir(parents=True, exist_ok=True)
    _write(
        folder / "hosts.toml",
        f'server = "{url}"\n[host."{url}"]\n  capabilities = ["pull", "resolve"]\n',
    )


def _pod_network(node: Node, folder: Path) -> dict[str, Any]:
    addresses = {
        "type": "host-local",
        "dataDir": str(folder / "ipam"),
        "ranges": [[{"subnet": node.pod_range}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    plugins = [
        {"type": "ptp", "ipMasq": False, "ipam": addresses},
        {"type": "portmap", "capabilities": {"portMappings": True}},
    ]
    return {"cniVersion": "1.0.0", "name": "pods", "plugins": plugins}


def _containerd_config(node: Node, folder: Path, layout: Layout) -> str:
    # Without `restrict_oom_score_adj`, no pod starts where root lacks CAP_SYS_RESOURCE, as in containers.
    # runc then may not make a process less likely to be killed, and ends with "can't get final child's PID".
    return f"""
version = 3
root = '{folder}/containerd'
state = '/run/{node.name}'
[grpc]
  address = '{node.containerd}'
[ttrpc]
  address = '{node.containerd}.ttrpc'
[plugins.'io.containerd.nri.v1.nri']
  disable = true
[plugins.'io.containerd.cri.v1.images']
  snapshotter = 'overlayfs'
[plugins.'io.containerd.cri.v1.images'.registry]
  config_path = '{layout.state}/registries'
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = 'docker.io/library/pause:1'
[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true
[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = ['{layout.programs}']
  conf_dir = '{folder}/cni'
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
  runtime_type = 'io.containerd.runc.v2'
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
  BinaryName = 'runc'
  SystemdCgroup = false
"""


def _kubelet_config(node: Node, folder: Path, layout: Layout) -> dict[str, Any]:
    pki = layout.pki
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "failCgroupV1": False,  # from 1.35 on, it otherwise refuses control groups of version 1
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{node.name}",  # several nodes share the hierarchies
        "containerRuntimeEndpoint": f"unix://{node.containerd}",
        "address": node.address,
        "port": node.kubelet_port,
        "healthzPort": 0,
        "readOnlyPort": 0,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(pki / f"{node.name}-serving.crt"),
        "tlsPrivateKeyFile": str(pki / f"{node.name}-serving.key"),
        "clusterDomain": "cluster.local",
        "clusterDNS": [DNS_SERVICE],
        "resolvConf": str(layout.state / "resolv.conf"),
        "failSwapOn": False,
        "evictionHard": {
            "memory.available": "100Mi",
            "nodefs.available": "1Gi",
            "imagefs.available": "1Gi",
        },
        "podLogsDir": str(folder / "logs"),
        "volumePluginDir": str(folder / "plugins"),
        "serializeImagePulls": False,
        "syncFrequency": "10s",  # how soon a changed ConfigMap reaches its pods
        "maxPods": 60,
        # Images are imported once: keep them on a full disk, and let every pod use an image that another
        # pod has pulled from the registry.
        "imageGCHighThresholdPercent": 100,
        "imagePullCredentialsVerificationPolicy": "NeverVerify",
    }


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
