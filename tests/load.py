"""A load on an address for as long as a block takes; each failed request is noted with its time."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests

PROFILE: dict[str, Any] = {"profile": {}}
BATCH = {"profiles": [{"prompt_engineering_sufficient": False}] * 100}
REQUESTS = (("/assess", PROFILE), ("/assess/batch", BATCH))
NO_HEADERS: Mapping[str, str] = {}


@dataclass
class Load:
    """What callers have heard: the number of answers over kept and new connections, and every failure."""

    url: str
    pause_seconds: float = 0.02
    headers: Mapping[str, str] = field(default_factory=dict)
    answered: dict[str, int] = field(default_factory=lambda: {"kept": 0, "new": 0})
    failures: list[str] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    def call(self, connections: str) -> None:
        """Ask for an assessment and a batch in turn, over one kept connection or over a new one each time."""
        session = self._connect()
        for path, body in itertools.cycle(REQUESTS):
            if self.stopped.wait(self.pause_seconds):
                break
            if connections == "new":
                session.close()
                session = self._connect()
            self._post(session, connections, path, body)
        session.close()

    def _connect(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        session.headers.update(self.headers)
        return session

    def _post(self, session: requests.Session, connections: str, path: str, body: object) -> None:
        try:
            answer = session.post(self.url + path, json=body, timeout=60)
            failure = "" if answer.ok else f"{answer.status_code} {answer.text[:200]}"
        except requests.RequestException as error:
            failure = repr(error)
        if failure:
            self.failures.append(f"{time.strftime('%T')} {connections} {path}: {failure}")
        else:
            self.answered[connections] += 1


@contextmanager
def running_load(
    url: str, *, callers: int = 4, pause_seconds: float = 0.02, headers: Mapping[str, str] = NO_HEADERS
) -> Iterator[Load]:
    """A load for as long as the block takes: half of the callers keep their connections."""
    load = Load(url, pause_seconds, headers)
    kinds = ["kept", "new"] * (callers // 2)
    threads = [threading.Thread(target=load.call, args=(kind,)) for kind in kinds]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        load.stopped.set()
        for thread in threads:
            thread.join()


def assert_nothing_lost(load: Load, least_answers: int = 50) -> None:
    """Fail if a request failed, or if there were too few to tell."""
    assert [] == load.failures
    assert min(load.answered.values()) >= least_answers, load.answered
