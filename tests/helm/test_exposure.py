"""What can be reached from where: the API in public if asked for, operations never."""

from __future__ import annotations

import json
import re
from itertools import chain
from typing import Any

import pytest

from tests.helm import chart
from tests.helm.chart import Manifest, Values, merged

PUBLIC = ("ingress", "httproute", "loadbalancer")


def policy(values: Values | None = None, name: str = "finetune-advisor") -> Manifest:
    """The rules of a NetworkPolicy."""
    spec: Manifest = chart.one("NetworkPolicy", chart.render(values), name)["spec"]
    return spec


@pytest.mark.parametrize("name", PUBLIC)
def test_no_public_way_leads_to_operations(name: str) -> None:
    """Ingress, HTTPRoute and the API's Service know the API's port alone."""
    manifests = chart.render(chart.case(name))
    api = chart.one("Service", manifests, "finetune-advisor")
    inside = chart.one("Service", manifests, "-metrics")
    assert ["http"] == [port["targetPort"] for port in api["spec"]["ports"]]
    assert ("ClusterIP", "None") == (inside["spec"]["type"], inside["spec"]["clusterIP"])
    backends = list(backends_of(manifests))
    assert backends or name == "loadbalancer"
    assert {api["metadata"]["name"]} >= {backend["name"] for backend in backends}
    assert {"http", api["spec"]["ports"][0]["port"]} >= {backend["port"] for backend in backends}


def backends_of(manifests: list[Manifest]) -> list[dict[str, Any]]:
    """Where Ingresses and HTTPRoutes lead."""
    rules = [(one["kind"], rule) for one in manifests for rule in one.get("spec", {}).get("rules", [])]
    paths = chain.from_iterable(rule["http"]["paths"] for kind, rule in rules if kind == "Ingress")
    services = [path["backend"]["service"] for path in paths]
    routes = chain.from_iterable(rule["backendRefs"] for kind, rule in rules if kind == "HTTPRoute")
    return [*({"name": one["name"], "port": one["port"]["name"]} for one in services), *routes]


def test_nothing_is_public_unless_asked_for() -> None:
    """By default there is neither Ingress nor HTTPRoute, and Services stay inside."""
    manifests = chart.render()
    assert {"ClusterIP"} == {one["spec"]["type"] for one in manifests if one["kind"] == "Service"}
    assert not {"Ingress", "HTTPRoute"} & {one["kind"] for one in manifests}


def test_pods_answer_on_two_ports_and_ask_nobody() -> None:
    """In: the API's and the metrics' port. Out: nothing."""
    rules = policy()
    assert {"Ingress", "Egress"} == set(rules["policyTypes"])
    # The API server drops an empty list, and the object would differ from the manifest for ever.
    assert "egress" not in rules
    assert [8080, 9090] == sorted(port["port"] for rule in rules["ingress"] for port in rule["ports"])


def test_who_reaches_a_port_can_be_said_apart() -> None:
    """Each port has its peers; the pods of `helm test` stay among them."""
    rules = policy(chart.case("hardened"))["ingress"]
    selectors = {rule["ports"][0]["port"]: rule["from"] for rule in rules}
    gateway, monitoring = selectors[8080], selectors[9090]
    assert gateway[0] == {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "gateway"}}
    }
    assert monitoring[0] != gateway[0]
    for peers in (gateway, monitoring):
        assert "test" == peers[-1]["podSelector"]["matchLabels"]["app.kubernetes.io/component"]
    untested = policy({**chart.case("hardened"), "tests": {"enabled": False}})["ingress"]
    assert [1, 1] == [len(rule["from"]) for rule in untested]


def test_ways_out_are_opened_one_by_one() -> None:
    """DNS when switched on, and what is named besides."""
    collector = {"ports": [{"port": 4317, "protocol": "TCP"}], "to": [{"podSelector": {}}]}
    dns, other = policy({"networkPolicy": {"allowDNS": True, "egress": [collector]}})["egress"]
    asked = {(number, protocol) for number in (53, 5353) for protocol in ("UDP", "TCP")}
    assert asked == {(port["port"], port["protocol"]) for port in dns["ports"]}
    assert collector == other


def test_the_tests_reach_the_server_and_dns_alone() -> None:
    """Their pods have a policy of their own: nobody comes in, no internet."""
    rules = policy(name="-test")
    assert "ingress" not in rules
    assert {"Ingress", "Egress"} == set(rules["policyTypes"])
    assert {53, 5353, 8080, 9090} == {port["port"] for rule in rules["egress"] for port in rule["ports"]}
    assert all(rule["to"] for rule in rules["egress"])


@pytest.mark.parametrize(
    ("name", "where"), [("service-monitor", "endpoints"), ("pod-monitor", "podMetricsEndpoints")]
)
def test_the_monitor_selects_what_serves_metrics(name: str, where: str) -> None:
    """Exactly one Service, or the server's pods, by the name of the port."""
    manifests = chart.render(chart.case(name))
    kind = "ServiceMonitor" if name == "service-monitor" else "PodMonitor"
    spec = chart.one(kind, manifests)["spec"]
    wanted = spec["selector"]["matchLabels"].items()
    candidates = (
        chart.pods(manifests)
        if kind == "PodMonitor"
        else (m for m in manifests if m["kind"] == "Service")
    )
    [selected] = [one for one in candidates if wanted <= one["metadata"]["labels"].items()]
    ports = (
        selected["spec"]["ports"]
        if "ports" in selected["spec"]
        else selected["spec"]["containers"][0]["ports"]
    )
    assert [endpoint["port"] for endpoint in spec[where]] == ["metrics"]
    assert "metrics" in {port["name"] for port in ports}


def test_the_notes_tell_how_to_ask() -> None:
    """Through the Ingress, the route, or a forwarded port, whichever is there."""
    assert "curl -s https://advisor.example.com/assess" in chart.notes(chart.case("ingress"))
    assert "curl -s http://advisor.example.com/assess" in chart.notes(chart.case("httproute"))
    assert "port-forward service/demo-finetune-advisor 8080:80 &" in chart.notes()
    assert "helm test demo --namespace advice" in chart.notes()
    assert "helm test" not in chart.notes(chart.case("minimal"))


@pytest.mark.parametrize(
    ("hosts", "tls", "url"),
    [
        ([{"host": "a.example.com"}], [], "http://a.example.com/assess"),
        ([{"host": "a.example.com"}], [{"hosts": ["a.example.com"]}], "https://a.example.com/assess"),
        ([{"host": "a.example.com"}], [{"hosts": ["b.example.com"]}], "http://a.example.com/assess"),
        ([{"host": "a.example.com"}], [{"secretName": "b"}], "http://a.example.com/assess"),
        (
            [{"host": "a.example.com", "paths": [{"path": "/advisor/"}]}],
            [],
            "http://a.example.com/advisor/assess",
        ),
        ([{"host": "a.example.com", "paths": [{"path": "/"}]}], [], "http://a.example.com/assess"),
    ],
)
def test_the_notes_name_the_address_of_the_ingress(hosts: list[Any], tls: list[Any], url: str) -> None:
    """With the path if there is one, and https if a certificate is for that host."""
    values = {"ingress": {"enabled": True, "hosts": hosts, "tls": tls}}
    assert f"curl -s {url} " in chart.notes(values)


def test_the_examples_lead_to_what_the_service_answers() -> None:
    """It has no prefix that an Ingress could add."""
    examples = [chart.render(chart.case(name)) for name in chart.cases()]
    ingresses = [one for manifests in examples for one in manifests if one["kind"] == "Ingress"]
    rules = [rule for one in ingresses for rule in one["spec"]["rules"]]
    assert {"/"} == {path["path"] for rule in rules for path in rule["http"]["paths"]}


def test_the_dashboard_comes_through_to_the_letter() -> None:
    """Grafana's sidecar finds the chart's file but for the uid, with the templates of legends untouched."""
    found = chart.one("ConfigMap", chart.render(chart.case("service-monitor")), "-dashboard")
    file = (chart.CHART / "files" / "dashboard.json").read_text(encoding="utf-8").rstrip("\n")
    [(name, text)] = found["data"].items()
    assert "demo-finetune-advisor.json" == name
    assert file == text.replace(f'"{json.loads(text)["uid"]}"', '"finetune-advisor"', 1)
    assert "1" == found["metadata"]["labels"]["grafana_dashboard"]


def test_each_release_has_a_dashboard_of_its_own() -> None:
    """Grafana keeps one for each uid, and takes 40 characters."""
    releases = [{"name": "alpha"}, {"name": "beta"}, {"name": "alpha", "namespace": "staging"}]
    found = [
        chart.one("ConfigMap", chart.render({"dashboard": {"enabled": True}}, **one)) for one in releases
    ]
    uids = {json.loads(text)["uid"] for one in found for text in one["data"].values()}
    assert [40, 40, 40] == [len(uid) for uid in uids]


def test_thresholds_reach_the_alerts() -> None:
    """A threshold that is set stands in the rule, and the others keep their defaults."""
    rule = chart.one("PrometheusRule", chart.render(chart.case("service-monitor")))
    expressions = [one["expr"] for group in rule["spec"]["groups"] for one in group["rules"]]
    for threshold in ("0.01", "0.5", "0.9"):
        assert [one for one in expressions if re.search(rf"> {threshold}$", one, re.MULTILINE)]
    assert not [one for one in expressions if re.search("> 0.25$", one, re.MULTILINE)]


@pytest.mark.parametrize(
    ("matches", "path"),
    [
        ([{"path": {"type": "PathPrefix", "value": "/advisor/"}}], "/advisor/assess"),
        ([{"path": {"value": "/advisor"}}, {"path": {"value": "/other"}}], "/advisor/assess"),
        ([{"path": {"type": "Exact", "value": "/assess"}}], "/assess"),
        ([{"path": {"type": "RegularExpression", "value": "/(a|b)/.*"}}], "/assess"),
        ([{"path": {"value": None}}], "/assess"),
        ([{"path": None, "method": "POST"}], "/assess"),
        ([{"method": "POST"}], "/assess"),
        ([], "/assess"),
        (None, "/assess"),
    ],
)
def test_the_printed_request_has_the_path_of_the_route(matches: Any, path: str) -> None:
    """It is that of the first match, if it is a prefix, below which the API is."""
    values = merged(chart.case("httproute"), {"httpRoute": {"matches": matches}})
    assert f"curl -s http://advisor.example.com{path} " in chart.notes(values)
