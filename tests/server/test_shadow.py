"""The shadow tree in a real server: counts over several workers and their ends, and unchanged answers."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
import requests

from tests.api import guide
from tests.conftest import SERVE, Server, StartServer, plain_environment
from tests.server.test_server import COUNTER, counted, workers_of

SHADOWS, DROPS = "finetune_advisor_shadow_assessments_total", "finetune_advisor_shadow_dropped_total"
ASSESSED = "finetune_advisor_assessments_total"
LONG_ENOUGH = 20


def mixed_requests(count: int, seed: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Requests to every endpoint that assesses, of complete and partial profiles, for two versions."""
    random = Random(seed)
    for number in range(count):
        share = random.choice((0.5, 1))
        profile = {name: random.random() < 0.5 for name in guide.INPUTS if random.random() < share}
        version = {"tree_version": "2.0.0"} if number % 5 == 0 else {}
        if number % 4 == 0:
            yield "/assess/batch", {"profiles": [profile, None, {}, profile], **version}
        elif number % 7 == 0:
            yield "/assess/explain", {"profile": profile, **version}
        else:
            yield "/assess", {"profile": profile, **version}


def ask(server: Server, count: int, seed: int) -> None:
    """Send mixed requests, each over a connection of its own, so that all workers get some."""
    for path, body in mixed_requests(count, seed):
        assert requests.post(server.url + path, json=body, timeout=10).status_code == 200


def ask_at_once(server: Server, count: int) -> None:
    """The same from four threads."""
    threads = [threading.Thread(target=ask, args=(server, count, seed)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def wait_for(server: Server, total: float) -> dict[str, float]:
    """Wait until so many assessments were repeated. Returns their numbers by result."""
    deadline = time.monotonic() + LONG_ENOUGH
    while counted(server.url, SHADOWS) < total and time.monotonic() < deadline:
        time.sleep(0.05)
    text = requests.get(f"{server.url}/metrics", timeout=10).text
    found: dict[str, float] = {}
    for name, labels, value in COUNTER.findall(text):
        if name == SHADOWS:
            result = re.findall('result="(.*?)"', labels)[0]
            found[result] = found.get(result, 0) + float(value)
    return found


def test_every_assessment_of_all_workers_is_counted(start_server: StartServer) -> None:
    """The counters of the shadow tree sum to the assessments, as if one process had made them all."""
    servers = [start_server(WORKERS=workers, SHADOW_TREE_VERSION="3.0.0") for workers in ("2", "1")]
    found = []
    for server in servers:
        ask_at_once(server, 60)
        found.append(wait_for(server, counted(server.url, ASSESSED)))

    assert found[0] == found[1]
    for server, results in zip(servers, found, strict=True):
        assert counted(server.url, ASSESSED) == sum(results.values()) > 300
        assert 0 == counted(server.url, DROPS)


def test_a_worker_that_stops_loses_nothing_and_a_killed_one_only_what_is_pending(
    start_server: StartServer,
) -> None:
    """Counts outlive the workers; those of the last moment are made before a worker stops."""
    server = start_server(WORKERS="2", SHADOW_TREE_VERSION="3.0.0")
    for number, ending in enumerate((signal.SIGTERM, signal.SIGKILL)):
        ask(server, 40, seed=number)
        if ending == signal.SIGKILL:
            wait_for(server, counted(server.url, ASSESSED))
        started = len(workers_of(server))
        os.kill(workers_of(server)[-1], ending)
        deadline = time.monotonic() + LONG_ENOUGH
        while len(workers_of(server)) == started and time.monotonic() < deadline:
            time.sleep(0.05)
    ask(server, 40, seed=3)
    total = counted(server.url, ASSESSED)

    assert total == sum(wait_for(server, total).values())


@pytest.mark.parametrize("shadow", ["1.0.0", "2.0.0", "3.0.0"])
def test_answers_are_those_without_a_shadow_tree(start_server: StartServer, shadow: str) -> None:
    """Byte for byte, with every header."""
    plain, shadowed = start_server(), start_server(SHADOW_TREE_VERSION=shadow, WORKERS="2")
    headers = {"X-Request-ID": "mine", "traceparent": f"00-{1:032x}-{1:016x}-00"}
    for path, body in mixed_requests(30, seed=5):
        answers = [
            requests.post(server.url + path, json=body, headers=headers, timeout=10)
            for server in (plain, shadowed)
        ]
        seen = [
            (
                answer.status_code,
                answer.content,
                # Each answer has the time and a span of its own.
                [
                    (name, re.sub(r"-\w{16}-", "-span-", value))
                    for name, value in answer.raw.headers.items()
                    if name != "Date"
                ],
            )
            for answer in answers
        ]
        assert seen[0] == seen[1]


def test_a_wrong_version_stops_the_start() -> None:
    """One line names the setting and the versions that it takes."""
    environment = plain_environment() | {"FINETUNE_ADVISOR_SHADOW_TREE_VERSION": "9.9.9"}
    done = subprocess.run(
        SERVE,
        env={**environment, "FINETUNE_ADVISOR_PORT": "0"},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode
    message = "the shadow version 9.9.9 isn't served; set FINETUNE_ADVISOR_SHADOW_TREE_VERSION to one of"
    [line] = [line for line in (done.stdout + done.stderr).splitlines() if "9.9.9" in line]
    assert message in line
    assert "Traceback" not in done.stdout + done.stderr
