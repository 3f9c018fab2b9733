"""What metrics remember of trails: no more than so many, and nothing is lost with the others."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry, Counter, generate_latest

from finetune_advisor.engine.compiled import CompiledTree
from finetune_advisor.engine.tree import Tree
from finetune_advisor.telemetry import metrics
from finetune_advisor.telemetry.metrics import Metrics
from tests.api import guide


def test_only_so_many_trails_are_remembered(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tree can have more trails than memory holds; each profile is counted once all the same."""
    monkeypatch.setattr(metrics, "MOST_TRAILS", 3)
    counting, compiled = Metrics(), CompiledTree(tree)
    profiles = [*guide.complete_profiles()]
    for profile in profiles:
        trail = compiled.trail({**profile})
        assert trail
        counting.followed(trail, "/assess")
        counting.settle()
        assert len(counting._counters) <= 3

    [assessments] = counting.assessments.collect()
    total = sum(sample.value for sample in assessments.samples if sample.name.endswith("_total"))
    assert total == len(profiles)


@pytest.mark.parametrize("accept", ["text/plain", "application/openmetrics-text; version=1.0.0"])
def test_only_metrics_of_others_say_when_they_were_created(accept: str) -> None:
    """The `_created` series of ours are left out; those of another registry in the process are kept."""
    counting, others = Metrics(), CollectorRegistry()
    Counter("others", "Of others.", registry=others).inc()
    counting.requests.labels("GET", "/tree", 200).inc()
    text, _ = counting.exposition(accept)

    assert b"http_requests_total{" in text
    assert b"_created" not in text
    assert b"others_created" in generate_latest(others)
