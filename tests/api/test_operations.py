"""GET /healthz, /readyz and /metrics, on the port of the API or on one of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from flask.testing import FlaskClient

from finetune_advisor.app import create_app
from finetune_advisor.settings import Settings
from finetune_advisor.trees import catalog
from tests.conftest import free_port

OPERATIONS = ["/healthz", "/readyz", "/metrics"]
API = [
    "/tree",
    "/tree/versions",
    "/tree/versions/1.0.0",
    "/tree/versions/1.0.0/changes?since=1.0.0",
    "/tree/versions/1.0.0/diagram",
    "/problems/not-found",
    "/openapi.json",
    "/docs",
]


def test_healthz_says_that_the_process_answers(client: FlaskClient) -> None:
    """200 and nothing else: a liveness probe needs no more."""
    answer = client.get("/healthz")

    assert (answer.status_code, answer.json) == (200, {"status": "ok"})


def test_readyz_says_which_trees_are_served(client: FlaskClient) -> None:
    """200 once the trees are proven sound, with their versions."""
    answer = client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json == {"status": "ok", "trees": list(catalog.load_catalog().trees)}


def test_metrics_are_prometheus_text(client: FlaskClient) -> None:
    """A scraper gets the text format, with the names that dashboards build on."""
    answer = client.get("/metrics")

    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain; version=")
    for name in ("assessments_total", "tree_info", "build_info", "http_requests_total"):
        assert f"finetune_advisor_{name}" in answer.text


def test_the_contract_examples_are_not_counted() -> None:
    """An application that nobody has asked yet has assessed nothing."""
    text = create_app(Settings(log_level="error")).test_client().get("/metrics").text

    samples = r"^finetune_advisor_(?:assessments_total|batch_profiles_count)\b.* (\S+)$"
    counted = re.findall(samples, text, re.MULTILINE)
    assert {float(count) for count in counted} == {0}


@pytest.mark.parametrize("path", OPERATIONS)
def test_operations_are_outside_the_contract(client: FlaskClient, path: str) -> None:
    """What the platform asks isn't part of the API's promises."""
    assert path not in client.get("/openapi.json").json["paths"]


def answering(url: str) -> bool:
    try:
        return requests.get(f"{url}/readyz", timeout=5).status_code == 200
    except requests.ConnectionError:
        return False


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The URLs of a server's API and of its operations, on two ports."""
    log: Path = tmp_path_factory.mktemp("apart") / "log"
    port = free_port()
    chosen = {"FINETUNE_ADVISOR_PORT": "0", "FINETUNE_ADVISOR_METRICS_PORT": str(port)}
    command = [sys.executable, "-m", "finetune_advisor.cli", "serve"]
    with log.open("wb") as out:
        process = subprocess.Popen(command, env={**os.environ, **chosen}, stdout=out, stderr=out)
    try:
        operations = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 30
        while not answering(operations):
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        listening = re.search(r"http://127\.0\.0\.1:(\d+)", log.read_text())
        assert listening, log.read_text()
        yield f"http://127.0.0.1:{listening[1]}", operations
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.parametrize("path", OPERATIONS)
def test_operations_move_to_a_port_of_their_own(apart: tuple[str, str], path: str) -> None:
    """With METRICS_PORT, operations answer there and are not to be found on the API's port."""
    api, operations = (requests.get(url + path, timeout=10) for url in apart)

    assert (api.status_code, operations.status_code) == (404, 200)
    assert api.json()["type"] == "problems/not-found"


@pytest.mark.parametrize("path", API)
def test_the_api_stays_off_that_port(apart: tuple[str, str], path: str) -> None:
    """The operations' port serves nothing else."""
    api, operations = (requests.get(url + path, timeout=10) for url in apart)

    assert (api.status_code, operations.status_code) == (200, 404)


def test_nothing_is_assessed_on_that_port(apart: tuple[str, str]) -> None:
    """Neither does it take profiles."""
    api, operations = (requests.post(f"{url}/assess", json={"profile": {}}, timeout=10) for url in apart)

    assert (api.status_code, operations.status_code) == (200, 404)


def test_an_invalid_host_is_refused_on_both(apart: tuple[str, str]) -> None:
    """With the same problem, whatever is served where."""
    answers = [requests.get(f"{url}/healthz", headers={"Host": "a b"}, timeout=10) for url in apart]

    assert [answer.status_code for answer in answers] == [400, 400]


@pytest.mark.parametrize("name", ["Host", "X-Forwarded-Host", "X-Forwarded-Port", "Forwarded"])
def test_no_header_reaches_the_other_port(apart: tuple[str, str], name: str) -> None:
    """Which port it is comes from the socket: no header talks the API's port into showing metrics."""
    api, operations = apart
    there = operations.removeprefix("http://")
    value = {"X-Forwarded-Port": there.partition(":")[2], "Forwarded": f"host={there}"}.get(name, there)

    assert requests.get(f"{api}/metrics", headers={name: value}, timeout=10).status_code == 404
