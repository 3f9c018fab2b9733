"""A cluster from outside of its namespaces: bring it up, run commands in it, take it down."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from bench.tools import UnavailableError

from tests.cluster import control_groups, images, namespaces, programs
from tests.cluster.layout import Layout
from tests.conftest import ROOT
from tests.helm.tools import operator_definitions

LOGS = ROOT / ".tools" / "cluster-logs"
PREFIX = "finetune-advisor-cluster-"
DIES_WITH_US = ("setpriv", "--pdeathsig", "KILL")
START_SECONDS = 300
LOG_LINES = 20


class ClusterError(Exception):
    """The cluster didn't come up; the message says why."""


@dataclass(frozen=True)
class Parts:
    """What a cluster is made of, built before it starts."""

    programs: Mapping[str, Path]
    images: Mapping[str, Path]

    @classmethod
    def build(cls, nodes: int) -> Parts:
        """Build what a cluster of so many nodes needs, and its tests. Raises UnavailableError."""
        try:
            operator_definitions()  # in the cluster, no module can be downloaded
        except pytest.skip.Exception as reason:
            raise UnavailableError(str(reason)) from reason
        built = programs.build(nodes)
        return cls(built, images.build(built) if nodes else {})


class Cluster:
    """A cluster with its folder, which another process may have started."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._groups = layout.state / "groups"
        self._unshare = layout.state / "unshare.pid"
        self._log = layout.state / "cluster.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, parts: Parts, *, outlives: bool = False) -> None:
        """Bring it up. It ends with this process, unless it outlives it. Raises ClusterError."""
        layout = self.layout
        (layout.state / "home").mkdir()
        programs.link(parts.programs, layout.programs)
        images.link(parts.images, layout.images)
        groups = control_groups.new_groups(layout.state.name, layout.nodes)
        self._groups.write_text("\n".join(map(str, groups)), encoding="utf-8")
        reading, writing = os.pipe()
        try:
            self._start_process(writing, outlives)
            os.close(writing)
            self._wait_for_word(reading)
        finally:
            os.close(reading)

    def _start_process(self, ready: int, outlives: bool) -> None:
        command = [sys.executable, "-m", "tests.cluster.entering", str(ready), str(self._groups)]
        with namespaces.uninterrupted(), self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command if outlives else [*DIES_WITH_US, *command],
                cwd=ROOT,
                env=self.layout.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[ready],
                start_new_session=True,  # Ctrl-C is for this process, which takes the cluster down
            )
            self._unshare.write_text(str(self._process.pid), encoding="utf-8")

    def _wait_for_word(self, reading: int) -> None:
        """Wait until the first process of the cluster says that all is up."""
        readable, _, _ = select.select([reading], [], [], START_SECONDS)
        if not readable or os.read(reading, len(b"ready")) != b"ready":
            said = self._log.read_text(errors="replace").splitlines()[-LOG_LINES:]
            raise ClusterError("\n".join(["the cluster didn't come up:", *said]))

    def is_up(self) -> bool:
        """Whether its process runs. After a restart of the machine, another one may have its number."""
        if self._process:
            return self._process.poll() is None
        if not self._unshare.exists():
            return False
        process = self._unshare.read_text()
        return f"CLUSTER_STATE={self.layout.state}\0" in namespaces.environment_of(process)

    def entering(self, command: Sequence[str]) -> list[str]:
        """A command line that runs a command in the cluster, from the current folder.

        It wants the environment of the layout. Raises ClusterError if the cluster isn't up.
        """
        if not self.is_up():
            raise ClusterError("no cluster of this size is up")
        first = namespaces.first_process(int(self._unshare.read_text()))
        return namespaces.entering(first, command)

    def run(self, command: Sequence[str]) -> int:
        """Run a command in the cluster, and return its exit code. Raises ClusterError if it isn't up."""
        return subprocess.run(self.entering(command), env=self.layout.environment()).returncode

    def ended_programs(self) -> str:
        """The cluster's programs that ended by themselves, with the ends of their logs."""
        return self.layout.ended.read_text() if self.layout.ended.exists() else ""

    def keep_logs(self, name: str) -> None:
        """Copy the logs to a folder of this name, in place of earlier ones, and say where they are."""
        shutil.rmtree(LOGS / name, ignore_errors=True)
        shutil.copytree(self.layout.logs, LOGS / name)
        print(f"the cluster's logs are in {LOGS / name}", file=sys.stderr)

    def stop(self) -> None:
        """Take down what there is of it: processes, control groups and the folder."""
        with namespaces.uninterrupted():
            if self.is_up():
                namespaces.end(int(self._unshare.read_text()))
            if self._process:
                self._process.wait()
            if self._groups.exists():
                control_groups.remove(Path(line) for line in self._groups.read_text().splitlines())
            shutil.rmtree(self.layout.state)


@contextmanager
def new_cluster(nodes: int) -> Iterator[Cluster]:
    """A cluster in a temporary folder, not yet started, of which nothing is left after the block."""
    cluster = None
    try:
        with namespaces.uninterrupted():
            cluster = Cluster(Layout(Path(tempfile.mkdtemp(prefix=PREFIX)), nodes))
        yield cluster
    finally:
        if cluster:
            cluster.stop()
