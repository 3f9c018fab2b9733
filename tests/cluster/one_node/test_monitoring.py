"""A real Prometheus that scrapes a release through its policy: docs/deploy.md, "Monitor"."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from tests.cluster.kubectl import get_object, temporary_namespace, wait_until
from tests.cluster.prometheus_pod import (
    JOB,
    Followed,
    PrometheusPod,
    render_alerts,
    scrape_by_monitor,
    scrape_by_name,
    start_prometheus,
)
from tests.cluster.release import (
    KUBELET_SECONDS,
    NO_VALUES,
    SHORT_DRAIN,
    Release,
    Values,
    merge_values,
    temporary_release,
)
from tests.cluster.trees import BROKEN_TREE, GOOD_TREE, WATCHED, apply_trees
from tests.load import running_load

SCRAPE_SECONDS = 60
MATCHERS = f'job="{JOB}"'
Monitored = tuple[Release, PrometheusPod, Values]


@pytest.fixture
def monitored() -> Iterator[Monitored]:
    """A release with trees that it watches, a Prometheus that scrapes it, and the release's values."""
    with monitoring(NO_VALUES) as it:
        yield it


@contextmanager
def monitoring(others: Values) -> Iterator[Monitored]:
    """What `monitored` is, with other values as well."""
    with (
        temporary_namespace("monitoring", restricted=False) as namespace,
        temporary_release("watched") as release,
    ):
        values = merge_values(SHORT_DRAIN, WATCHED, admitting(namespace), others)
        apply_trees(release, GOOD_TREE)
        release.upgrade(values)
        alerts = render_alerts(release, values, MATCHERS)
        prometheus = start_prometheus(namespace, (scrape_by_name(release), alerts))
        wait_until("both pods are scraped", lambda: prometheus.healthy_targets() == 2, SCRAPE_SECONDS)
        yield release, prometheus, values


def admitting(namespace: str) -> Values:
    """Values that let a namespace alone scrape."""
    selector = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}
    return {"networkPolicy": {"metricsFrom": [selector]}}


def assert_no_alert_stays(prometheus: PrometheusPod) -> None:
    """Fail if an alert fires, once that which fires before the first scrape is gone."""
    wait_until("no alert fires", lambda: prometheus.firing_alerts() == set(), 30)
    time.sleep(5)
    assert set() == prometheus.firing_alerts()


def test_prometheus_scrapes_every_pod_through_the_policy(monitored: Monitored) -> None:
    """deploy.md: "Without an operator, scrape port `metrics` of the Service `…-metrics`"."""
    _, prometheus, _ = monitored
    assert 2 == len(prometheus.get("query", query="finetune_advisor_build_info")["result"])


def test_every_rule_of_the_chart_is_evaluated(monitored: Monitored) -> None:
    """deploy.md: "render the alerts as a file of rules": none of them has an error."""
    _, prometheus, _ = monitored

    def evaluated() -> bool:
        return all(rule["health"] != "unknown" for rule in prometheus.rules())

    wait_until("all rules were evaluated", evaluated, 30)
    assert [] == [rule["name"] for rule in prometheus.rules() if rule["health"] != "ok"]
    assert "FinetuneAdvisorAbsent" in {rule["name"] for rule in prometheus.rules()}


def test_no_alert_fires_while_all_is_well(monitored: Monitored) -> None:
    """operations.md, "Alerts": a release that was just installed raises none; deploy.md:
    "`prometheusRule.matchers` selects the metrics by the labels that your scrapes give; here, those of the
    job `advisor`".
    """
    _, prometheus, _ = monitored
    assert_no_alert_stays(prometheus)


def test_a_threshold_is_a_value() -> None:
    """deploy.md: "Thresholds of alerts are values, too: `prometheusRule.thresholds`": with one that every
    answer exceeds, the alert about slow answers fires.
    """
    strict = {"prometheusRule": {"thresholds": {"p99Seconds": 0.00001}}}
    with monitoring(strict) as (release, prometheus, _), running_load(release.url()):
        fires = {"FinetuneAdvisorSlow"}
        wait_until("the alert", lambda: fires <= prometheus.firing_alerts(), SCRAPE_SECONDS)


def test_absent_fires_without_pods(monitored: Monitored) -> None:
    """operations.md: "No instance has been scraped"."""
    release, prometheus, _ = monitored
    release.kubectl("scale", "--replicas", "0", f"deployment/{release.full_name}")
    wait_until("the alert", lambda: prometheus.firing_alerts() == {"FinetuneAdvisorAbsent"}, 60)


def test_target_down_fires_if_the_policy_shuts_prometheus_out(monitored: Monitored) -> None:
    """operations.md: "compare … the network policy with the place that Prometheus scrapes from"."""
    release, prometheus, values = monitored
    release.upgrade(merge_values(values, admitting("elsewhere")))
    # A policy doesn't end connections, such as the one that Prometheus keeps to each pod.
    release.kubectl("rollout", "restart", f"deployment/{release.full_name}")
    wait_until("the alert", lambda: "FinetuneAdvisorTargetDown" in prometheus.firing_alerts(), 60)


def test_trees_not_reloaded_fires_on_a_broken_document(monitored: Monitored) -> None:
    """changing-trees.md: "with a broken document they serve the trees before, and
    `FinetuneAdvisorTreesNotReloaded` fires".
    """
    release, prometheus, _ = monitored
    apply_trees(release, BROKEN_TREE)
    fires = {"FinetuneAdvisorTreesNotReloaded"}
    wait_until("the alert", lambda: prometheus.firing_alerts() == fires, KUBELET_SECONDS)


@pytest.fixture(params=["ServiceMonitor", "PodMonitor"])
def followed(request: pytest.FixtureRequest, operators: None) -> Iterator[tuple[Release, PrometheusPod]]:
    """A release with a monitor of either kind, and a Prometheus as the operator configures it for that."""
    kind = request.param
    with (
        temporary_namespace("monitoring", restricted=False) as namespace,
        temporary_release("followed") as release,
    ):
        prometheus = start_prometheus(namespace, follow(release, kind))
        wait_until("both pods are scraped", lambda: prometheus.healthy_targets() == 2, SCRAPE_SECONDS)
        yield release, prometheus


def follow(release: Release, kind: str) -> Followed:
    """Install a release with a monitor of a kind; returns what the operator makes of that, and its alerts."""
    values = merge_values(SHORT_DRAIN, {"metrics": {"monitor": {"kind": kind}}})
    release.upgrade(values)
    monitor = get_object(kind, release.full_name, release.namespace)
    return scrape_by_monitor(release, monitor), render_alerts(release, values)


def test_alerts_look_at_the_job_of_the_monitor(followed: tuple[Release, PrometheusPod]) -> None:
    """deploy.md: "Its alerts look at the job that its monitor makes", or one would say that nobody is there;
    "`PodMonitor` instead of `ServiceMonitor` scrapes pods without their Service".
    """
    release, prometheus = followed
    assert "FinetuneAdvisorAbsent" in {rule["name"] for rule in prometheus.rules()}
    assert_no_alert_stays(prometheus)
    release.kubectl("scale", "--replicas", "0", f"deployment/{release.full_name}")
    wait_until("the alert", lambda: "FinetuneAdvisorAbsent" in prometheus.firing_alerts(), 60)


def test_alerts_of_a_release_are_not_about_another(release: Release, operators: None) -> None:
    """deploy.md: "Each release has its own alerts and dashboard": of two in a namespace, the one without pods
    is the only one that is said to be absent.
    """
    second = replace(release, name="second", full_name="second-finetune-advisor")
    with temporary_namespace("monitoring", restricted=False) as namespace:
        followed = [follow(one, "ServiceMonitor") for one in (release, second)]
        prometheus = start_prometheus(namespace, *followed)
        wait_until("all pods are scraped", lambda: prometheus.healthy_targets() == 4, SCRAPE_SECONDS)
        assert_no_alert_stays(prometheus)
        second.kubectl("scale", "--replicas", "0", f"deployment/{second.full_name}")
        wait_until("an alert", lambda: "FinetuneAdvisorAbsent" in prometheus.firing_alerts(), 60)
        [absent] = prometheus.alerts("FinetuneAdvisorAbsent")
        assert f"{second.full_name}-metrics" == absent["labels"]["job"]
