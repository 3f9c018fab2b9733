"""The server in an environment that somebody else owns: variables, files, signals and limits of others."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from tests.conftest import Server, StartServer, start
from tests.server.test_server import assess_at_random, counted, workers_of

SAFE_SERVE = (sys.executable, "-P", "-m", "finetune_advisor.cli", "serve")


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for what takes longer on a busy machine; fails if it doesn't come."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def living_workers(server: Server) -> list[int]:
    """The process ids of a server's workers, the oldest first."""
    pid = server.process.pid
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def booted(pid: int) -> bool:
    """Whether a worker listens, and no longer only begins to: it then ignores what it has to."""
    ignored = next(
        line
        for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        if line.startswith("SigIgn")
    )
    return bool(int(ignored.split()[1], 16) >> (signal.SIGHUP - 1) & 1)


def all_booted(server: Server, count: int) -> list[int]:
    """Wait for so many workers, and give their process ids."""
    wait_until(lambda: len(workers_of(server)) == count)
    pids = workers_of(server)
    wait_until(lambda: all(booted(pid) for pid in pids))
    return pids


def replace(server: Server, place: int, by: signal.Signals) -> None:
    """End the worker at a place in the order of their ages, and wait for the one that replaces it."""
    before = len(workers_of(server))
    os.kill(living_workers(server)[place], by)
    wait_until(lambda: len(workers_of(server)) > before)
    wait_until(lambda: booted(workers_of(server)[-1]))


def test_nothing_around_it_changes_how_it_serves(tmp_path: Path) -> None:
    """The service's settings hold, whatever is set for gunicorn, for prometheus_client or for any program; no
    file of the working directory is deleted, run or made; gunicorn's optional parser isn't used.
    """
    installed = tmp_path / "installed"
    installed.mkdir()
    (installed / "gunicorn_h1c.py").write_text("raise SystemExit('the other parser was loaded')")
    folder = tmp_path / "working"
    folder.mkdir()
    (folder / "orders.db").write_text("orders")
    (folder / "counter_1.db").write_text("orders")
    (folder / "random.py").write_text("raise SystemExit('a file of somebody else was run')")
    (folder / "gunicorn.conf.py").write_text("raise SystemExit('a file of somebody else was run')")
    files = {path.name: path.read_text() for path in folder.iterdir()}
    others = {
        "PYTHONPATH": str(installed),
        "PROMETHEUS_MULTIPROC_DIR": "",
        "prometheus_multiproc_dir": "",
        "SOURCE_REVISION": "",
        "MALLOC_ARENA_MAX": "",
        "GUNICORN_CMD_ARGS": "--workers=3 --bind=127.0.0.1:1 --worker-class=sync",
        "WEB_CONCURRENCY": "auto",
        "PORT": "http",
        "SENDFILE": "",
        "GUNICORN_PID": "",
        "GUNICORN_FD": "",
        "FINETUNE_ADVISOR_SERVICE_HOST": "10.0.0.1",
        "FINETUNE_ADVISOR_METRICS_PORT": "tcp://10.0.0.1:80",
    }
    pairs = [f"{name}={value}" for name, value in others.items()]
    server = start(tmp_path / "log", ["env", "-C", str(folder), *pairs, *SAFE_SERVE], WORKERS="2")
    try:
        # The first one may answer before the other begins.
        wait_until(lambda: len(workers_of(server)) == 2)
        assess_at_random(server.url, 10, seed=1)
        metrics = requests.get(f"{server.url}/metrics", timeout=10)
        environment = Path(f"/proc/{server.process.pid}/environ").read_bytes()
    finally:
        assert 0 == server.stop()

    assert 200 == metrics.status_code
    assert 'revision="unknown"' in metrics.text
    assert 2 == len(workers_of(server))
    assert b"MALLOC_ARENA_MAX=2\0" in environment
    assert "GUNICORN_CMD_ARGS isn't read" in server.log.read_text()
    assert files == {path.name: path.read_text() for path in folder.iterdir()}


@pytest.mark.parametrize("workers", ["1", "2"])
def test_signals_do_what_the_documentation_says_or_nothing(
    start_server: StartServer, workers: str
) -> None:
    """No signal but those that stop it changes the workers, whoever gets it; SIGHUP finds unchanged trees."""
    server = start_server(WORKERS=workers)
    pids = all_booted(server, int(workers))
    ignored = ("HUP", "USR1", "USR2", "TTIN", "TTOU", "WINCH", "ALRM")
    for name in ignored:
        for pid in (server.process.pid, *pids):
            os.kill(pid, signal.Signals[f"SIG{name}"])
        time.sleep(0.2)
    time.sleep(2)
    assess_at_random(server.url, 20, seed=1)
    wait_until(lambda: "The trees are unchanged" in server.log.read_text())

    assert 20 == counted(server.url, "finetune_advisor_assessments_total")
    assert pids == workers_of(server)
    wait_until(lambda: pids == living_workers(server))
    log = server.log.read_text()
    assert 1 == log.count("The trees are unchanged: 1.0.0, 2.0.0, 3.0.0; the default is 1.0.0")
    assert "Handling signal" not in log
    assert 0 == server.stop()


def test_a_worker_collects_garbage(start_server: StartServer) -> None:
    """The start does without, and the worker doesn't."""
    server = start_server()

    def collections() -> float:
        return counted(server.url, "python_gc_collections_total")

    before = collections()
    for _ in range(300):  # Flask leaves more to collect than the fast path
        requests.get(f"{server.url}/no-such-page", timeout=10)

    assert collections() > before


@pytest.mark.parametrize("name", ["INT", "QUIT"])
def test_signals_that_stop_at_once(start_server: StartServer, name: str) -> None:
    """SIGINT and SIGQUIT stop without a drain, and leave nothing behind."""
    server = start_server(DRAIN_SECONDS="60", GRACEFUL_TIMEOUT="60", WORKERS="2")
    all_booted(server, 2)
    folder = metrics_folder_of(server)
    server.process.send_signal(signal.Signals[f"SIG{name}"])

    assert 0 == server.process.wait(30)
    assert not folder.exists()


def metrics_folder_of(server: Server) -> Path:
    """The folder in which a server's workers share their metrics."""
    maps = Path(f"/proc/{server.process.pid}/maps").read_text().splitlines()
    return Path(next(line.split()[-1] for line in maps if line.endswith("/gauge_max_0.db"))).parent


def test_space_does_not_grow_with_deaths_and_counters_stay_exact(start_server: StartServer) -> None:
    """A worker counts on in the files of the one that it replaces; no scrape meanwhile sees less or more."""
    server = start_server(WORKERS="2")
    all_booted(server, 2)
    folder = metrics_folder_of(server)
    before = {path.name: path.stat().st_blocks for path in folder.iterdir()}
    sums, done = list[float](), threading.Event()

    def scrape() -> None:
        while not done.is_set():
            try:
                sums.append(counted(server.url, "finetune_advisor_assessments_total"))
            except requests.RequestException:
                continue  # the worker that it asked was killed

    scraping = threading.Thread(target=scrape)
    scraping.start()
    try:
        for turn in range(1, 6):
            assess_at_random(server.url, 20, seed=turn)
            assert 20 * turn == counted(server.url, "finetune_advisor_assessments_total")
            replace(server, turn % 2, signal.SIGKILL)
    finally:
        done.set()
        scraping.join()

    assert 100 == counted(server.url, "finetune_advisor_assessments_total")
    assert sums == sorted(sums)
    assert before == {path.name: path.stat().st_blocks for path in folder.iterdir()}
    served = requests.get(f"{server.url}/metrics", timeout=10).text
    assert "finetune_advisor_http_requests_in_progress 1.0" in served


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGKILL])
def test_no_assessment_depends_on_whether_it_can_be_counted(tmp_path: Path, by: signal.Signals) -> None:
    """The folder of the metrics is deleted under load and a worker replaced: every answer is right, none is
    lost but those that a killed worker was about to give, and the metrics are refused rather than wrong.
    """
    folder = tmp_path / "metrics"
    server = start(
        tmp_path / "log", ["env", f"PROMETHEUS_MULTIPROC_DIR={folder}", *SAFE_SERVE], WORKERS="2"
    )
    profiles = [{}, {"prompt_engineering_sufficient": True}, {"knowledge_retrieval_problem": True}]
    bodies = [
        {"profile": profiles[0]},
        {"profile": profiles[1]},
        {"profiles": profiles},
        {"profile": profiles[2], "tree_version": "2.0.0"},
    ]
    paths = ["/assess", "/assess", "/assess/batch", "/assess/explain"]
    asked = [*zip(paths, bodies, strict=True)]
    results, done = Counter[str](), threading.Event()

    def ask(path: str, body: object) -> tuple[int, bytes]:
        answer = requests.post(f"{server.url}{path}", json=body, timeout=20)
        return answer.status_code, answer.content

    expected = [ask(*one) for one in asked]

    def load() -> None:
        while not done.is_set():
            for one, right in zip(asked, expected, strict=True):
                try:
                    results["right" if ask(*one) == right else "wrong"] += 1
                except requests.RequestException:
                    results["lost"] += 1

    threads = [threading.Thread(target=load) for _ in range(4)]
    try:
        for thread in threads:
            thread.start()
        shutil.rmtree(folder)
        for _ in range(2):
            replace(server, 0, by)
        so_far = results["right"]
        wait_until(lambda: results["right"] > so_far + 100)
        metrics = requests.get(f"{server.url}/metrics", timeout=10)
        ready = requests.get(f"{server.url}/readyz", timeout=10)
    finally:
        done.set()
        for thread in threads:
            thread.join()
        stopped = server.stop()

    assert {200} == {status for status, _ in expected}
    assert 0 == results["wrong"]
    assert results["lost"] <= (0 if by == signal.SIGTERM else 2 * len(threads))
    assert (503, 200) == (metrics.status_code, ready.status_code)
    assert "The metrics are incomplete; the log says why. Restart the instance\n" == metrics.text
    log = server.log.read_text()
    assert 1 == log.count("the metrics are incomplete, and /metrics answers 503 until a restart")
    assert "Traceback" not in log
    assert 0 == stopped


@pytest.mark.parametrize(("limit", "threads", "needed"), [(48, 64, 169), (168, 64, 169), (44, 2, 45)])
def test_too_few_open_files_stop_the_start(limit: int, threads: int, needed: int) -> None:
    """The start says how many it needs, and doesn't accept what it couldn't answer."""
    run = subprocess.run(
        ["bash", "-c", f'ulimit -n {limit}; exec "$@"', "-", *SAFE_SERVE],
        env={**os.environ, "FINETUNE_ADVISOR_PORT": "0", "FINETUNE_ADVISOR_THREADS": str(threads)},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert 1 == run.returncode
    assert (
        f"{threads} threads and 1 workers need {needed} open files, and the limit is {limit}"
        in run.stderr
    )
    assert "Traceback" not in run.stderr


def test_as_many_open_files_as_are_needed_are_enough(tmp_path: Path) -> None:
    """With the fewest that the start takes, each thread answers, and none is dropped of those that wait."""
    command = ["bash", "-c", 'ulimit -n 169; exec "$@"', "-", *SAFE_SERVE]
    server = start(tmp_path / "log", command)
    statuses = Counter[int]()

    def ask() -> None:
        for _ in range(3):
            statuses[
                requests.post(f"{server.url}/assess", json={"profile": {}}, timeout=60).status_code
            ] += 1

    threads = [threading.Thread(target=ask) for _ in range(150)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        assert 0 == server.stop()
    assert {200: 450} == statuses
    assert "Open files: 169 of each process, for 65 connections" in server.log.read_text()


def test_no_room_for_metrics_stops_the_start(tmp_path: Path) -> None:
    """A file system that is too small is found out before any worker could die of it."""
    mount = 'mount -t tmpfs -o size=2m none /dev/shm && exec "$@"'
    if subprocess.run(["unshare", "-m", "sh", "-c", mount, "-", "true"], check=False).returncode:
        pytest.skip("mounting a file system takes a right that is missing here")
    run = subprocess.run(
        ["unshare", "-m", "sh", "-c", mount, "-", *SAFE_SERVE],
        env={**os.environ, "FINETUNE_ADVISOR_PORT": "0", "FINETUNE_ADVISOR_WORKERS": "2"},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert 1 == run.returncode
    assert "2 workers need 2560 KiB for their metrics, and 2048 KiB are free" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_start_that_a_tree_stops_leaves_nothing_in_memory(tmp_path: Path) -> None:
    """The folder of the workers' metrics goes, though no worker ever was."""
    mount = 'mount -t tmpfs none /dev/shm && { "$@"; echo "exit $?"; ls /dev/shm; }'
    if subprocess.run(["unshare", "-m", "sh", "-c", mount, "-", "true"], check=False).returncode:
        pytest.skip("mounting a file system takes a right that is missing here")
    (tmp_path / "own.yaml").write_text("version: 1\n")
    command = [sys.executable, "-P", "-m", "finetune_advisor.server.gunicorn_application"]
    run = subprocess.run(
        ["unshare", "-m", "sh", "-c", mount, "-", *command],
        env={
            **os.environ,
            "FINETUNE_ADVISOR_PORT": "0",
            "FINETUNE_ADVISOR_WORKERS": "2",
            "FINETUNE_ADVISOR_TREES_DIR": str(tmp_path),
        },
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert f"{tmp_path}/own.yaml:1: " in run.stderr
    assert "Traceback" not in run.stderr
    assert run.stdout.endswith("exit 1\n")
