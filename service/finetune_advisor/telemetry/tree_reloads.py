"""How reloads of trees went. All processes of the instance agree."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from mmap import mmap
from typing import NamedTuple

from prometheus_client import Metric
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

_FORMAT = struct.Struct("3d?")
# Workers share this memory with the process that forks them, which alone writes it.
_memory = mmap(-1, _FORMAT.size)


class TreeReloads(NamedTuple):
    """The numbers of reloads, when trees were last loaded (in Unix time; 0 if never), and how that went."""

    successes: float
    failures: float
    last_success: float
    has_failed: bool


def read_tree_reloads() -> TreeReloads:
    """Return how reloads went so far."""
    return TreeReloads(*_FORMAT.unpack(_memory[:]))


def _write(reloads: TreeReloads) -> None:
    _memory[:] = _FORMAT.pack(*reloads)


def record_first_load() -> None:
    """Record that trees were loaded, unless that is recorded already."""
    reloads = read_tree_reloads()
    if not reloads.last_success:
        _write(reloads._replace(last_success=time.time()))


def record_success() -> None:
    """Record that the trees in the directory are served now."""
    reloads = read_tree_reloads()
    _write(TreeReloads(reloads.successes + 1, reloads.failures, time.time(), has_failed=False))


def record_failure() -> None:
    """Record that the trees in the directory can't be served, so that earlier ones still are."""
    reloads = read_tree_reloads()
    _write(reloads._replace(failures=reloads.failures + 1, has_failed=True))


class TreeReloadCollector(Collector):
    """Shows how reloads went as metrics whose names begin with a namespace."""

    def __init__(self, namespace: str) -> None:
        self._prefix = f"{namespace}_tree"

    def collect(self) -> Iterator[Metric]:
        reloads = read_tree_reloads()
        counter = CounterMetricFamily(
            f"{self._prefix}_reloads", "Reloads of the trees by result.", labels=["result"]
        )
        counter.add_metric(["success"], reloads.successes)
        counter.add_metric(["failure"], reloads.failures)
        yield counter
        yield GaugeMetricFamily(
            f"{self._prefix}_last_reload_success",
            "1 if the last reload succeeded or there was none, 0 if earlier trees are still served.",
            value=float(not reloads.has_failed),
        )
        yield GaugeMetricFamily(
            f"{self._prefix}_last_reload_success_timestamp_seconds",
            "When the served trees were last loaded, in Unix time.",
            value=reloads.last_success,
        )
