"""Callers that ask without a pause until they are stopped, and note what wasn't answered."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import requests

CALLERS = 3
MOST_REQUESTS = 10_000
BATCH = {"profiles": [{"prompt_engineering_sufficient": False}] * 100}


@dataclass
class Load:
    """What callers have heard: how many requests were answered, and every failure."""

    url: str
    answered: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    stopped: threading.Event = field(default_factory=threading.Event)

    def call(self) -> None:
        """Ask over one kept connection, for an assessment and for a batch in turn."""
        with requests.Session() as session:
            for _ in range(MOST_REQUESTS // CALLERS // 2):
                self._post(session, "/assess", {"profile": {}})
                self._post(session, "/assess/batch", BATCH)
                if self.stopped.wait(0.05):
                    return

    def _post(self, session: requests.Session, path: str, body: object) -> None:
        try:
            answer = session.post(self.url + path, json=body, timeout=60)
        except requests.RequestException as error:
            self.failures[type(error).__name__] += 1
        else:
            self.answered += answer.ok
            self.failures[str(answer.status_code)] += not answer.ok


@contextmanager
def loading(url: str) -> Iterator[Load]:
    """A bounded load for as long as the block takes."""
    load = Load(url)
    threads = [threading.Thread(target=load.call) for _ in range(CALLERS)]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        load.stopped.set()
        for thread in threads:
            thread.join()
        load.failures = +load.failures
