"""Fifty good and twenty broken changes under load lose nothing."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from finetune_advisor.trees import catalog
from tests.conftest import StartServer
from tests.reload import hostile_run
from tests.reload.clients import Clients
from tests.reload.trees_folder import TreesFolder, sound, version

GOOD, BAD = 50, 20
MAX_MEGABYTES = 10


@pytest.mark.parametrize("workers", ["4", "1"])
def test_changes_under_load_lose_nothing(
    start_server: StartServer, tmp_path: Path, workers: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """No request is lost, none gets a tree that isn't served then, counts are exact, and memory returns."""
    folder = TreesFolder(tmp_path / "trees")
    server = start_server(TREES_DIR=str(folder.path), WORKERS=workers, TREES_WATCH_SECONDS="1")

    found = hostile_run.run(server, folder, GOOD, BAD)

    with capsys.disabled():
        print(f"\n{workers} workers:\n{found}")
    assert [] == found.lost[:5]
    assert [] == found.strangers
    assert found.answers == found.counted
    assert max(found.side_by_side_seconds) < hostile_run.MAX_SIDE_BY_SIDE_SECONDS
    assert found.memory_after < found.memory_before + MAX_MEGABYTES
    assert BAD <= found.results["failure"]
    assert 0 == server.stop()
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    assert not [line for line in lines if "Traceback" in str(line)]


MANY = 10
"""Copies of a large tree, which take some seconds to be proven."""


def test_a_set_that_takes_long_disturbs_nobody(
    start_server: StartServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """While it is proven and built, the trees before are served as ever, and a storm of signals is one."""
    folder = TreesFolder(tmp_path / "trees")
    server = start_server(TREES_DIR=str(folder.path), WORKERS="4")
    clients = Clients(server.host, server.port)
    large = (catalog.BUNDLED_TREES_DIR / "3.0.0.yaml").read_text()
    with clients.asking():
        time.sleep(3)
        for number in range(MANY):
            text = large.replace("version: 3.0.0", f"version: 8.0.0-many.{number}", 1)
            (folder.path / f"{number}.yaml").write_text(text)
        folder.rename(sound(1))
        started = time.monotonic()
        for _ in range(hostile_run.STORM):
            os.kill(server.process.pid, signal.SIGHUP)
        hostile_run.wait_until(lambda: clients.has_seen(version(1)))
        taken = time.monotonic() - started
        time.sleep(3)
    during = [one for one in clients.answers if started < one.asked < started + taken]
    slowest = max(one.answered - one.asked for one in during)

    with capsys.disabled():
        print(
            f"\n{taken:.1f} s to prove and build; slowest of {len(during)} answers: {slowest * 1000:.0f} ms"
        )
    assert [] == clients.lost
    assert len(clients.answers) == hostile_run.count_assessments(server.url)
    assert hostile_run.reload_results(server.url)["success"] <= 2
