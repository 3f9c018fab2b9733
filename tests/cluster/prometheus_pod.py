"""A Prometheus within the cluster, which finds the release's pods by itself and evaluates its alerts."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from tests.cluster.kubectl import (
    Manifest,
    apply_objects,
    get_object,
    helm,
    kubectl,
)
from tests.cluster.release import Release, Values, ask, image_under_test

JOB = "advisor"
PORT = 9090
READABLE = [
    {"apiGroups": [""], "resources": ["services", "pods"], "verbs": ["get", "list", "watch"]},
    {
        "apiGroups": ["discovery.k8s.io"],
        "resources": ["endpointslices"],
        "verbs": ["get", "list", "watch"],
    },
]


@dataclass(frozen=True)
class PrometheusPod:
    """A running Prometheus, and the namespace that it scrapes from."""

    namespace: str
    address: str

    def get(self, path: str, **parameters: str) -> Any:
        """The data of its API."""
        query = "&".join(f"{name}={value}" for name, value in parameters.items())
        answer = ask(f"http://{self.address}:{PORT}/api/v1/{path}?{query}").json()
        assert answer["status"] == "success", answer
        return answer["data"]

    def healthy_targets(self) -> int:
        """The number of targets whose last scrape succeeded."""
        return [one["health"] for one in self.get("targets")["activeTargets"]].count("up")

    def firing_alerts(self) -> set[str]:
        """The names of the alerts that fire."""
        alerts = self.get("alerts")["alerts"]
        return {one["labels"]["alertname"] for one in alerts if one["state"] == "firing"}

    def rules(self) -> list[dict[str, Any]]:
        """All alerts and recorded series, with the health of their last evaluation."""
        return [rule for group in self.get("rules")["groups"] for rule in group["rules"]]


def render_alerts(release: Release, values: Values, matchers: str = "") -> dict[str, Any]:
    """The alerts as a file of rules, as the guide renders them, but without their waits."""
    command = (
        "template",
        release.name,
        release.chart,
        "--namespace",
        release.namespace,
        "--values",
        "-",
    )
    chosen = ("--set", "prometheusRule.enabled=true", "--set", f"prometheusRule.matchers={matchers}")
    only = ("--show-only", "templates/prometheusrule.yaml")
    rendered = helm(*command, *chosen, *only, stdin=json.dumps(values)).stdout
    rules: dict[str, Any] = yaml.safe_load(rendered)["spec"]
    for group in rules["groups"]:
        for rule in group["rules"]:
            if "for" in rule:
                rule["for"] = "2s"
    return rules


def scrape_by_name(release: Release) -> dict[str, Any]:
    """What a Prometheus without an operator scrapes: the port `metrics` of the Service for metrics."""
    chosen = [
        _keep("service_name", f"{release.full_name}-metrics"),
        _keep("endpointslice_port_name", "metrics"),
    ]
    return _scrape(JOB, "endpointslice", release, chosen)


def scrape_by_monitor(release: Release, monitor: Manifest) -> dict[str, Any]:
    """What the Prometheus operator makes of a ServiceMonitor or a PodMonitor."""
    pods = monitor["kind"] == "PodMonitor"
    [endpoint] = monitor["spec"]["podMetricsEndpoints" if pods else "endpoints"]
    labels = monitor["spec"]["selector"]["matchLabels"]
    kind = "pod" if pods else "service"
    port = "pod_container_port_name" if pods else "endpointslice_port_name"
    chosen = [
        *(_keep(f"{kind}_label_{re.sub('[^a-z]', '_', name)}", value) for name, value in labels.items()),
        _keep(port, endpoint["port"]),
    ]
    if pods:
        return _scrape(f"{release.namespace}/{release.full_name}", "pod", release, chosen)
    return _scrape(f"{release.full_name}-metrics", "endpointslice", release, chosen)


def _keep(label: str, value: str) -> dict[str, Any]:
    return {"source_labels": [f"__meta_kubernetes_{label}"], "regex": value, "action": "keep"}


def _scrape(job: str, role: str, release: Release, chosen: list[dict[str, Any]]) -> dict[str, Any]:
    found = {"role": role, "namespaces": {"names": [release.namespace]}}
    namespace = {"source_labels": ["__meta_kubernetes_namespace"], "target_label": "namespace"}
    return {"job_name": job, "kubernetes_sd_configs": [found], "relabel_configs": [*chosen, namespace]}


@contextmanager
def running_prometheus(
    namespace: str, release: Release, scrape: dict[str, Any], rules: dict[str, Any]
) -> Iterator[PrometheusPod]:
    """Prometheus in a pod of a namespace, which looks for what it scrapes in that of a release."""
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("needs prometheus")
    files = {"prometheus.yml": json.dumps(_configuration(scrape)), "alerts.yaml": json.dumps(rules)}
    apply_objects(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "prometheus"}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "prometheus"}, "data": files},
        _pod(program),
        namespace=namespace,
    )
    apply_objects(*_access(namespace), namespace=release.namespace)
    kubectl(
        "wait", "--for", "condition=Ready", "pod/prometheus", "--timeout", "60s", namespace=namespace
    )
    address = get_object("pod", "prometheus", namespace)["status"]["podIP"]
    yield PrometheusPod(namespace, address)
    kubectl("delete", "pod", "prometheus", "--wait=false", namespace=namespace)


def _configuration(scrape: dict[str, Any]) -> dict[str, Any]:
    return {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": ["/configuration/alerts.yaml"],
        "scrape_configs": [scrape],
    }


def _pod(program: str) -> Manifest:
    arguments = ["--config.file=/configuration/prometheus.yml", "--storage.tsdb.path=/data"]
    mounts = {"program": "/prometheus", "configuration": "/configuration", "data": "/data"}
    container = {
        "name": "prometheus",
        "image": image_under_test(),
        "command": ["/prometheus", *arguments, f"--web.listen-address=:{PORT}"],
        "readinessProbe": {"httpGet": {"path": "/-/ready", "port": PORT}, "periodSeconds": 1},
        "volumeMounts": [{"name": name, "mountPath": path} for name, path in mounts.items()],
    }
    spec = {
        "serviceAccountName": "prometheus",
        "terminationGracePeriodSeconds": 1,
        "containers": [container],
        "volumes": [
            {"name": "program", "hostPath": {"path": program, "type": "File"}},
            {"name": "configuration", "configMap": {"name": "prometheus"}},
            {"name": "data", "emptyDir": {"medium": "Memory"}},
        ],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "prometheus"}, "spec": spec}


def _access(namespace: str) -> list[Manifest]:
    """What lets the Prometheus of a namespace look for targets in another one."""
    kind = "rbac.authorization.k8s.io"
    account = {"kind": "ServiceAccount", "name": "prometheus", "namespace": namespace}
    role = {"apiGroup": kind, "kind": "Role", "name": "prometheus"}
    metadata = {"name": "prometheus"}
    return [
        {"apiVersion": f"{kind}/v1", "kind": "Role", "metadata": metadata, "rules": READABLE},
        {
            "apiVersion": f"{kind}/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": role,
            "subjects": [account],
        },
    ]
