"""The chart's alerts: sound rules, each fires when it should, and Prometheus can evaluate them here."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import ROOT, tool
from tests.monitoring.prometheus import Prometheus

HERE = Path(__file__).parent
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


def test_alerts_name_only_metrics_that_are_served(observed: Prometheus, rules: Path) -> None:
    """What an alert asks about is what the instance serves."""
    named = {name for rule in alerts(rules) for name in METRIC.findall(rule["expr"])}

    assert named
    assert named <= observed.metrics()
