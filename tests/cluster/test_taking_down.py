"""Nothing is left of a cluster, however it ends. Runs outside of one, as part of `make cluster`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cluster.layout import Layout
from tests.cluster.running import DIES_WITH_US, Cluster, ClusterError, Parts, new_cluster
from tests.cluster.traces import Traces
from tests.conftest import ROOT

SETTLE_SECONDS = 30
START_SECONDS = 300
END_SECONDS = 60
MOMENTS = {
    "its folder is made": (0, "home"),
    "its control groups are known": (0, "groups"),
    "its process starts": (0, "unshare.pid"),
    "its certificates are made": (0, "pki/ca.crt"),
    "etcd starts": (0, "log/etcd.log"),
    "the API server starts": (0, "log/apiserver.log"),
    "its last program starts": (0, "log/scheduler.log"),
    "a node takes images": (1, "log/node1-containerd.log"),
    "a kubelet starts": (1, "log/node1-kubelet.log"),
    "its pods have a network": (1, "log/metrics-server.log"),
}
"""The number of nodes, and the file of the cluster that is there from a moment on."""


@pytest.fixture
def traces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Traces]:
    """An empty folder for clusters. After the test it has to be empty again, and nothing left elsewhere."""
    # The path of a socket may have 107 letters, which a folder below tmp_path exceeds.
    with tempfile.TemporaryDirectory() as place:
        monkeypatch.setenv("TMPDIR", place)
        monkeypatch.setattr(tempfile, "tempdir", place)
        found = Traces(Path(place))
        yield found
        wait_until_gone(found.find)


def wait_until_gone(find: Callable[[], list[str]]) -> None:
    """Wait until nothing is found, as the kernel removes namespaces a moment after their processes."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while (found := find()) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert [] == found


@contextmanager
def run_cluster(nodes: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A run of the suite on a cluster."""
    command = [*DIES_WITH_US, sys.executable, "-m", "tests.cluster", "--nodes", str(nodes)]
    with log.open("wb") as file:
        run = subprocess.Popen(command, cwd=ROOT, env=os.environ, stdout=file, stderr=file)
    try:
        yield run
    finally:
        run.terminate()
        try:
            run.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            run.kill()
            raise


def wait_until(what: str, is_so: Callable[[], bool], run: subprocess.Popen[bytes]) -> None:
    """Wait for something that happens while a run goes on."""
    deadline = time.monotonic() + START_SECONDS
    while not is_so():
        assert run.poll() is None, what
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


@pytest.mark.parametrize(("nodes", "file"), MOMENTS.values(), ids=MOMENTS.keys())
def test_a_start_is_interrupted(nodes: int, file: str, traces: Traces, tmp_path: Path) -> None:
    """deploy.md: "takes them down, also when interrupted": whenever a signal comes, the run ends by it and
    takes all down that it has made until then.
    """
    with run_cluster(nodes, tmp_path / "log") as run:
        wait_until(f"there is {file}", lambda: any(traces.place.glob(f"*/{file}")), run)
        traces.note()
        run.terminate()
        assert 128 + signal.SIGTERM == run.wait(END_SECONDS)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_tests_are_interrupted(number: signal.Signals, traces: Traces, tmp_path: Path) -> None:
    """deploy.md: "takes them down, also when interrupted": a signal during the tests ends them and the
    cluster, with pods that run.
    """
    log = tmp_path / "log"
    with run_cluster(1, log) as run:
        wait_until("its tests start", lambda: b"test session starts" in log.read_bytes(), run)
        wait_until(
            "pods run", lambda: any(traces.place.glob("*/node1/kubelet/pods/*/containers/*")), run
        )
        traces.note()
        run.send_signal(number)
        assert 128 + number == run.wait(END_SECONDS)


def test_a_program_fails_to_start(traces: Traces) -> None:
    """deploy.md: "Then it starts clusters … and takes them down": a start that fails halfway says which
    program failed, and leaves nothing either.
    """
    parts = Parts.build(0)
    failing = Parts({**parts.programs, "kube-apiserver": Path("/bin/false")}, parts.images)
    with new_cluster(0) as cluster:
        with pytest.raises(ClusterError, match="apiserver ended with status 1"):
            cluster.start(failing)
        traces.note()


def test_a_killed_run_leaves_no_process(traces: Traces, tmp_path: Path) -> None:
    """deploy.md: "takes them down, also when interrupted": even a run that is killed takes its processes with
    it. Its folder and empty control groups stay.
    """
    with run_cluster(0, tmp_path / "log") as run:
        wait_until("it starts", lambda: any(traces.place.glob("*/log/scheduler.log")), run)
        traces.note()
        run.kill()
    wait_until_gone(lambda: [one for one in traces.find() if one.startswith(("process", "namespace"))])
    [folder] = traces.place.iterdir()
    Cluster(Layout(folder, 0)).stop()


@pytest.mark.parametrize(
    ("required", "status"), [("", 0), ("required", 1)], ids=["by default", "required"]
)
def test_a_machine_that_lacks_programs_is_told_so(required: str, status: int, tmp_path: Path) -> None:
    """deploy.md: "Where the machine can't run a cluster, `make cluster` says why and succeeds, or fails if
    `CLUSTER=required`".
    """
    environment = os.environ | {"PATH": str(tmp_path), "CLUSTER": required}
    command = [sys.executable, "-m", "tests.cluster", "--nodes", "0"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert "skipped: a cluster of 0 nodes needs go, openssl" in done.stderr
    assert status == done.returncode
