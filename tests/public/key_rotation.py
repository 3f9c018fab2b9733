"""Keys rotated under load: callers change to the new key in time, and one doesn't give up the old one."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import requests

from finetune_advisor.access.key_file import make_key, render_line

CALLER_COUNT = 3
NOTICE_SECONDS = 1.0
"""How long after a change every worker knows it: half a second, and the rest of a request."""
HOLDOUT_SECONDS = 2.5
"""How long the old key is tried after it was removed."""
PROFILE = {"profile": {}}

WriteKeys = Callable[[bytes], None]


@dataclass
class Rotation:
    """What callers have heard while keys were rotated."""

    url: str
    key: str = field(default_factory=make_key)
    """The key that callers send."""
    answered: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    """Requests with a key that held, and no answer."""
    overstays: list[float] = field(default_factory=list)
    """Per rotation, seconds from the removal of a key to the last request that it opened; 0 if none."""
    refusals: int = 0
    """Requests with a removed key that were refused."""


@contextmanager
def calling(rotation: Rotation) -> Iterator[None]:
    """Call with the key of the moment as long as the block takes, over kept and over new connections."""
    stopped = threading.Event()

    def call(*, keep: bool) -> None:
        session = requests.Session()
        while not stopped.is_set():
            status = assess(session if keep else requests, rotation.url, rotation.key)
            if status == "200":
                rotation.answered += 1
            else:
                rotation.lost[status] += 1
            time.sleep(0.001)
        session.close()

    threads = [
        threading.Thread(target=call, kwargs={"keep": number > 0}) for number in range(CALLER_COUNT)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopped.set()
        for thread in threads:
            thread.join()


def assess(session: requests.Session | type[requests], url: str, key: str) -> str:  # type: ignore[valid-type]
    """The status of an assessment, or the name of what went wrong."""
    headers = {"Authorization": f"Bearer {key}"}
    try:
        answer = session.post(f"{url}/assess", json=PROFILE, headers=headers, timeout=30)  # type: ignore[attr-defined]
    except requests.RequestException as error:
        return type(error).__name__
    return str(answer.status_code)


def rotate(rotation: Rotation, write_keys: WriteKeys) -> None:
    """Replace the callers' key: both hold for a while, then the old one is removed, and is tried on."""
    old, new = rotation.key, make_key()
    both = f"{render_line('old', old)}\n{render_line('new', new)}\n"
    write_keys(both.encode())
    time.sleep(NOTICE_SECONDS)
    rotation.key = new
    time.sleep(NOTICE_SECONDS)  # until nobody is on the way with the old key
    write_keys(f"{render_line('new', new)}\n".encode())
    removed, overstay = time.monotonic(), 0.0
    while (sent := time.monotonic()) - removed < HOLDOUT_SECONDS:
        # Each over a connection of its own, so that every worker is asked.
        status = assess(requests, rotation.url, old)
        overstay = sent - removed if status == "200" else overstay
        rotation.refusals += status == "401"
        rotation.lost[f"{status} for the old key"] += status not in ("200", "401")
    rotation.overstays.append(overstay)


def replace_file(path: Path) -> WriteKeys:
    """Return a function that replaces a file as `mv` does."""

    def write_keys(content: bytes) -> None:
        new = path.with_suffix(".new")
        new.write_bytes(content)
        new.replace(path)

    return write_keys


def swap_secret(folder: Path) -> WriteKeys:
    """Return a function that changes `keys` in a folder as Kubernetes changes a mounted Secret."""
    (folder / "keys").symlink_to("..data/keys")

    def write_keys(content: bytes) -> None:
        revision = folder / f"..{time.monotonic_ns()}"
        revision.mkdir()
        (revision / "keys").write_bytes(content)
        (folder / "..data_tmp").symlink_to(revision.name)
        (folder / "..data_tmp").replace(folder / "..data")

    return write_keys
