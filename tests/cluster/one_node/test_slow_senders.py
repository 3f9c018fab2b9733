"""Senders that take their time, with and without a proxy before the pods: docs/deploy.md, "Expose it"."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

import pytest
import requests

from tests.cluster.kubectl import wait_until
from tests.cluster.release import (
    SHORT_DRAIN,
    Release,
    ask,
    half_a_request,
    merge_values,
    temporary_release,
)
from tests.web import proxy

THREADS = 64
PATIENCE_SECONDS = 5
"""How long a caller waits who has to be answered at once."""
REQUEST_SECONDS = 30
"""How long a request may take to arrive."""


@pytest.fixture(scope="module")
def single() -> Iterator[Release]:
    """A release with one pod."""
    with temporary_release("single") as it:
        it.upgrade(merge_values(SHORT_DRAIN, {"replicas": 1}))
        yield it


@contextmanager
def slow_senders(url: str, number: int) -> Iterator[None]:
    """Connections on each of which half a request was sent."""
    parts = urlsplit(url)
    address = (parts.hostname or "", parts.port or 80)
    with ExitStack() as connections:
        for _ in range(number):
            connections.enter_context(half_a_request(address, f"{parts.path}/assess"))
        yield


def is_answered(url: str) -> bool:
    """Whether a request is answered while its caller waits."""
    try:
        return ask(f"{url}/assess", {"profile": {}}, timeout_seconds=PATIENCE_SECONDS).ok
    except requests.Timeout:
        return False


def test_slow_senders_hold_all_threads_for_a_while(single: Release) -> None:
    """deploy.md: "a thread that reads from a slow sender waits up to 30 seconds, and a pod has 64
    threads".
    """
    url = single.url()
    with slow_senders(url, THREADS - 1):
        assert is_answered(url)
    with slow_senders(url, THREADS):
        began = time.monotonic()
        assert not is_answered(url)
        wait_until("an answer", lambda: is_answered(url), REQUEST_SECONDS + 5)
        assert REQUEST_SECONDS - 5 < time.monotonic() - began < REQUEST_SECONDS + 5
    assert 1 == len(single.ready_pods())


def test_slow_senders_stay_with_a_proxy_that_waits_for_requests(single: Release) -> None:
    """deploy.md: "Another proxy in its place should do so, too", waiting "for a whole request before it
    passes it on", as nginx does here.
    """
    with proxy.running(single.url(), strip=True) as url, slow_senders(url, THREADS):
        assert is_answered(url)
