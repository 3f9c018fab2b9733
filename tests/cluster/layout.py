"""Where a cluster has its files, and the addresses that its parts know each other by."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

API_ADDRESS = "10.1.0.1"
API_URL = f"https://{API_ADDRESS}:6443"
SERVICE_RANGE = "10.96.0.0/16"
API_SERVICE = "10.96.0.1"
DNS_SERVICE = "10.96.0.10"
POD_RANGE = "10.244.0.0/16"
FOLDERS = {0: "without_nodes", 1: "one_node", 2: "two_nodes"}
"""The folders of the tests that a cluster runs, by the number of its nodes."""
NOWHERE = "10.1.0.254"
"""The gateway and name server of the nodes: nobody has this address."""


@dataclass(frozen=True)
class Node:
    """A node by its number, counted from 1. All share a network namespace, and each has an address in it."""

    number: int

    @property
    def name(self) -> str:
        return f"node{self.number}"

    @property
    def address(self) -> str:
        return f"10.1.0.{self.number}"

    @property
    def pod_range(self) -> str:
        return f"10.244.{self.number}.0/24"

    @property
    def kubelet_port(self) -> int:
        return 10240 + 10 * self.number

    @property
    def containerd(self) -> str:
        """The socket of the node's containerd."""
        return f"/run/{self.name}.sock"


@dataclass(frozen=True)
class Layout:
    """The folder of a cluster, and the number of its nodes."""

    state: Path
    nodes: int

    @classmethod
    def from_environment(cls) -> Layout:
        """The cluster that this process runs in."""
        return cls(Path(os.environ["CLUSTER_STATE"]), int(os.environ["CLUSTER_NODES"]))

    @property
    def programs(self) -> Path:
        return self.state / "programs"

    @property
    def images(self) -> Path:
        """The archives that every node imports."""
        return self.state / "images"

    @property
    def pki(self) -> Path:
        return self.state / "pki"

    @property
    def logs(self) -> Path:
        return self.state / "log"

    @property
    def admin(self) -> Path:
        """The kubeconfig of the administrator."""
        return self.state / "admin.conf"

    @property
    def ended(self) -> Path:
        """A file that names the programs that ended while the cluster should run."""
        return self.state / "ended"

    @property
    def list_of_nodes(self) -> list[Node]:
        return [Node(number) for number in range(1, self.nodes + 1)]

    def environment(self) -> dict[str, str]:
        """What a process in the cluster learns of it."""
        home = self.state / "home"
        return {
            **os.environ,
            "CLUSTER_NODES": str(self.nodes),
            "CLUSTER_STATE": str(self.state),
            "CLUSTER_IMAGES": str(self.images),
            "KUBECONFIG": str(self.admin),
            "PATH": f"{self.programs}:{os.environ['PATH']}",
            "HOME": str(home),  # caches of kubectl and Helm
        }
