"""Fifty good and twenty broken changes under load lose nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import StartServer
from tests.reload import hostile_run
from tests.reload.trees_folder import TreesFolder

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
