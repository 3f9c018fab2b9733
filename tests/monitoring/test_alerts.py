"""The chart's alerts: sound rules, each fires when it should, and Prometheus can evaluate them here."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT, tool
from tests.helm import chart
from tests.monitoring.prometheus import Prometheus

HERE = Path(__file__).parent
SELECTOR = re.compile(r"[\w:]+\{[^}]*\}")
METRIC = re.compile(r"(?<![:\w])(?:finetune_advisor|process|python)_\w+")


def alerts(rules: Path) -> list[dict[str, Any]]:
    """All alerts of a file of rules."""
    groups = yaml.safe_load(rules.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def promtool(*arguments: str, at: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [tool("promtool"), *arguments], cwd=at, capture_output=True, text=True, timeout=60
    )


def test_promtool_finds_no_fault(rules: Path) -> None:
    """The rules as Helm renders them are sound, with no lint either."""
    checked = promtool("check", "rules", "--lint-fatal", rules.name, at=rules.parent)

    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_each_alert_fires_when_it_should(rules: Path) -> None:
    """Every case of alerts_test.yaml, firing or quiet, comes out as it says."""
    cases = shutil.copy(HERE / "alerts_test.yaml", rules.parent)
    tested = promtool("test", "rules", cases, at=rules.parent)

    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_two_releases_in_a_namespace_are_told_apart(tmp_path: Path) -> None:
    """One that is gone is missed while the other lives, and neither records the other's series."""
    watched = {"prometheusRule": {"enabled": True}, "metrics": {"monitor": {"kind": "ServiceMonitor"}}}
    for name in ("alpha", "beta"):
        found = chart.one("PrometheusRule", chart.render(watched, name=name))
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(found["spec"]))
    tested = promtool("test", "rules", shutil.copy(HERE / "releases_test.yaml", tmp_path), at=tmp_path)

    assert tested.returncode == 0, tested.stdout + tested.stderr


@pytest.mark.parametrize(
    ("kind", "selected"),
    [
        ("ServiceMonitor", 'namespace="advice",job="demo-finetune-advisor-metrics"'),
        ("PodMonitor", 'namespace="advice",job="advice/demo-finetune-advisor"'),
        ("none", 'namespace="advice"'),
    ],
)
def test_every_metric_is_asked_of_the_release_alone(kind: str, selected: str) -> None:
    """By the job that Prometheus' operator makes of the monitor; where others scrape, it is theirs."""
    watched = {"prometheusRule": {"enabled": True}, "metrics": {"monitor": {"kind": kind}}}
    manifests = chart.render(watched)
    groups = chart.one("PrometheusRule", manifests)["spec"]["groups"]
    for rule in (rule for group in groups for rule in group["rules"]):
        matchers = re.findall(r"\{(.*?)\}", rule["expr"])
        assert matchers
        assert [] == [one for one in matchers if one != selected and not one.startswith(f"{selected},")]
        assert kind != "none" or "job=" not in rule["expr"]
    names = {
        "ServiceMonitor": chart.one("Service", manifests, "-metrics")["metadata"]["name"],
        "PodMonitor": f"{chart.NAMESPACE}/{chart.one('Deployment', manifests)['metadata']['name']}",
    }
    assert kind == "none" or f'job="{names[kind]}"' in selected


def test_each_alert_has_a_case_in_which_it_fires(rules: Path) -> None:
    """And one in which it is quiet."""
    cases = yaml.safe_load((HERE / "alerts_test.yaml").read_text())["tests"]
    tried = [one for case in cases for one in case["alert_rule_test"]]
    named = {rule["alert"] for rule in alerts(rules)}

    assert named == {one["alertname"] for one in tried if one.get("exp_alerts")}
    assert named == {one["alertname"] for one in tried if not one.get("exp_alerts")}


def test_each_alert_leads_to_its_runbook(rules: Path) -> None:
    """runbook_url names a heading of docs/operations.md, and every alert says how bad and what it is."""
    headings = re.findall(r"^#+ (.*)$", (ROOT / "docs" / "operations.md").read_text(), re.MULTILINE)
    for rule in alerts(rules):
        page, _, anchor = rule["annotations"]["runbook_url"].partition("#")

        assert page.endswith("/docs/operations.md")
        assert rule["alert"] in headings
        assert anchor == rule["alert"].lower()
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
        assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}


def test_prometheus_evaluates_each_rule(observed: Prometheus, rules: Path) -> None:
    """Over what a real instance serves, each rule is evaluated without an error."""
    found = [rule for group in observed.get("rules")["groups"] for rule in group["rules"]]

    assert {rule["alert"] for rule in alerts(rules)} <= {rule["name"] for rule in found}
    assert {rule["name"]: "ok" for rule in found} == {rule["name"]: rule["health"] for rule in found}


def test_alerts_select_what_is_served(observed: Prometheus) -> None:
    """Each selector finds series of the instance, unless it asks for what this one doesn't have: an error, a
    deprecated tree, or a share of a hundred assessments. The instance isn't taken for absent.
    """
    rules = [rule for group in observed.get("rules")["groups"] for rule in group["rules"]]
    selectors = {one for rule in rules for one in SELECTOR.findall(rule["query"])}
    found = {one: observed.query(f"count(last_over_time({one}[1m]))") for one in selectors}
    rare = ('status="deprecated"', 'status=~"5.."', "share1h")

    assert [one for one, series in found.items() if not series and not any(r in one for r in rare)] == []
    assert len(found) > 10
    assert {rule["state"] for rule in rules if rule["name"] == "FinetuneAdvisorAbsent"} == {"inactive"}


def test_alerts_name_only_metrics_that_are_served(observed: Prometheus, rules: Path) -> None:
    """What an alert asks about is what the instance serves."""
    named = {name for rule in alerts(rules) for name in METRIC.findall(rule["expr"])}

    assert named
    assert named <= observed.metrics()


def test_the_table_of_metrics_is_complete(observed: Prometheus) -> None:
    """docs/operations.md names every metric that an instance under load serves, and no other."""
    guide = (ROOT / "docs" / "operations.md").read_text()
    table = re.findall(r"^\| `(finetune_advisor_\w+)", guide, re.MULTILINE)
    own = (name for name in observed.metrics() if name.startswith("finetune_advisor_"))
    served = {re.sub(r"_(bucket|sum|count|created)$", "", name) for name in own}

    assert served == set(table)
