"""A pod that asks others, so that network policies and DNS are those of a pod."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tests.cluster.kubectl import Manifest, apply_objects, kubectl
from tests.cluster.release import image_under_test

NO_LABELS: Mapping[str, str] = {}
FETCH = """
import sys, urllib.error, urllib.request
try:
    print(urllib.request.urlopen(sys.argv[1], timeout=3).status)
except urllib.error.HTTPError as error:
    print(error.code)
except OSError as error:
    print("none:", error)
"""
RESOLVE = """
import socket, sys
try:
    print(socket.gethostbyname(sys.argv[1]))
except OSError:
    pass
"""


@dataclass(frozen=True)
class ClientPod:
    """A pod with Python, by its namespace, name and container."""

    namespace: str
    name: str = "client"
    container: str = "client"

    def can_reach(self, url: str) -> bool:
        """Whether somebody answers at a URL, with whatever status."""
        return self._run(FETCH, url).isdigit()

    def can_resolve(self, name: str) -> bool:
        """Whether the DNS of the cluster tells the pod a name's address."""
        return bool(self._run(RESOLVE, name))

    def _run(self, program: str, argument: str) -> str:
        words = (
            "exec",
            self.name,
            "--container",
            self.container,
            "--",
            "python",
            "-c",
            program,
            argument,
        )
        return kubectl(*words, namespace=self.namespace).stdout.strip()


def client_manifest(labels: Mapping[str, str] = NO_LABELS) -> Manifest:
    """A pod that only waits. It names no user, and has the one of its image."""
    container = {
        "name": "client",
        "image": image_under_test(),
        "command": ["python", "-c", "import time; time.sleep(7200)"],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    spec = {
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 1,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
    }
    metadata = {"name": "client", "labels": dict(labels)}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def start_client(namespace: str, labels: Mapping[str, str] = NO_LABELS) -> ClientPod:
    """Start a pod that waits to be told whom to ask."""
    apply_objects(client_manifest(labels), namespace=namespace)
    kubectl("wait", "--for", "condition=Ready", "pod/client", "--timeout", "60s", namespace=namespace)
    return ClientPod(namespace)
