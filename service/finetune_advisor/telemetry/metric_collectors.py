"""Collectors of metrics: what a scraper gets of the others, the served trees, and the file of API keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from prometheus_client import Metric
from prometheus_client.metrics_core import GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from finetune_advisor.engine.model.tree import Tree

METRICS_NAMESPACE = "finetune_advisor"
PATH_LENGTH_BUCKETS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 30)


class PublishedMetrics(Collector):
    """The metrics of another collector, as a scraper gets them.

    `_created` series are left out: each would only say when the process started.
    """

    def __init__(self, source: Collector) -> None:
        self._source = source

    def collect(self) -> Iterator[Metric]:
        for metric in self._source.collect():
            if metric.name == f"{METRICS_NAMESPACE}_path_questions":
                yield _path_histogram(metric)
            else:
                metric.samples = [
                    sample for sample in metric.samples if not sample.name.endswith("_created")
                ]
                yield metric


def _path_histogram(counter: Metric) -> HistogramMetricFamily:
    """Build the histogram of path lengths from a counter that has the number of questions as its label.

    A histogram of prometheus_client takes one value at a time, so that a batch would take half as long again.
    """
    paths_by_length = {
        int(sample.labels["questions"]): sample.value
        for sample in counter.samples
        if sample.name.endswith("_total")
    }
    buckets = [
        (str(float(bound)), sum(paths for length, paths in paths_by_length.items() if length <= bound))
        for bound in PATH_LENGTH_BUCKETS
    ]
    return HistogramMetricFamily(
        counter.name,
        counter.documentation,
        buckets=[*buckets, ("+Inf", sum(paths_by_length.values()))],
        sum_value=sum(length * paths for length, paths in paths_by_length.items()),
    )


class TreeInfo(Collector):
    """Names the served trees.

    Each process knows them, so that they aren't in files, where those of earlier reloads would stay.
    """

    def __init__(self) -> None:
        self._labels: list[tuple[str, str, str, str]] = []

    def set_trees(self, trees: Iterable[Tree], default: Tree) -> None:
        """Name these trees, and no others any more."""
        self._labels = [
            (tree.version, tree.digest, tree.status, str(tree is default).lower()) for tree in trees
        ]

    def collect(self) -> Iterator[Metric]:
        info = GaugeMetricFamily(
            f"{METRICS_NAMESPACE}_tree_info",
            "Trees that are served; always 1.",
            labels=["version", "digest", "status", "default"],
        )
        for labels in self._labels:
            info.add_metric(labels, 1)
        yield info


class ApiKeyFileInfo(Collector):
    """Shows whether the file of API keys can be read. Each process reads it by itself."""

    def __init__(self, is_up_to_date: Callable[[], bool]) -> None:
        self._is_up_to_date = is_up_to_date

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            f"{METRICS_NAMESPACE}_api_keys_last_reload_success",
            "1 if the keys are those of their file, 0 if it can't be read and earlier ones still hold.",
            value=float(self._is_up_to_date()),
        )
