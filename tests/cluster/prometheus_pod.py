"""A Prometheus within the cluster, which scrapes a release's pods and evaluates its alerts."""

from __future__ import annotations

import json
import shutil
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
    list_objects,
)
from tests.cluster.release import Release, Values, ask, image_under_test

JOB = "advisor"
PORT = 9090
Followed = tuple[dict[str, Any], dict[str, Any]]
"""What is scraped of a release, and its alerts."""


@dataclass(frozen=True)
class PrometheusPod:
    """A running Prometheus, and the namespace that it scrapes from."""

    namespace: str
    address: str

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{self.address}:{PORT}"

    def get(self, path: str, **parameters: str) -> Any:
        """The data of its API."""
        query = "&".join(f"{name}={value}" for name, value in parameters.items())
        answer = ask(f"{self.url}/api/v1/{path}?{query}").json()
        assert answer["status"] == "success", answer
        return answer["data"]

    def get_number(self, query: str) -> float:
        """What a query comes to that has one number; 0 while there is none."""
        found = self.get("query", query=query)["result"]
        return float(found[0]["value"][1]) if found else 0.0

    def healthy_targets(self) -> int:
        """The number of targets whose last scrape succeeded."""
        return [one["health"] for one in self.get("targets")["activeTargets"]].count("up")

    def firing_alerts(self) -> set[str]:
        """The names of the alerts that fire."""
        return {one["labels"]["alertname"] for one in self.alerts() if one["state"] == "firing"}

    def alerts(self, name: str = "") -> list[dict[str, Any]]:
        """The alerts that fire or are about to: all, or those of a name."""
        alerts = self.get("alerts")["alerts"]
        return [one for one in alerts if name in ("", one["labels"]["alertname"])]

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


def scrape_by_name(*releases: Release) -> dict[str, Any]:
    """What a Prometheus without an operator scrapes: port `metrics` of Services, by their names in DNS."""
    names = [
        f"_metrics._tcp.{release.full_name}-metrics.{release.namespace}.svc.cluster.local"
        for release in releases
    ]
    return {"job_name": JOB, "dns_sd_configs": [{"names": names, "refresh_interval": "1s"}]}


def label_namespaces(scrape: dict[str, Any]) -> dict[str, Any]:
    """A scrape by name that labels what it finds with its namespace, as the operator does."""
    namespace = {
        "source_labels": ["__meta_dns_name"],
        "regex": r".*\.([^.]+)\.svc\.cluster\.local",
        "target_label": "namespace",
    }
    return {**scrape, "relabel_configs": [namespace]}


def scrape_by_monitor(release: Release, monitor: Manifest) -> dict[str, Any]:
    """What the Prometheus operator makes of a ServiceMonitor or a PodMonitor, for the pods of this moment."""
    labels = monitor["spec"]["selector"]["matchLabels"]
    selector = ",".join(f"{name}={value}" for name, value in labels.items())
    if monitor["kind"] == "PodMonitor":
        job = f"{release.namespace}/{release.full_name}"
        [endpoint] = monitor["spec"]["podMetricsEndpoints"]
        targets = _pod_targets(list_objects("pods", release.namespace, selector), endpoint["port"])
    else:
        [service] = list_objects("services", release.namespace, selector)
        job = service["metadata"]["name"]
        [endpoint] = monitor["spec"]["endpoints"]
        [port] = [one["port"] for one in service["spec"]["ports"] if one["name"] == endpoint["port"]]
        targets = [f"{address}:{port}" for address in release.endpoints(job)]
    found = {"targets": targets, "labels": {"namespace": release.namespace}}
    return {"job_name": job, "metrics_path": endpoint["path"], "static_configs": [found]}


def _pod_targets(pods: list[Manifest], name: str) -> list[str]:
    """The addresses of a named port of pods."""
    return [
        f"{pod['status']['podIP']}:{port['containerPort']}"
        for pod in pods
        for container in pod["spec"]["containers"]
        for port in container.get("ports", ())
        if port["name"] == name
    ]


def start_prometheus(namespace: str, *followed: Followed) -> PrometheusPod:
    """Start Prometheus in a pod, and tell it what to scrape, as Debian's doesn't know Kubernetes itself."""
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("needs prometheus")
    scrapes = [scrape for scrape, _ in followed]
    alerts = {f"alerts-{number}.yaml": json.dumps(rules) for number, (_, rules) in enumerate(followed)}
    files = {"prometheus.yml": json.dumps(_configuration(scrapes)), **alerts}
    apply_objects(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "prometheus"}, "data": files},
        _pod(program),
        namespace=namespace,
    )
    kubectl(
        "wait", "--for", "condition=Ready", "pod/prometheus", "--timeout", "60s", namespace=namespace
    )
    address = get_object("pod", "prometheus", namespace)["status"]["podIP"]
    return PrometheusPod(namespace, address)


def _configuration(scrapes: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": ["/configuration/alerts-*.yaml"],
        "scrape_configs": scrapes,
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
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 1,
        "containers": [container],
        "volumes": [
            {"name": "program", "hostPath": {"path": program, "type": "File"}},
            {"name": "configuration", "configMap": {"name": "prometheus"}},
            {"name": "data", "emptyDir": {"medium": "Memory"}},
        ],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "prometheus"}, "spec": spec}
