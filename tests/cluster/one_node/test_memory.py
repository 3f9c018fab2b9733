"""What fits into a pod's memory: docs/deploy.md, "Scale", and operations.md, "Slow and large requests"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.cluster.kubectl import wait_until
from tests.cluster.processes import ServerProcesses, server_processes
from tests.cluster.release import SHORT_DRAIN, Release, Values, ask, merge_values, temporary_release

MEBIBYTE = 1024 * 1024
DEFAULT_MAX_BYTES = 8 * MEBIBYTE
SINGLE: Values = merge_values(SHORT_DRAIN, {"replicas": 1})
LARGE_BODIES = 15
THREADS = 64
ROUNDS = 3
WORKERS = 3
MIN_GROWTH = 20 * MEBIBYTE
"""Less than a worker grows by while it works on a body of 8 MiB."""


def largest_body(size: int) -> bytes:
    """A batch of 10,000 profiles which has so many bytes."""
    profiles, frame = 10_000, b'{"profiles": [%s]}'
    room = (size - len(frame)) // profiles - 1
    profile = b'{"prompt_engineering_sufficient": false}'.ljust(room)
    return (frame % b",".join([profile] * profiles)).ljust(size)


def statuses_of_bodies(release: Release, size: int, at_once: int) -> list[int]:
    """The answers to large bodies that are sent at the same time; 0 for none."""
    url, body = release.url("/assess/batch"), largest_body(size)

    def post(_: int) -> int:
        try:
            return ask(url, body, timeout_seconds=180).status_code
        except requests.RequestException:
            return 0

    with ThreadPoolExecutor(at_once) as senders:
        return list(senders.map(post, range(at_once)))


def processes(release: Release) -> ServerProcesses:
    """Those of the only pod. They change if the kernel kills one for its memory."""
    [pod] = release.list_pods()
    return server_processes(pod)


def peak_bytes(process: int) -> int:
    """The most memory that a process has had."""
    text = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    [kibibytes] = re.findall(r"^VmHWM:\s+(\d+) kB$", text, re.MULTILINE)
    return 1024 * int(kibibytes)


@pytest.fixture(scope="module")
def several_workers() -> Iterator[Release]:
    """A release whose only pod is told to have three workers."""
    memory = {"settings": {"workers": WORKERS}, "resources": {"limits": {"memory": "1Gi"}}}
    with temporary_release("workers") as release:
        release.upgrade(merge_values(SINGLE, memory))
        yield release


def test_a_setting_adds_workers(several_workers: Release) -> None:
    """deploy.md: "`settings.workers` adds workers"."""
    assert WORKERS == len(processes(several_workers).workers)


def test_each_worker_needs_memory_of_its_own(several_workers: Release) -> None:
    """deploy.md: "Each worker needs memory of its own": they admit large bodies apart from each other."""
    workers = processes(several_workers).workers
    before = [peak_bytes(worker) for worker in workers]
    for _ in range(ROUNDS):
        assert {200} == set(statuses_of_bodies(several_workers, DEFAULT_MAX_BYTES, LARGE_BODIES))
    grown = [peak_bytes(worker) - past for worker, past in zip(workers, before, strict=True)]
    assert [] == [size for size in grown if size < MIN_GROWTH]


def test_the_largest_requests_fit_into_the_memory(release: Release) -> None:
    """deploy.md: "The 512 MiB of `resources` are for one worker and up to 15 bodies of 8 MiB at once";
    operations.md: "512 MiB are enough for a worker with 15 of the largest requests at once".
    """
    release.upgrade(SINGLE)
    before = processes(release)
    for _ in range(ROUNDS):
        assert [200] * LARGE_BODIES == statuses_of_bodies(release, DEFAULT_MAX_BYTES, LARGE_BODIES)
    assert before == processes(release)


def test_one_for_each_thread_does_not_fit(release: Release) -> None:
    """operations.md: "They aren't enough for 64, one for each thread": the kernel kills the worker."""
    release.upgrade(SINGLE)
    before = processes(release)
    assert 0 in statuses_of_bodies(release, DEFAULT_MAX_BYTES, THREADS)
    wait_until("another worker", lambda: before != processes(release), 60)


def test_smaller_bodies_fit_for_each_thread(release: Release) -> None:
    """deploy.md: "With less memory or more of such bodies, lower `settings.maxBodyBytes`"."""
    release.upgrade(merge_values(SINGLE, {"settings": {"maxBodyBytes": 2 * MEBIBYTE}}))
    before = processes(release)
    assert [413] == statuses_of_bodies(release, 2 * MEBIBYTE + 1, 1)
    assert [200] * THREADS == statuses_of_bodies(release, 2 * MEBIBYTE, THREADS)
    assert before == processes(release)
