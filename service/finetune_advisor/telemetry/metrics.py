"""Metrics for Prometheus. Labels come only from trees, routes and names of keys, never from a request."""

from __future__ import annotations

import logging
import os
import platform
from collections import Counter as Tally
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from errno import ENOENT
from mmap import mmap
from threading import Lock
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    values,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from finetune_advisor.engine.errors import FinetuneAdvisorError
from finetune_advisor.engine.evaluation.compiled import CompiledPath
from finetune_advisor.engine.evaluation.exact import Assessment
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.telemetry import deferred, metrics_files, tree_reloads
from finetune_advisor.telemetry.count_handover import CountHandover, SummedCounts
from finetune_advisor.telemetry.metric_collectors import (
    METRICS_NAMESPACE,
    ApiKeyFileInfo,
    PublishedMetrics,
    TreeInfo,
)

BATCH_SIZE_BUCKETS = (1, 10, 100, 1_000, 10_000, 100_000)
KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
UNMATCHED_ROUTE = "unmatched"
MAX_PENDING_DECISIONS = 100
"""Decisions of one request that may wait to be counted. More are counted at once, to save memory."""
SERIES_BYTES = 300
"""Room in a metrics file for one series of a counter, with its name, labels and help text."""
ASSESSMENT_ENDPOINT_COUNT, OTHER_SERIES_COUNT = 4, 500
"""The endpoints that assess, and the series for which room is left besides those of trees."""
SHADOW_RESULT_COUNT = 3
"""The results of comparing a recommendation with the shadow tree's: same, moved and undecided."""
SHADOW_DROP_REASONS = ("queue_full", "failed", "stopped")
DURATION_BUCKETS_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)

# prometheus_client lets a server choose the number in the names of a process's files, by this function.
SharedValue = values.MultiProcessValue(metrics_files.get_process_number)  # type: ignore[no-untyped-call]

log = logging.getLogger("finetune_advisor.telemetry")


class MetricsUnavailableError(FinetuneAdvisorError):
    """The metrics can't be read or are incomplete; the message says why and what to do."""


Exemplar = dict[str, str]
"""The ids of the span of a request that was observed, for the formats of metrics that can show them."""
RequestSample = tuple[str, str, int, float, str | None, Exemplar | None]
"""An answered request: the label of its method, its route template, its status and its seconds; the name of
its API key where keys are on; and the ids of its span, if the span is recorded."""


def method_label(method: str) -> str:
    """Return the label of a request's method: the method itself, or `other` if it isn't a standard one."""
    return method if method in KNOWN_METHODS else "other"


class DecisionTallies:
    """Tallies of decisions: by the labels of the counters, and by the number of answered questions."""

    def __init__(self) -> None:
        self.outcomes: Tally[tuple[str, ...]] = Tally()
        self.answers: defaultdict[str, Tally[tuple[str, str]]] = defaultdict(Tally)
        """By the version of the tree: the question and the branch."""
        self.lengths: Tally[int] = Tally()

    def add_path(self, path: CompiledPath, endpoint: str, times: int) -> None:
        """Add `times` profiles that took the same path."""
        version, recommendation = path.tree.version, path.recommendation
        outcome = version, "decided", recommendation.id, recommendation.finetune, endpoint
        self.outcomes[outcome] += times
        self.lengths[len(path.taken)] += times
        for question, branch in path.taken:
            self.answers[version][question.id, branch.test_label] += times

    def add_assessment(self, assessment: Assessment, endpoint: str) -> None:
        """Add one assessment. A question without an answer gets the branch `unknown`."""
        version, recommendation = assessment.tree.version, assessment.recommendation
        advice = (recommendation.id, recommendation.finetune) if recommendation else ("none", "none")
        self.outcomes[version, assessment.status, *advice, endpoint] += 1
        self.lengths[len(assessment.path)] += 1
        branches = dict.fromkeys([question.id for question, _ in assessment.unanswered], "unknown")
        branches |= {question.id: branch.test_label for question, _, branch in assessment.path}
        self.answers[version].update(branches.items())


class Metrics:
    """The metrics of one application: of this process, or of all workers if they share a metrics folder."""

    def __init__(self) -> None:
        self.is_shared = metrics_files.get_metrics_folder() is not None
        """Whether another process may answer the next scrape, so that nothing may wait to be counted."""
        # prometheus_client chooses this class when it is imported, and takes an empty variable for a folder.
        values.ValueClass = SharedValue if self.is_shared else values.MutexValue
        self._incomplete = mmap(-1, 1)  # workers share this memory with the process that forks them
        self.registry = registry = CollectorRegistry()
        self._unshared = CollectorRegistry()
        """What each process knows by itself, also if it shares everything else in files."""
        self._series_by_digest: dict[str, int] = {}
        self._handover: CountHandover | None = None
        self._tree_info = TreeInfo()
        self._unshared.register(self._tree_info)
        self._unshared.register(tree_reloads.TreeReloadCollector(METRICS_NAMESPACE))
        self._define_assessment_metrics(namespace=METRICS_NAMESPACE, registry=registry)
        self._define_shadow_metrics(namespace=METRICS_NAMESPACE, registry=registry)
        self._define_info_metrics(namespace=METRICS_NAMESPACE, registry=registry)
        self._define_request_metrics(namespace=METRICS_NAMESPACE, registry=registry)
        # One entry per running request: append and pop are atomic, += on a number isn't.
        self._running: list[None] = []
        self._requests: deque[RequestSample] = deque()
        self._decisions: deque[tuple[Sequence[CompiledPath | Assessment], str]] = deque()
        self._flushing = Lock()
        deferred.register(self.flush)
        if not self.is_shared:  # these collectors only know one process
            for collector in (ProcessCollector, PlatformCollector, GCCollector):
                collector(registry=self._unshared)

    def _define_assessment_metrics(self, **options: Any) -> None:
        self.assessments = Counter(
            "assessments",
            "Assessments by outcome; recommendation is none while undecided.",
            ["tree_version", "status", "recommendation", "finetune", "endpoint"],
            **options,
        )
        self.answers = Counter(
            "answers",
            "Questions on the paths of assessments, by branch taken; unknown if unanswered.",
            ["tree_version", "question", "branch"],
            **options,
        )
        self.path_questions = Counter(
            "path_questions",
            "Questions answered on the path of an assessment.",
            ["questions"],
            **options,
        )
        self.path_questions.labels(0)  # so that the histogram exists before the first path
        self.batch_profiles = Histogram(
            "batch_profiles",
            "Profiles in a batch.",
            buckets=BATCH_SIZE_BUCKETS,
            **options,
        )

    def _define_shadow_metrics(self, **options: Any) -> None:
        self.shadow_assessments = Counter(
            "shadow_assessments",
            "Assessments that the shadow tree repeated; recommendation is that of the answer.",
            ["tree_version", "shadow_version", "result", "recommendation"],
            **options,
        )
        self.shadow_dropped = Counter(
            "shadow_dropped",
            "Assessments that the shadow tree should have repeated and didn't, by reason.",
            ["reason"],
            **options,
        )

    def _define_info_metrics(self, **options: Any) -> None:
        self.build_info = Gauge(
            "build_info",
            "Version of the service; always 1.",
            ["version", "revision", "python"],
            **options,
            multiprocess_mode="max",
        )

    def _define_request_metrics(self, **options: Any) -> None:
        self.requests = Counter(
            "http_requests",
            "HTTP requests answered.",
            ["method", "route", "status"],
            **options,
        )
        self.seconds = Histogram(
            "http_request_duration_seconds",
            "Time from a request's arrival in the application to the start of its answer.",
            ["method", "route"],
            buckets=DURATION_BUCKETS_SECONDS,
            **options,
        )
        self.in_progress = Gauge(
            "http_requests_in_progress",
            "HTTP requests that are being answered.",
            **options,
            multiprocess_mode="livesum",
        )
        self.refusals = Counter(
            "http_refused_requests",
            "Requests refused before they reached the application, and delayed connections, by reason.",
            ["reason"],
            **options,
        )
        self.keys = Counter(
            "api_key_requests",
            "Requests by the name of their API key; refused if they had no valid one.",
            ["key"],
            **options,
        )

    def set_info(
        self, version: str, trees: Iterable[Tree], default: Tree, shadow: Tree | None = None
    ) -> None:
        """Set the metrics that name the software's version and the served trees, in place of earlier ones.

        Raises MetricsUnavailableError if there is no room for the metrics of these trees.
        """
        served = list(trees)
        if self.is_shared:
            self._make_room(served, shadow)
        self._tree_info.set_trees(served, default)
        tree_reloads.record_first_load()
        revision = os.environ.get("SOURCE_REVISION") or "unknown"
        self.build_info.labels(version, revision, platform.python_version()).set(1)
        if shadow:
            for reason in SHADOW_DROP_REASONS:
                self.shadow_dropped.labels(reason)  # so that a rate exists before the first drop

    def show_api_keys(self, is_up_to_date: Callable[[], bool]) -> None:
        """Show whether the API keys are those of their file, too."""
        self._unshared.register(ApiKeyFileInfo(is_up_to_date))

    def _make_room(self, trees: Sequence[Tree], shadow: Tree | None) -> None:
        """Make the workers' files large enough for all series of the trees, as long as there is room.

        Series of trees that were served before stay in the files.
        """
        endpoints = ASSESSMENT_ENDPOINT_COUNT + (SHADOW_RESULT_COUNT if shadow else 0)
        series_by_digest = dict(self._series_by_digest)
        for tree in trees:
            # The series beyond those of branches and recommendations are `unknown` and `none`.
            branches = sum(len(question.branches) + 1 for question in tree.questions.values())
            outcomes = (len(tree.recommendations) + 1) * endpoints
            series_by_digest[tree.digest] = branches + outcomes
        lengths = max(len(tree.questions) for tree in trees) + 1
        series = sum(series_by_digest.values()) + lengths + OTHER_SERIES_COUNT
        size = series * SERIES_BYTES
        try:
            metrics_files.enlarge_files("counter", size)
        except OSError as error:
            raise MetricsUnavailableError(
                f"{metrics_files.FOLDER_VARIABLE}: {error.strerror}; with these trees each worker needs "
                f"{size // 1024} KiB for its counters; make room there, or serve fewer trees"
            ) from error
        self._series_by_digest = series_by_digest

    def record(self, decisions: Sequence[CompiledPath | Assessment], endpoint: str) -> None:
        """Count decisions of an endpoint. A compiled path stands for a complete profile on it."""
        self._decisions.append((decisions, endpoint))
        if len(decisions) > MAX_PENDING_DECISIONS:
            self.flush()

    def record_batch(self, profiles: int) -> None:
        """Count a batch of `profiles` profiles."""
        with self._counting():
            self.batch_profiles.observe(profiles)

    def record_request(self, sample: RequestSample) -> None:
        """Count an answered request, at the latest when it is finished or scraped."""
        self._requests.append(sample)

    def request_started(self) -> None:
        """Count a request as running."""
        self._running.append(None)
        if self.is_shared:
            with self._counting():
                self.in_progress.set(len(self._running))

    def request_finished(self) -> None:
        """Count a request as no longer running."""
        self._running.pop()
        if self.is_shared:  # the next scrape may come to another worker
            self.flush()

    def record_refusals(self, reason: str, times: int) -> None:
        """Count requests that never reached the application, or delayed connections, for a reason."""
        with self._counting():
            self.refusals.labels(reason).inc(times)

    def record_shadows(self, version: str, counts: Mapping[tuple[str, str, str], int]) -> None:
        """Count assessments that a shadow tree of some version repeated.

        `counts` has their numbers by the tree version, the result and the recommendation of the answer.
        """
        with self._counting():
            for (tree_version, result, recommendation), times in counts.items():
                self.shadow_assessments.labels(tree_version, version, result, recommendation).inc(times)

    def record_shadow_drops(self, times: int, reason: str) -> None:
        """Count assessments that the shadow tree didn't repeat, for one of `SHADOW_DROP_REASONS`."""
        with self._counting():
            self.shadow_dropped.labels(reason).inc(times)

    def flush(self) -> None:
        """Count everything that was recorded since the last flush."""
        with self._counting(), self._flushing:
            self.in_progress.set(len(self._running))
            self._count_requests()
            self._count_decisions()

    @contextmanager
    def _counting(self) -> Iterator[None]:
        """Mark the metrics as incomplete when counting fails, so that no request fails because of them."""
        try:
            yield
        except Exception as error:  # noqa: BLE001  # after any error the count is wrong
            self._set_incomplete(error)

    def _set_incomplete(self, error: Exception) -> None:
        """Mark the metrics of all workers as incomplete, and log the first failure."""
        if not self._incomplete[0]:
            self._incomplete[0] = 1
            expected = isinstance(error, OSError)  # the machine's fault, which its message explains
            reason = str(error) if expected else type(error).__name__
            message = "the metrics are incomplete, and /metrics answers 503 until a restart: %s"
            log.error(message, reason, exc_info=None if expected else error)

    def _count_requests(self) -> None:
        seconds: defaultdict[tuple[str, str, int], list[tuple[float, Exemplar | None]]]
        seconds = defaultdict(list)
        key_names: Tally[str] = Tally()
        for _ in range(len(self._requests)):  # other threads may add more meanwhile
            method, route, status, duration, key_name, exemplar = self._requests.popleft()
            seconds[method, route, status].append((duration, exemplar))
            if key_name is not None:
                key_names[key_name] += 1
        for (method, route, status), durations in seconds.items():
            self.requests.labels(method, route, status).inc(len(durations))
            histogram = self.seconds.labels(method, route)
            for duration, exemplar in durations:
                histogram.observe(duration, exemplar)
        for name, times in key_names.items():
            self.keys.labels(name).inc(times)

    def _count_decisions(self) -> None:
        # Paths are counted first, since a batch has far fewer paths than profiles.
        paths: Tally[tuple[CompiledPath, str]] = Tally()
        tallies = DecisionTallies()
        for _ in range(len(self._decisions)):  # requests may add more meanwhile
            decisions, endpoint = self._decisions.popleft()
            for decision in decisions:
                if isinstance(decision, CompiledPath):
                    paths[decision, endpoint] += 1
                else:
                    tallies.add_assessment(decision, endpoint)
        for (path, endpoint), times in paths.items():
            tallies.add_path(path, endpoint, times)
        for outcome, times in tallies.outcomes.items():
            self.assessments.labels(*outcome).inc(times)
        for version, answers in tallies.answers.items():
            for (question, branch), times in answers.items():
                self.answers.labels(version, question, branch).inc(times)
        for length, times in tallies.lengths.items():
            self.path_questions.labels(length).inc(times)

    def prepare_worker(self, age: int, replaced_age: int) -> None:
        """Have the worker that is forked next go on with the counts of the one that it replaces, by age.

        Workers that share files need no more than these.
        """
        if not self.is_shared:
            self._handover = self._handover or CountHandover()
            self._handover.prepare_worker(age, replaced_age)

    def hand_over_counts(self) -> None:
        """Hand over all counts to the worker that replaces this one. Call it again at the end."""
        if self._handover:
            self.flush()
            if not SummedCounts(self.registry, self._handover).hand_over():
                log.warning("the metrics begin anew, as there are too many series to hand over")

    def _shared_source(self) -> Collector:
        """Return the metrics that count over all workers."""
        if self.is_shared:
            return MultiProcessCollector(None)  # type: ignore[no-untyped-call]
        return SummedCounts(self.registry, self._handover) if self._handover else self.registry

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """Render all metrics in the format that a scraper accepts. Returns the text and its media type.

        Raises MetricsUnavailableError if the metrics are incomplete or can't be read.
        """
        self.flush()  # of the metrics alone: log lines may wait for whoever reads them
        if missing := metrics_files.find_missing_file():
            self._set_incomplete(
                FileNotFoundError(ENOENT, "was removed while the server runs", str(missing))
            )
        if self._incomplete[0]:
            raise MetricsUnavailableError(
                "The metrics are incomplete; the log says why. Restart the instance"
            )
        encode, content_type = choose_encoder(accept)
        published = CollectorRegistry()
        try:
            published.register(PublishedMetrics(self._shared_source()))
            published.register(PublishedMetrics(self._unshared))
            return encode(published), content_type
        except (OSError, ValueError, RuntimeError) as error:
            raise MetricsUnavailableError(f"The metrics can't be read: {error}") from error
