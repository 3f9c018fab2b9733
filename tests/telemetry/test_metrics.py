"""What metrics count, and what happens where they can't."""

from __future__ import annotations

import logging
from dataclasses import replace
from errno import ENOSPC
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter, generate_latest, multiprocess, values

from finetune_advisor.engine.evaluation.compiled import CompiledTree
from finetune_advisor.engine.evaluation.exact import evaluate
from finetune_advisor.engine.model.inputs import Value
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.telemetry import metrics_files
from finetune_advisor.telemetry.metrics import Metrics, MetricsUnavailableError
from tests.api import guide


def test_each_decision_is_counted_once(tree: Tree) -> None:
    """Complete and partial ones, by path and one by one, a few and many at once."""
    counting, compiled = Metrics(), CompiledTree(tree)
    profiles: list[dict[str, Value]] = [{**profile} for profile in guide.complete_profiles()]
    paths = [path for profile in profiles if (path := compiled.path(profile))]
    counting.record(paths, "/assess/batch")
    counting.record(paths[:3], "/assess")
    counting.record([evaluate(tree, {}), evaluate(tree, profiles[0])], "/assess")
    counting.flush()

    [assessments] = counting.assessments.collect()
    totals = [sample for sample in assessments.samples if sample.name.endswith("_total")]
    assert sum(sample.value for sample in totals) == len(profiles) + 5
    assert sum(one.value for one in totals if one.labels["status"] == "undecided") == 1
    assert b"path_questions_count 2053.0" in counting.exposition("")[0]


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


def fail(*_: Any, **__: Any) -> None:
    raise OSError(ENOSPC, "No space left on device")


def break_counting(counting: Metrics, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every metric fail to count."""
    for metric in (
        counting.assessments,
        counting.requests,
        counting.batch_profiles,
        counting.in_progress,
        counting.refusals,
    ):
        for name in ("labels", "observe", "set"):
            monkeypatch.setattr(metric, name, fail, raising=False)


def test_a_failure_to_count_is_logged_once_and_the_metrics_are_refused(
    tree: Tree, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever is counted doesn't hear of it; the log does, once, and every scrape from then on."""
    counting = Metrics()
    counting.is_shared = True
    break_counting(counting, monkeypatch)
    with caplog.at_level(logging.ERROR):
        for _ in range(2):
            counting.request_started()
            counting.record([evaluate(tree, {})], "/assess")
            counting.record_batch(3)
            counting.record_refusals("header", 1)
            counting.record_request(("GET", "/tree", 200, 0.1, None, None))
            counting.request_finished()
            with pytest.raises(MetricsUnavailableError, match="The metrics are incomplete"):
                counting.exposition("")

    [line] = [record.getMessage() for record in caplog.records if "incomplete" in record.getMessage()]
    assert line.endswith("/metrics answers 503 until a restart: [Errno 28] No space left on device")


def test_a_folder_that_cannot_be_read_refuses_one_scrape(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is counted isn't lost by that: the next scrape has it."""
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    counting = Metrics()
    counting.record_batch(3)
    with monkeypatch.context() as patch:
        patch.setattr(multiprocess.MmapedDict, "read_all_values_from_file", fail)
        with pytest.raises(MetricsUnavailableError, match=r"can't be read: .* No space left on device"):
            counting.exposition("")

    assert b"finetune_advisor_batch_profiles_sum 3.0" in counting.exposition("")[0]


@pytest.mark.parametrize("name", ["PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir"])
def test_an_empty_folder_variable_keeps_metrics_in_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Nothing is written into the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(name, "")
    counting = Metrics()
    counting.record_batch(3)

    assert values.MutexValue is values.ValueClass
    assert b"finetune_advisor_batch_profiles_sum 3.0" in counting.exposition("")[0]
    assert [] == [*tmp_path.iterdir()]


def test_large_trees_get_room_for_their_metrics(
    tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The workers' counters get room for all series at the start, or the start stops.

    After a reload, series of the trees before need room, too.
    """
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    monkeypatch.setattr(metrics_files, "_identities", {})
    monkeypatch.setattr(metrics_files, "_process_number", 0)
    for number in range(3):
        path = tmp_path / f"counter_{number}.db"
        path.write_bytes(bytes(65_536))
        metrics_files.remember_file(path)
    counting = Metrics()
    trees = [replace(tree, version=f"1.0.{number}") for number in range(100)]
    counting.set_info("1.0", trees[:60], tree)
    counting.set_info("1.0", trees[60:], tree)
    series = sum(len(question.branches) + 1 for question in tree.questions.values())
    series += 4 * (len(tree.recommendations) + 1)
    lengths = len(tree.questions) + 1
    sizes = [(tmp_path / f"counter_{number}.db").stat().st_size for number in range(3)]

    assert [65_536, *[300 * (100 * series + lengths + 500)] * 2] == sizes
    assert None is metrics_files.find_missing_file()


def test_trees_without_room_leave_those_before_as_they_are(
    tree: Tree, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A reload that is refused goes back to the served trees, which take no more room than before."""
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    sizes: list[int] = []
    monkeypatch.setattr(metrics_files, "enlarge_files", lambda _, size: sizes.append(size))
    counting = Metrics()
    counting.set_info("1.0", [tree], tree)

    def refuse(_: str, size: int) -> None:
        if size > sizes[0]:
            fail()

    monkeypatch.setattr(metrics_files, "enlarge_files", refuse)
    with pytest.raises(
        MetricsUnavailableError, match="No space left on device; with these trees each worker"
    ):
        counting.set_info("1.0", [replace(tree, version="9.9.9")], tree)
    counting.set_info("1.0", [tree], tree)
