"""Test the chart on real clusters: `python -m tests.cluster [--nodes 0|1|2]... [-- pytest arguments]`.

Each cluster has Kubernetes' own programs, in namespaces of its own. pytest runs there, too. Nothing is left.
It skips where the machine can't do that, and fails there if CLUSTER=required.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import click
from bench.tools import UnavailableError

from tests.cluster import host
from tests.cluster.layout import FOLDERS
from tests.cluster.namespaces import exit_on_signals
from tests.cluster.running import DIES_WITH_US, LOGS, Cluster, ClusterError, Parts, new_cluster
from tests.conftest import ROOT

OUTSIDE = "test_taking_down.py"
NOTHING_COLLECTED = 5


@dataclass(frozen=True)
class Outcome:
    """What came of the tests on a cluster of a size."""

    where: str
    status: int
    passed: int
    skipped: int
    start_seconds: float
    seconds: float

    def __str__(self) -> str:
        came = "all well" if self.status == 0 else f"exit status {self.status}"
        up = f", up after {self.start_seconds:.0f} s" if self.start_seconds else ""
        skipped = f" and {self.skipped} were skipped" if self.skipped else ""
        return f"{self.where}: {self.passed} tests passed{skipped} in {self.seconds:.0f} s{up}, {came}"


def run_tests_on(nodes: int, arguments: tuple[str, ...]) -> Outcome:
    """Bring a cluster up, run its tests, and take it down. Raises ClusterError and UnavailableError."""
    host.require(nodes)
    parts = Parts.build(nodes)
    started = time.monotonic()
    with new_cluster(nodes) as cluster:
        cluster.start(parts)
        up = time.monotonic() - started
        print(f"the cluster of {nodes} nodes is up after {up:.0f} s", flush=True)
        results = cluster.layout.state / "results.xml"
        folder = ROOT / "tests" / "cluster" / FOLDERS[nodes]
        status = cluster.run(pytest_command(folder, results, arguments))
        if status == NOTHING_COLLECTED and arguments:
            status = 0  # they select tests of another size
        status = status or report_ended_programs(cluster)
        if status:
            cluster.keep_logs(str(nodes))
        counts = count_tests(results)
    return Outcome(f"{nodes} nodes", status, *counts, up, time.monotonic() - started)


def run_taking_down_tests() -> Outcome:
    """Run the tests that look for what a cluster leaves, outside of any."""
    started = time.monotonic()
    results = LOGS / "taking-down.xml"
    command = [*DIES_WITH_US, *pytest_command(ROOT / "tests" / "cluster" / OUTSIDE, results, ())]
    environment = os.environ | {"CLUSTER_NODES": "outside"}
    with subprocess.Popen(command, env=environment, start_new_session=True) as tests:
        try:
            status = tests.wait()
        except BaseException:
            tests.send_signal(signal.SIGINT)  # lets pytest take its clusters down
            raise
    return Outcome("taking down", status, *count_tests(results), 0, time.monotonic() - started)


def pytest_command(tests: Path, results: Path, arguments: tuple[str, ...]) -> list[str]:
    """The command that runs tests, or those that the arguments name."""
    named = [word for word in arguments if Path(word.partition("::")[0]).exists()]
    command = [sys.executable, "-m", "pytest", f"--junit-xml={results}", "-p", "no:cacheprovider"]
    return [*command, *([] if named else [str(tests)]), *arguments]


def count_tests(results: Path) -> tuple[int, int]:
    """The numbers of tests that passed and that were skipped, as pytest's report has them."""
    if not results.exists():
        return 0, 0
    counts = Counter[str]()
    for suite in ElementTree.parse(results).getroot().iter("testsuite"):
        for kind in ("tests", "failures", "errors", "skipped"):
            counts[kind] += int(suite.attrib[kind])
    passed = counts["tests"] - counts["failures"] - counts["errors"] - counts["skipped"]
    return passed, counts["skipped"]


def report_ended_programs(cluster: Cluster) -> int:
    """Say which programs of the cluster ended by themselves. Returns 1 if one did."""
    if ended := cluster.ended_programs():
        print(ended, file=sys.stderr)
    return int(bool(ended))


@click.command()
@click.option("--nodes", "sizes", type=click.Choice([str(size) for size in FOLDERS]), multiple=True)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def main(sizes: tuple[str, ...], arguments: tuple[str, ...]) -> None:
    """Test the chart on clusters of 0, 1 and 2 nodes in turn, or of the --nodes that are given.

    Without --nodes, it also tests that nothing is left of interrupted clusters.
    ARGUMENTS after `--` are pytest's.
    """
    exit_on_signals()
    started = time.monotonic()
    outcomes = []
    try:
        for nodes in [int(size) for size in sizes] or FOLDERS:
            outcomes += [run_tests_on(nodes, arguments)]
        if not sizes and not arguments:
            outcomes += [run_taking_down_tests()]
    except UnavailableError as reason:
        print(f"skipped: {reason}", file=sys.stderr)
        if os.environ.get("CLUSTER") == "required":
            sys.exit(1)
    except ClusterError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
    if outcomes:
        print(*outcomes, f"{time.monotonic() - started:.0f} s in all", sep="\n")
        if not any(outcome.status or outcome.passed or outcome.skipped for outcome in outcomes):
            sys.exit("no test was selected")
    sys.exit(max((outcome.status for outcome in outcomes), default=0))


if __name__ == "__main__":
    main()
