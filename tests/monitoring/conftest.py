"""A real Prometheus that scrapes a real instance under load, with the chart's alerts as its rules."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
import yaml

from finetune_advisor.access.key_file import make_key, render_line
from tests.conftest import Server, start
from tests.helm import chart
from tests.monitoring import prometheus
from tests.monitoring.prometheus import Prometheus

ASKED = [
    ("/assess", {"profile": {"prompt_engineering_sufficient": True}}),
    ("/assess", {"profile": {}}),
    ("/assess", {"profile": {}, "tree_version": "2.0.0"}),
    ("/assess", {"profile": {"no_such_input": True}}),
    ("/assess/batch", {"profiles": [{"prompt_engineering_sufficient": False}] * 20}),
    ("/assess/explain", {"profile": {"prompt_engineering_sufficient": True}}),
    # Both this version and the shadow tree decide, each on another recommendation.
    ("/assess", {"profile": {"prompt_engineering_sufficient": True, "rules_sufficient": True}}),
]
SHADOW = "2.0.0"


ANYWHERE = {"matchers": 'job="advisor"'}
"""The chart's alerts for targets that no operator of Kubernetes has labelled."""
WATCHED: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "in Kubernetes": ({"namespace": chart.NAMESPACE}, {}),
    "anywhere": ({}, ANYWHERE),
}
"""What labels a target has beyond those that Prometheus gives it, and the alerts' values."""


def write_rules(folder: Path, values: dict[str, str]) -> Path:
    """The chart's alerts with their default thresholds, as Helm renders them with other values."""
    given = {"prometheusRule": {"enabled": True, **values}}
    written = folder / "alerts.yaml"
    written.write_text(yaml.safe_dump(chart.one("PrometheusRule", chart.render(given))["spec"]))
    return written


@pytest.fixture(scope="session")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The chart's alerts by default."""
    return write_rules(tmp_path_factory.mktemp("rules"), {})


@pytest.fixture(scope="session", params=WATCHED)
def observed(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Prometheus]:
    """Prometheus once it has seen an instance answer every kind of request for some seconds."""
    labels, values = WATCHED[request.param]
    key, folder = make_key(), tmp_path_factory.mktemp("prometheus")
    (key_file := folder / "key").write_text(key)
    (keys := folder / "keys").write_text(render_line("prometheus", key))
    log = tmp_path_factory.mktemp("server") / "log"
    server = start(log, SHADOW_TREE_VERSION=SHADOW, API_KEYS_FILE=str(keys))
    try:
        rules = write_rules(folder, values)
        with prometheus.running(folder, server, labels, rules, key_file) as running:
            ask(server, key, until=lambda: running.scrapes() >= 6)
            yield running
    finally:
        server.stop()


def ask(server: Server, key: str, until: Callable[[], bool]) -> None:
    """Send requests of every kind, a few a second, for a minute at most."""
    deadline = time.monotonic() + 60
    with requests.Session() as session:
        session.headers["X-API-Key"] = key
        while not until():
            assert time.monotonic() < deadline
            for path, body in ASKED:
                session.post(server.url + path, json=body, timeout=20)
            time.sleep(0.2)
