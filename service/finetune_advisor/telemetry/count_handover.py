"""Hands the counts of a lone worker to the worker that replaces it. Several workers share files instead."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Iterable, Iterator
from mmap import mmap

from prometheus_client import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

MEMORY_BYTES = 16 << 20
"""Room for some 100,000 series. The system provides only what is written."""
WAITING_SECONDS = 2.0
"""Time that a worker waits for the counts of the one before it, which is about to end."""
SUMMED_TYPES = frozenset({"counter", "histogram"})
_HEADER = struct.Struct("3Q")

Counts = dict[str, list[tuple[str, dict[str, str], float]]]
"""For each metric, the names, labels and values of its samples."""


class CountHandover:
    """Memory that workers share, for the counts of the last one that was replaced.

    The process that forks workers makes it, and calls `prepare_worker` before each fork.
    """

    def __init__(self) -> None:
        self._memory = mmap(-1, MEMORY_BYTES)
        self._age = self._awaited_age = 0
        self._earlier: Counts = {}

    def prepare_worker(self, age: int, replaced_age: int) -> None:
        """Name the worker that is forked next, and the running one that it replaces (0 if none), by age."""
        self._age, self._awaited_age = age, replaced_age
        if not replaced_age:  # its counts begin at 0: earlier ones would look like an increase
            version, _, _ = self._read_header()
            self._write_header(version + version % 2, 0, 0)

    def write(self, counts: Counts) -> bool:
        """Hand over counts, in place of what this worker handed over before. Returns False without room."""
        text = json.dumps(counts).encode()
        if _HEADER.size + len(text) > MEMORY_BYTES:
            return False
        version, _, _ = self._read_header()
        # While the version is odd, nobody reads.
        self._write_header(version + 1, 0, 0)
        self._memory[_HEADER.size : _HEADER.size + len(text)] = text
        self._write_header(version + 2, self._age, len(text))
        return True

    def read(self) -> Counts:
        """Return the counts of earlier workers, once the one that this one replaces has handed them over."""
        deadline = time.monotonic() + WAITING_SECONDS
        while True:
            version, age, length = self._read_header()
            if age and age == self._age:  # what stands there are this worker's own counts
                return self._earlier
            if version % 2 == 0 and age >= self._awaited_age:
                text = self._memory[_HEADER.size : _HEADER.size + length]
                if self._read_header() == (version, age, length):
                    self._earlier = json.loads(text) if text else {}
                    return self._earlier
            if time.monotonic() > deadline:  # that worker was killed
                self._awaited_age = 0
                return self._earlier
            time.sleep(0.005)

    def _read_header(self) -> tuple[int, ...]:
        return _HEADER.unpack_from(self._memory)

    def _write_header(self, version: int, age: int, length: int) -> None:
        _HEADER.pack_into(self._memory, 0, version, age, length)


class SummedCounts(Collector):
    """The metrics of a collector, with the counts of earlier workers added."""

    def __init__(self, source: Collector, handover: CountHandover) -> None:
        self._source, self._handover = source, handover

    def collect(self) -> Iterator[Metric]:
        earlier = self._handover.read()
        for metric in self._source.collect():
            if metric.type in SUMMED_TYPES:
                metric.samples = _add_counts(metric.samples, earlier.get(metric.name, ()))
            yield metric

    def hand_over(self) -> bool:
        """Hand over all counts to the worker that replaces this one. Returns False if there is no room."""
        return self._handover.write(
            {
                metric.name: [
                    (sample.name, dict(sample.labels), sample.value)
                    for sample in metric.samples
                    if not sample.name.endswith("_created")
                ]
                for metric in self.collect()
                if metric.type in SUMMED_TYPES
            }
        )


def _add_counts(
    samples: Iterable[Sample], earlier: Iterable[tuple[str, dict[str, str], float]]
) -> list[Sample]:
    """Add earlier values to samples with the same name and labels, and append the samples that are left."""
    left = {(name, *sorted(labels.items())): (name, labels, value) for name, labels, value in earlier}
    summed = []
    for sample in samples:
        key = (sample.name, *sorted(sample.labels.items()))
        before = left.pop(key)[2] if key in left else 0.0
        summed.append(sample._replace(value=sample.value + before))
    return [*summed, *(Sample(name, labels, value) for name, labels, value in left.values())]
