"""Clients that ask all the time, never twice for one answer, and remember what they got."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import NamedTuple

BODY = json.dumps({"profile": {}}).encode()
HEADERS = {"Content-Type": "application/json"}
IDLE_SECONDS = 3.0
"""Longer than a worker that stops keeps an idle connection."""


class Answer(NamedTuple):
    """When a request was sent and answered, and the version and digest that it was answered with."""

    asked: float
    answered: float
    version: str
    digest: str


class Clients:
    """Some clients on kept connections, some on new ones, and some that pause on kept ones."""

    def __init__(self, host: str, port: int, busy: int = 4, fresh: int = 2, idle: int = 8) -> None:
        self._address = host, port
        self._ends = threading.Event()
        self.answers: list[Answer] = []
        self.lost: list[str] = []
        self._threads = [
            threading.Thread(target=self._ask, args=(pause, keeps))
            for number, pause, keeps in (
                (busy, 0.002, True),
                (fresh, 0.01, False),
                (idle, IDLE_SECONDS, True),
            )
            for _ in range(number)
        ]

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Ask meanwhile."""
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._ends.set()
            for thread in self._threads:
                thread.join()

    def _ask(self, pause: float, keeps: bool) -> None:
        connection = http.client.HTTPConnection(*self._address, timeout=30)
        while not self._ends.wait(pause):
            asked = time.monotonic()
            try:
                connection.request("POST", "/assess", BODY, HEADERS)
                response = connection.getresponse()
                text = response.read()
            except (OSError, http.client.HTTPException) as error:
                self.lost.append(
                    f"{type(error).__name__} after {time.monotonic() - asked:.3f} s: {error}"
                )
                connection.close()
                continue
            if response.status != 200:
                self.lost.append(f"{response.status} {text[:200]!r}")
                continue
            tree = json.loads(text)["tree"]
            self.answers.append(Answer(asked, time.monotonic(), tree["version"], tree["digest"]))
            if not keeps:
                connection.close()
        connection.close()

    def has_seen(self, version: str) -> bool:
        """Whether an answer was of this version. Looks at the last answers only."""
        return any(answer.version == version for answer in self.answers[-200:])

    def side_by_side(self) -> list[float]:
        """For each version, the seconds from the first answer of its successor to the last request that it
        still answered; negative if there was none.
        """
        first: dict[str, float] = {}
        last: dict[str, float] = defaultdict(float)
        for answer in sorted(self.answers, key=lambda answer: answer.answered):
            first.setdefault(answer.version, answer.answered)
            last[answer.version] = max(last[answer.version], answer.asked)
        versions = list(first)
        return [last[old] - first[new] for old, new in pairwise(versions)]
