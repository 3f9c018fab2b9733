"""Keys of a real server with two workers: attacked, and rotated under load. `make public` asks more."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from finetune_advisor.access.key_file import make_key, render_line
from tests.conftest import Server, StartServer
from tests.public.hostile_requests import Keys, attack
from tests.public.key_rotation import (
    Rotation,
    WriteKeys,
    calling,
    replace_file,
    rotate,
    swap_secret,
)

REQUESTS = 3_000
MAX_OVERSTAY_SECONDS = 2
COUNTER = re.compile(r'^finetune_advisor_api_key_requests_total\{key="(.*)"\} (.*)$', re.MULTILINE)


def counted(server: Server, key: str) -> dict[str, float]:
    """The requests of each key, as /metrics has them."""
    text = requests.get(f"{server.url}/metrics", headers={"X-API-Key": key}, timeout=30).text
    return {name: float(value) for name, value in COUNTER.findall(text)}


def test_nobody_gets_in_without_a_right_key(tmp_path: Path, start_server: StartServer) -> None:
    """No answer for wrong, truncated, huge, repeated and other people's keys, no 5xx, each counted."""
    keys = Keys(make_key(), make_key(), make_key())
    path = tmp_path / "keys"
    path.write_text(f"{render_line('alice', keys.right)}\n{render_line('bob', keys.other)}\n")
    server = start_server(API_KEYS_FILE=str(path), WORKERS="2")
    outcome = attack((server.host, server.port), keys, REQUESTS)

    assert [] == outcome.faults
    assert outcome.statuses["401"] > REQUESTS / 2
    assert outcome.statuses["200 with a right key"] > 0
    names = counted(server, keys.right)
    assert {"alice", "bob", "refused"} == names.keys()
    assert outcome.statuses["401"] == names["refused"]
    log = server.log.read_text()
    assert not [key for key in (keys.right, keys.other, keys.revoked) if key in log]


@pytest.mark.parametrize("writing", ["replaced", "swapped"])
def test_rotation_loses_nothing(tmp_path: Path, start_server: StartServer, writing: str) -> None:
    """The old key gets in for no longer than two seconds, in any worker, with either way of writing."""
    (folder := tmp_path / "secret").mkdir()
    makers: dict[str, Callable[[], WriteKeys]] = {
        "replaced": lambda: replace_file(folder / "keys"),
        "swapped": lambda: swap_secret(folder),
    }
    write_keys = makers[writing]()
    rotation = Rotation("")
    write_keys(f"{render_line('first', rotation.key)}\n".encode())
    server = start_server(API_KEYS_FILE=str(folder / "keys"), WORKERS="2")
    rotation.url = server.url
    with calling(rotation):
        rotate(rotation, write_keys)

    assert {} == +rotation.lost
    assert max(rotation.overstays) <= MAX_OVERSTAY_SECONDS
    assert rotation.answered > 100
    assert rotation.refusals > 0
    log = server.log.read_text()
    assert log.count("API keys: read again") == 6  # two changes, in the first process and two workers
    assert rotation.key not in log
