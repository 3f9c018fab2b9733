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
from tests.cluster.running import PREFIX, Cluster, ClusterError, Parts, new_cluster
from tests.conftest import ROOT

RUN = (sys.executable, "-m", "tests.cluster")
SETTLE_SECONDS = 15
START_SECONDS = 300


def traces() -> set[str]:
    """What a cluster makes: processes, namespaces, mounts, control groups, interfaces and folders."""
    return {*processes(), *namespaces(), *mounts(), *control_groups(), *interfaces(), *folders()}


def processes() -> Iterator[str]:
    """Processes that belong to a cluster by their environment, or whose command names one."""
    for path in Path("/proc").glob("[0-9]*"):
        try:
            said = (path / "cmdline").read_bytes() + (path / "environ").read_bytes()
        except OSError:  # it has ended
            continue
        if PREFIX.encode() in said:
            yield f"process {path.name}: {(path / 'cmdline').read_bytes()[:80]!r}"


def namespaces() -> Iterator[str]:
    """Namespaces of the kinds that a cluster has."""
    listed = subprocess.run(
        ["lsns", "--noheadings", "--raw", "--output", "TYPE,NS"], capture_output=True, text=True
    )
    for line in listed.stdout.splitlines():
        if line.split()[0] in ("mnt", "net", "pid", "cgroup", "uts"):
            yield f"namespace {line}"


def mounts() -> Iterator[str]:
    """Mounts that this process sees."""
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        yield f"mount {' '.join(line.split()[:3])}"


def control_groups() -> Iterator[str]:
    """Control groups with a cluster's name, in any hierarchy."""
    for path in Path("/sys/fs/cgroup").rglob(f"{PREFIX}*"):
        yield f"control group {path}"


def interfaces() -> Iterator[str]:
    """Network interfaces that this process sees."""
    listed = subprocess.run(
        ["ip", "-oneline", "link"], capture_output=True, text=True, check=True
    ).stdout
    for line in listed.splitlines():
        yield f"interface {line.split()[1]}"


def folders() -> Iterator[str]:
    """The folders of clusters."""
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        yield f"folder {path}"


@pytest.fixture
def nothing_is_left() -> Iterator[None]:
    """See that after the test there is nothing that wasn't there before it."""
    before = traces()
    yield
    wait_until_gone(lambda: traces() - before)


def wait_until_gone(look: Callable[[], set[str]]) -> None:
    """Wait until nothing is found, as the kernel removes namespaces a moment after their processes."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while (found := look()) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert set() == found


@contextmanager
def run_cluster(nodes: int, folder: Path, *tests: str) -> Iterator[subprocess.Popen[str]]:
    """A run of the suite on a cluster, with its output in the file `log` of a folder."""
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    with (folder / "log").open("w") as log:
        command = [*RUN, "--nodes", str(nodes), "--", *tests]
        run = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log, text=True)
    try:
        yield run
    finally:
        run.kill()
        run.wait()


def wait_for_file(name: str, run: subprocess.Popen[str]) -> None:
    """Wait until a running cluster's folder has a file."""
    folder = Path(tempfile.gettempdir())
    known = {*folder.glob(f"{PREFIX}*/{name}")}
    wait_until(f"there is {name}", lambda: bool({*folder.glob(f"{PREFIX}*/{name}")} - known), run)


def wait_until(what: str, is_so: Callable[[], bool], run: subprocess.Popen[str]) -> None:
    """Wait for something that happens while a run goes on."""
    deadline = time.monotonic() + START_SECONDS
    while not is_so():
        assert run.poll() is None, what
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


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


@pytest.mark.parametrize(("nodes", "file"), MOMENTS.values(), ids=MOMENTS.keys())
@pytest.mark.usefixtures("nothing_is_left")
def test_a_start_is_interrupted(nodes: int, file: str, tmp_path: Path) -> None:
    """Whenever a signal comes, the run ends by it and takes all down that it has made until then."""
    with run_cluster(nodes, tmp_path) as run:
        wait_for_file(file, run)
        run.terminate()
        assert 128 + signal.SIGTERM == run.wait(60)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
@pytest.mark.usefixtures("nothing_is_left")
def test_tests_are_interrupted(number: signal.Signals, tmp_path: Path) -> None:
    """A signal during the tests ends them and the cluster."""
    log = tmp_path / "log"
    with run_cluster(1, tmp_path) as run:
        wait_until(
            "its tests start", lambda: "test session starts" in log.read_text(encoding="utf-8"), run
        )
        run.send_signal(number)
        assert 128 + number == run.wait(60)


@pytest.mark.usefixtures("nothing_is_left")
def test_a_program_fails_to_start() -> None:
    """A start that fails halfway says which program failed, and leaves nothing either."""
    parts = Parts.build(0)
    failing = Parts({**parts.programs, "kube-apiserver": Path("/bin/false")}, parts.images)
    with pytest.raises(ClusterError, match="apiserver ended with status 1"), new_cluster(0) as cluster:
        cluster.start(failing)


@pytest.mark.usefixtures("nothing_is_left")
def test_a_killed_run_leaves_no_process(tmp_path: Path) -> None:
    """Even a run that is killed takes its processes with it. Its folder and empty control groups stay."""
    known = {*folders()}
    with run_cluster(0, tmp_path) as run:
        wait_for_file("log/scheduler.log", run)
        run.kill()
    [folder] = {*folders()} - known
    wait_until_gone(lambda: {*processes()})
    Cluster(Layout(Path(folder.removeprefix("folder ")), 0)).stop()
