"""A lone worker's counts go on in the worker that replaces it."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from finetune_advisor.telemetry import count_handover
from finetune_advisor.telemetry.count_handover import CountHandover, SummedCounts


class LoneWorker:
    """The metrics of a worker that shares its memory with the others of a test."""

    def __init__(self, handover: CountHandover, age: int, replaced_age: int) -> None:
        handover.prepare_worker(age, replaced_age)
        # What a fork does: the worker has its own copy of everything except the memory.
        self._handover = CountHandover.__new__(CountHandover)
        self._handover.__dict__ = dict(handover.__dict__)
        self.registry = CollectorRegistry()
        self.asked = Counter("asked", "Asked.", ["path"], registry=self.registry)
        self.seconds = Histogram("seconds", "Seconds.", buckets=[1], registry=self.registry)
        self.running = Gauge("running", "Running.", registry=self.registry)
        self.summed = SummedCounts(self.registry, self._handover)

    def value(self, name: str, **labels: str) -> float | None:
        """What a scrape would show."""
        published = CollectorRegistry()
        published.register(self.summed)
        openmetrics_text = openmetrics.generate_latest(published).decode()
        assert list(text_string_to_metric_families(openmetrics_text))
        assert generate_latest(published)
        return published.get_sample_value(name, labels)


def test_counts_add_up_over_three_workers() -> None:
    """Counters and histograms do, series that only an earlier worker had stay, and gauges begin anew."""
    memory = CountHandover()
    first = LoneWorker(memory, 1, 0)
    first.asked.labels("a").inc(2)
    first.asked.labels("b").inc()
    first.seconds.observe(0.5)
    first.running.set(1)
    assert first.summed.hand_over()
    second = LoneWorker(memory, 2, 1)
    second.asked.labels("a").inc(3)
    second.seconds.observe(2)
    assert 5 == second.value("asked_total", path="a")
    # A request that was in flight: the first worker hands over once more at its end.
    first.asked.labels("a").inc(10)
    assert first.summed.hand_over()
    assert 15 == second.value("asked_total", path="a")
    assert 1 == second.value("asked_total", path="b")
    assert second.summed.hand_over()
    second.asked.labels("a").inc(100)
    assert 115 == second.value("asked_total", path="a")
    assert second.summed.hand_over()
    third = LoneWorker(memory, 3, 2)

    assert 115 == third.value("asked_total", path="a")
    assert 1 == third.value("asked_total", path="b")
    assert 2 == third.value("seconds_count")
    assert 2.5 == third.value("seconds_sum")
    assert 1 == third.value("seconds_bucket", le="1.0")
    assert 0 == third.value("running")


def test_a_worker_that_was_killed_is_not_waited_for_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its counts are lost, as those of any worker that is killed; earlier ones aren't."""
    monkeypatch.setattr(count_handover, "WAITING_SECONDS", 0.05)
    memory = CountHandover()
    first = LoneWorker(memory, 1, 0)
    first.asked.labels("a").inc()
    first.summed.hand_over()
    third = LoneWorker(memory, 3, 2)
    third.value("asked_total", path="a")

    assert 1 == third.value("asked_total", path="a")


def test_nobody_takes_the_counts_of_a_worker_that_crashed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was handed over to it would be less than it had counted, and look like an increase from 0."""
    monkeypatch.setattr(count_handover, "WAITING_SECONDS", 0.05)
    memory = CountHandover()
    first = LoneWorker(memory, 1, 0)
    first.asked.labels("a").inc(1000)
    first.summed.hand_over()
    second = LoneWorker(memory, 2, 1)
    second.asked.labels("a").inc(50)
    assert 1050 == second.value("asked_total", path="a")
    third = LoneWorker(memory, 3, 0)
    third.asked.labels("a").inc()

    assert 1 == third.value("asked_total", path="a")


def test_counts_without_room_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory isn't left half-written."""
    monkeypatch.setattr(count_handover, "MEMORY_BYTES", 4096)
    memory = CountHandover()
    first = LoneWorker(memory, 1, 0)
    for number in range(300):
        first.asked.labels(str(number)).inc()

    assert not first.summed.hand_over()
    assert LoneWorker(memory, 2, 0).value("asked_total", path="1") is None
