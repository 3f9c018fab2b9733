"""API keys that change in a real server, whose first process and whose workers outlive each other."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from finetune_advisor.access.key_file import make_key, render_line
from tests.conftest import Server, StartServer
from tests.reload.hostile_run import processes_of, wait_until
from tests.reload.trees_folder import TreesFolder, sound, version

KEYS = {name: make_key() for name in ("alice", "bob", "carol")}
LAST_SUCCESS = "finetune_advisor_api_keys_last_reload_success"
PROCESS_COUNT = 2
"""The first process and its worker: each reads the file."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with the keys of Alice and Bob."""
    write_keys(tmp_path / "keys", "alice", "bob")
    return tmp_path / "keys"


def write_keys(path: Path, *names: str) -> None:
    """Replace a file as a whole, by one with these keys."""
    new = path.with_suffix(".new")
    new.write_text("".join(f"{render_line(name, KEYS[name])}\n" for name in names))
    new.replace(path)


def get_tree(server: Server, name: str) -> requests.Response:
    return requests.get(f"{server.url}/tree", headers={"X-API-Key": KEYS[name]}, timeout=30)


def is_let_in(server: Server, name: str) -> bool:
    return get_tree(server, name).status_code == 200


def metric_of(server: Server, name: str) -> float:
    """The metric that says whether the keys are those of their file, asked with a key."""
    headers = {"X-API-Key": KEYS[name]}
    text = requests.get(f"{server.url}/metrics", headers=headers, timeout=30).text
    [line] = [line for line in text.splitlines() if line.startswith(f"{LAST_SUCCESS} ")]
    return float(line.split()[1])


def remove_alice(server: Server, path: Path) -> None:
    """Remove Alice's key, and wait until every process knows."""
    assert is_let_in(server, "alice")
    write_keys(path, "bob")
    wait_until(lambda: not is_let_in(server, "alice"))
    wait_until(lambda: server.log.read_text().count("API keys: read again") == PROCESS_COUNT)


def kill_worker(server: Server) -> None:
    """Kill the only worker, and wait for its successor."""
    [worker] = processes_of(server)[1:]
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: len(processes_of(server)) == PROCESS_COUNT and worker not in processes_of(server))


@pytest.mark.parametrize(
    "break_file", [lambda path: path.write_text("wrong"), Path.unlink], ids=["wrong", "missing"]
)
def test_a_removed_key_stays_out_if_a_worker_dies(
    start_server: StartServer, path: Path, break_file: Callable[[Path], None]
) -> None:
    """Its successor has the last good keys, and not those of the start, although it can't read the file."""
    server = start_server(API_KEYS_FILE=str(path))
    remove_alice(server, path)
    break_file(path)
    kill_worker(server)

    assert [401, 200] == [get_tree(server, name).status_code for name in ("alice", "bob")]
    assert 0 == server.stop()
    assert "the last good keys hold" in server.log.read_text()


def test_trees_change_while_the_key_file_is_wrong(
    start_server: StartServer, path: Path, tmp_path: Path
) -> None:
    """The last good keys hold for the new tree, too, until the file is mended."""
    folder = TreesFolder(tmp_path / "trees")
    server = start_server(API_KEYS_FILE=str(path), TREES_DIR=str(folder.path))
    remove_alice(server, path)
    assert 1 == metric_of(server, "bob")
    path.write_text("wrong")
    wait_until(lambda: metric_of(server, "bob") == 0)
    folder.rename(sound(1))
    os.kill(server.process.pid, signal.SIGHUP)
    wait_until(lambda: get_tree(server, "bob").json()["version"] == version(1))

    assert "The trees can't be reloaded" not in server.log.read_text()
    assert [401, 200] == [get_tree(server, name).status_code for name in ("alice", "bob")]
    assert 0 == metric_of(server, "bob")  # also in the workers of the new tree
    write_keys(path, "carol")
    wait_until(lambda: is_let_in(server, "carol"))
    assert not is_let_in(server, "bob")
    assert 1 == metric_of(server, "carol")
