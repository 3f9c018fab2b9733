"""A running Prometheus that scrapes every second, asked over its API."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from tests.conftest import Server, free_port, tool


class Prometheus:
    """What it knows."""

    def __init__(self, url: str) -> None:
        self.url = url

    def get(self, path: str, **parameters: str) -> Any:
        """The data of its API; fails with its own words where it refuses."""
        answer = requests.get(f"{self.url}/api/v1/{path}", params=parameters, timeout=20).json()
        assert answer["status"] == "success", (answer.get("error"), parameters)
        return answer["data"]

    def query(self, expression: str) -> list[float]:
        """The values of an expression now, without those that are no number."""
        values = [float(one["value"][1]) for one in self.get("query", query=expression)["result"]]
        return [value for value in values if value == value]  # noqa: PLR0124  # NaN isn't itself

    def metrics(self) -> set[str]:
        """The names of everything that was scraped or recorded."""
        return set(self.get("label/__name__/values"))

    def scrapes(self) -> float:
        """How often it has scraped the instance with success."""
        return sum(self.query("sum_over_time(up[10m])"))

    def ready(self) -> bool:
        """Whether it answers yet."""
        try:
            return requests.get(f"{self.url}/-/ready", timeout=5).ok
        except requests.ConnectionError:
            return False


@contextmanager
def running(
    place: Path, server: Server, labels: Mapping[str, str], rules: Path, key_file: Path
) -> Iterator[Prometheus]:
    """Prometheus on a free port, with one instance to scrape by an API key, and rules to evaluate."""
    target = {"targets": [f"{server.host}:{server.port}"], "labels": dict(labels)}
    configuration = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(rules)],
        "scrape_configs": [
            {
                "job_name": "advisor",
                "authorization": {"credentials_file": str(key_file)},
                "static_configs": [target],
            }
        ],
    }
    (place / "prometheus.yml").write_text(json.dumps(configuration))
    address = f"127.0.0.1:{free_port()}"
    command = [
        tool("prometheus"),
        f"--config.file={place}/prometheus.yml",
        f"--storage.tsdb.path={place}",
    ]
    with (place / "log").open("wb") as log:
        process = subprocess.Popen([*command, f"--web.listen-address={address}"], stderr=log)
    try:
        started = Prometheus(f"http://{address}")
        deadline = time.monotonic() + 30
        while not started.ready():
            assert time.monotonic() < deadline, (place / "log").read_text()
            time.sleep(0.1)
        yield started
    finally:
        process.terminate()
        process.wait(30)
