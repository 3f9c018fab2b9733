"""A release of the chart: install it, change it, find its pods and ask them."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from typing import Any

import requests
import yaml

from tests.cluster.kubectl import (
    Completed,
    Manifest,
    get_object,
    helm,
    kubectl,
    list_objects,
    temporary_namespace,
    wait_until,
)
from tests.conftest import ROOT
from tests.helm.chart import merged

Values = Mapping[str, Any]
HTTP_PORT = 8080
METRICS_PORT = 9090
WAIT_SECONDS = int(os.environ.get("CLUSTER_WAIT_SECONDS", "180"))
KUBELET_SECONDS = 150
"""How long a changed ConfigMap or Secret may take to reach the pods that have it."""
SETTLE_SECONDS = 14
"""The default pause before SIGTERM, and some seconds in which the last pod ends."""
NO_VALUES: Values = {}
HALF_A_REQUEST = (
    "POST {path} HTTP/1.1\r\nHost: advisor\r\n"
    "Content-Type: application/json\r\nContent-Length: 99\r\n\r\n{{"
)
APPLIES = ("--server-side=true", "--server-side=false")
"""The options of Helm by which the API server merges changes, or Helm does."""
# For releases whose stop isn't what is tested.
SHORT_DRAIN: Values = {"drain": {"preStopSeconds": 1}}


def chart_under_test() -> Path:
    """The chart's folder, or the copy of it that CLUSTER_CHART names."""
    return Path(os.environ.get("CLUSTER_CHART") or ROOT / "helm" / "finetune-advisor")


def image_under_test() -> str:
    """The image that the chart deploys by default, which every node has."""
    chart = yaml.safe_load((chart_under_test() / "Chart.yaml").read_text(encoding="utf-8"))
    return f"finetune-advisor:{chart['appVersion']}"


def example_values(name: str) -> dict[str, Any]:
    """The chart's example values of a feature."""
    path = chart_under_test() / "ci" / f"{name}-values.yaml"
    return yaml.safe_load(path.read_text(encoding="utf-8")) or {}


def merge_values(*parts: Values) -> dict[str, Any]:
    """Values with later ones over earlier ones, as Helm merges files."""
    return reduce(merged, parts, dict[str, Any]())


def is_ready(pod: Manifest) -> bool:
    """Whether a pod is ready and hasn't begun to end."""
    conditions = {one["type"]: one["status"] for one in pod["status"].get("conditions", [])}
    return "deletionTimestamp" not in pod["metadata"] and conditions.get("Ready") == "True"


def ask(
    url: str, body: Any = None, *, headers: Mapping[str, str] | None = None, timeout_seconds: float = 10
) -> requests.Response:
    """Get a URL, or post JSON to it, an object or bytes, over a new connection and without a proxy of the
    environment.
    """
    with requests.Session() as session:
        session.trust_env = False
        if body is None:
            return session.get(url, headers=headers, timeout=timeout_seconds)
        text = body if isinstance(body, bytes) else json.dumps(body)
        headers = {"Content-Type": "application/json", **(headers or {})}
        return session.post(url, text, headers=headers, timeout=timeout_seconds)


@contextmanager
def half_a_request(address: tuple[str, int], path: str = "/assess") -> Iterator[None]:
    """A connection on which the rest of a request never comes."""
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(HALF_A_REQUEST.format(path=path).encode())
        yield


@dataclass(frozen=True)
class Release:
    """A release by its name and namespace, of the chart under test unless another folder is named."""

    namespace: str
    name: str = "advisor"
    full_name: str = "advisor-finetune-advisor"
    program: str = "helm"
    chart: Path = field(default_factory=chart_under_test)

    def upgrade(
        self,
        values: Values = NO_VALUES,
        *options: str | Path,
        wait: bool = True,
        must_succeed: bool = True,
        timeout_seconds: int = WAIT_SECONDS,
    ) -> Completed:
        """`helm upgrade --install` with these values over those of options, and none of an earlier one."""
        waiting = ["--wait", "--timeout", f"{timeout_seconds}s"] if wait else []
        command = ("upgrade", "--install", self.name, self.chart, "--namespace", self.namespace)
        done = helm(
            *(*command, "--reset-values", *options, "--values", "-", *waiting),
            stdin=json.dumps(values),
            program=self.program,
            must_succeed=must_succeed,
        )
        if wait and not done.returncode and self.ready_pods():
            self._wait_for_service()
        return done

    def _wait_for_service(self) -> None:
        """Wait until the node sends connections to the Service on: kube-proxy needs a moment."""

        def connect() -> bool:
            with socket.create_connection(self.service_address(), timeout=2):
                return True

        wait_until("the Service is there", connect, 20)

    def roll_back(self, revision: int, *options: str, must_succeed: bool = True) -> Completed:
        """`helm rollback` to a revision of the release."""
        command = ("rollback", self.name, str(revision), "--namespace", self.namespace, *options)
        return helm(*command, program=self.program, must_succeed=must_succeed)

    def run_tests(self, *options: str, must_succeed: bool = True) -> Completed:
        """`helm test`."""
        command = ("test", self.name, "--namespace", self.namespace, *options)
        return helm(*command, program=self.program, must_succeed=must_succeed)

    def uninstall(self) -> Completed:
        """`helm uninstall`, until the objects are gone."""
        command = ("uninstall", self.name, "--namespace", self.namespace, "--wait")
        return helm(*command, program=self.program)

    def kubectl(self, *words: str | Path, **options: Any) -> Completed:
        """Run kubectl in the release's namespace."""
        return kubectl(*words, namespace=self.namespace, **options)

    def list_objects(self, kinds: str, component: str = "") -> list[Manifest]:
        """The release's own objects of some kinds: all, or those of a component."""
        labels = f"app.kubernetes.io/instance={self.name}"
        if component:
            labels += f",app.kubernetes.io/component={component}"
        return list_objects(kinds, self.namespace, labels)

    def get_deployment(self) -> Manifest:
        """The Deployment of the server."""
        return get_object("deployment", self.full_name, self.namespace)

    def wanted_pods(self) -> int:
        """The number of pods that the Deployment has been told to have."""
        number: int = self.get_deployment()["spec"]["replicas"]
        return number

    def pod_revision(self) -> int:
        """The number of times that the pods' template has changed, plus one."""
        annotations = self.get_deployment()["metadata"]["annotations"]
        return int(annotations["deployment.kubernetes.io/revision"])

    def list_pods(self) -> list[Manifest]:
        """The server's pods in any state."""
        return self.list_objects("pods", "server")

    def ready_pods(self) -> list[Manifest]:
        """The server's pods that get requests."""
        return [pod for pod in self.list_pods() if is_ready(pod)]

    def wait_for_pods(self, number: int = 2, seconds: float = 60) -> list[Manifest]:
        """The server's pods, as soon as there are exactly so many and all are ready."""

        def all_ready() -> list[Manifest]:
            pods = self.list_pods()
            return pods if len(pods) == number == len([pod for pod in pods if is_ready(pod)]) else []

        return wait_until(f"{number} pods, all ready", all_ready, seconds)

    def container_status(self, pod: Manifest) -> Manifest:
        """What the kubelet says of the server's container of a pod."""
        statuses = get_object("pod", pod["metadata"]["name"], self.namespace)["status"]
        [status] = [one for one in statuses["containerStatuses"] if one["name"] == "server"]
        return dict(status)

    def endpoints(self, service: str = "") -> set[str]:
        """The addresses of the pods to which the API's Service, or another one, sends requests."""
        selector = f"kubernetes.io/service-name={service or self.full_name}"
        slices = list_objects("endpointslices", self.namespace, selector)
        ready = [one for part in slices for one in part["endpoints"] or () if one["conditions"]["ready"]]
        return {address for one in ready for address in one["addresses"]}

    def service_address(self) -> tuple[str, int]:
        """IP address and port of the API's Service."""
        spec = get_object("service", self.full_name, self.namespace)["spec"]
        return spec["clusterIP"], spec["ports"][0]["port"]

    def url(self, path: str = "") -> str:
        """A URL of the API at its Service."""
        host, port = self.service_address()
        return f"http://{host}:{port}{path}"

    def ask(self, path: str, body: Any = None, **options: Any) -> requests.Response:
        """Ask the API at its Service; `options` are those of the function `ask`."""
        return ask(self.url(path), body, **options)

    def read_logs(self, pod: Manifest, container: str = "server") -> str:
        """The log of a pod's container."""
        return self.kubectl("logs", "--container", container, pod["metadata"]["name"]).stdout

    def execute(self, pod: Manifest, *command: str, must_succeed: bool = True) -> Completed:
        """Run a command in the server's container of a pod."""
        words = ("exec", pod["metadata"]["name"], "--container", "server", "--", *command)
        return self.kubectl(*words, must_succeed=must_succeed)


def pod_url(pod: Manifest, path: str, port: int = METRICS_PORT) -> str:
    """A URL of one pod, by default of its operations port."""
    return f"http://{pod['status']['podIP']}:{port}{path}"


@contextmanager
def temporary_release(namespace: str, **options: Any) -> Iterator[Release]:
    """A release in a namespace of its own, not yet installed; both are gone after the block."""
    with temporary_namespace(namespace) as unique:
        yield Release(unique, **options)
