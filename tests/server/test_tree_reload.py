"""Trees that change in a real server: what is served, what the log and the metrics say, and what is lost."""

from __future__ import annotations

import http.client
import json
import os
import signal
import time
from pathlib import Path

import pytest
import requests

from finetune_advisor.trees import loader
from tests import editions
from tests.conftest import Server, StartServer
from tests.reload import hostile_run
from tests.reload.clients import BODY, HEADERS
from tests.reload.hostile_run import read_metrics, reload_results, wait_until
from tests.reload.trees_folder import TreesFolder, sound, version

LAST_SUCCESS = "finetune_advisor_tree_last_reload_success"


def default_version(url: str) -> str:
    served: str = requests.get(f"{url}/tree", timeout=30).json()["version"]
    return served


def hang_up(server: Server) -> None:
    os.kill(server.process.pid, signal.SIGHUP)


@pytest.fixture
def folder(tmp_path: Path) -> TreesFolder:
    """A directory with one own tree."""
    return TreesFolder(tmp_path / "trees")


def test_good_and_broken_changes_under_load_lose_nothing(
    start_server: StartServer, folder: TreesFolder
) -> None:
    """A part of `make reload`: every way of change once, two broken ones, and all counts over two workers."""
    server = start_server(TREES_DIR=str(folder.path), WORKERS="2", TREES_WATCH_SECONDS="1")
    found = hostile_run.run(server, folder, good=4, bad=2, settling=1)

    assert [] == found.lost
    assert [] == found.strangers
    assert found.answers == found.counted
    assert max(found.side_by_side_seconds) < hostile_run.MAX_SIDE_BY_SIDE_SECONDS
    assert 0 == server.stop()
    assert "Traceback" not in server.log.read_text()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_metrics_tell_of_reloads_and_of_the_served_trees(
    start_server: StartServer, folder: TreesFolder, workers: str
) -> None:
    """Before any reload, after a good one and after a broken one; a tree that is gone is no longer named."""
    server = start_server(TREES_DIR=str(folder.path), WORKERS=workers)

    def named() -> set[str]:
        return {
            name.split('version="')[1].split('"')[0]
            for name in read_metrics(server.url)
            if "tree_info" in name
        }

    first = read_metrics(server.url)
    assert {"success": 0, "failure": 0} == reload_results(server.url)
    assert 1 == first[LAST_SUCCESS]
    assert time.time() - 120 < first[f"{LAST_SUCCESS}_timestamp_seconds"] < time.time()

    folder.rename(sound(1))
    hang_up(server)
    wait_until(lambda: default_version(server.url) == version(1))
    second = read_metrics(server.url)
    assert {"success": 1, "failure": 0} == reload_results(server.url)
    assert first[f"{LAST_SUCCESS}_timestamp_seconds"] < second[f"{LAST_SUCCESS}_timestamp_seconds"]
    assert {"1.0.0", "2.0.0", "3.0.0", version(1)} == named()

    folder.rename(sound(2).replace("to: tune", "to: nowhere", 1))
    hang_up(server)
    wait_until(lambda: reload_results(server.url)["failure"] == 1)
    third = read_metrics(server.url)
    assert 0 == third[LAST_SUCCESS]
    assert second[f"{LAST_SUCCESS}_timestamp_seconds"] == third[f"{LAST_SUCCESS}_timestamp_seconds"]
    assert version(1) == default_version(server.url)
    assert 200 == requests.get(f"{server.url}/readyz", timeout=30).status_code
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    [error] = [line["message"] for line in lines if line["level"] == "ERROR"]
    assert error.startswith("The trees can't be reloaded, and those before are still served: ")
    assert f"{folder.path}/tree.yaml:" in error
    assert "nowhere" in error


def test_what_a_start_would_refuse_a_reload_refuses(start_server: StartServer, tmp_path: Path) -> None:
    """The default and the shadow version, the mask of the decision log, and digests."""
    trees = tmp_path / "trees"
    trees.mkdir()
    kept, changing = (editions.write(trees, name) for name in ("9.0.0-kept.1", "9.0.0-gone.1"))
    other = tmp_path / "other"
    other.mkdir()
    editions.write(other, "9.0.0-gone.2")
    digests = [loader.load_tree(path).digest for path in (kept, changing)]
    server = start_server(
        TREES_DIR=str(trees),
        DEFAULT_TREE_VERSION="9.0.0-kept.1",
        SHADOW_TREE_VERSION="9.0.0-gone.1",
        DECISION_LOG_MASK="colour",
        TREE_DIGESTS=",".join(digests),
    )

    def refusal(number: int) -> str:
        hang_up(server)
        wait_until(lambda: reload_results(server.url)["failure"] == number)
        errors = [line for line in server.log.read_text().splitlines() if '"ERROR"' in line]
        assert number == len(errors)
        return errors[-1]

    away = changing.rename(tmp_path / "away.yaml")
    assert (
        "the shadow version 9.0.0-gone.1 isn't served; set FINETUNE_ADVISOR_SHADOW_TREE_VERSION"
        in refusal(1)
    )
    away.rename(changing)
    kept.rename(away)
    assert "the default version 9.0.0-kept.1 isn't served" in refusal(2)
    away.rename(kept)
    (other / "9.0.0-gone.2.yaml").rename(trees / "9.0.0-gone.2.yaml")
    assert "9.0.0-gone.2 has the digest sha256:" in refusal(3)
    (trees / "9.0.0-gone.2.yaml").unlink()
    hang_up(server)
    wait_until(lambda: reload_results(server.url)["success"] == 1)
    assert 1 == read_metrics(server.url)[LAST_SUCCESS]


def test_a_request_in_flight_gets_its_answer_from_the_tree_before(
    start_server: StartServer, folder: TreesFolder
) -> None:
    """Its worker waits for it, though others serve the next tree, which then answers on its connection."""
    server = start_server(TREES_DIR=str(folder.path), WORKERS="2")
    before = hostile_run.processes_of(server)
    connection = http.client.HTTPConnection(server.host, server.port, timeout=30)
    connection.putrequest("POST", "/assess")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", str(len(BODY)))
    connection.endheaders(BODY[:5])
    time.sleep(0.3)
    folder.rename(sound(1))
    hang_up(server)
    wait_until(lambda: default_version(server.url) == version(1))
    connection.send(BODY[5:])
    in_flight = json.loads(connection.getresponse().read())
    with_the_next = []
    for _ in range(2):
        connection.request("POST", "/assess", BODY, HEADERS)
        with_the_next.append(json.loads(connection.getresponse().read()))
    connection.close()

    assert version(0) == in_flight["tree"]["version"]
    assert version(1) == with_the_next[0]["tree"]["version"] == with_the_next[1]["tree"]["version"]
    # One of the workers may not have been there yet when the first answer came.
    wait_until(lambda: 3 == len(hostile_run.processes_of(server)))
    assert not {*before[1:]} & {*hostile_run.processes_of(server)}


def test_a_stop_during_a_reload_is_a_stop(start_server: StartServer, folder: TreesFolder) -> None:
    """While the documents are proven or the application is built, SIGTERM ends all processes as ever."""
    for pause in (0.05, 0.4, 0.8, 1.2):
        # A worker that doesn't hear of the stop holds it up for as long.
        server = start_server(TREES_DIR=str(folder.path), WORKERS="2", GRACEFUL_TIMEOUT="50")
        folder.rename(sound(round(pause * 100)))
        hang_up(server)
        time.sleep(pause)
        pids = hostile_run.processes_of(server)
        started = time.monotonic()

        assert 0 == server.stop()
        assert time.monotonic() - started < 40
        assert [] == [pid for pid in pids if Path(f"/proc/{pid}").exists()]
        assert "Traceback" not in server.log.read_text()
