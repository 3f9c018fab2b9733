"""The operations port while the public one is held: probes are answered within a second all the same."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path
from random import Random

import pytest
import requests
from bench.sizes import generated

from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.trees import loader
from tests.api import documents_of
from tests.conftest import BUNDLED, LISTENING, SERVE, free_port, plain_environment

PROBES = ["/healthz", "/readyz", "/metrics"]
GET = b"GET /tree HTTP/1.1\r\nHost: a\r\n\r\n"


@dataclass
class Apart:
    """A server with an operations port."""

    process: subprocess.Popen[bytes]
    log: Path
    public: tuple[str, int]
    operations: tuple[str, int]

    def url(self, path: str) -> str:
        return f"http://{self.public[0]}:{self.public[1]}{path}"

    def probe(self, path: str) -> requests.Response:
        return requests.get(f"http://{self.operations[0]}:{self.operations[1]}{path}", timeout=30)

    def slowest_probe(self, seconds: float, pause: float = 0.1) -> float:
        """The longest that a probe waits for its answer, each over a connection of its own."""
        slowest, end = 0.0, time.monotonic() + seconds
        paths = cycle(PROBES)
        while time.monotonic() < end:
            began = time.monotonic()
            assert self.probe(next(paths)).status_code == 200
            slowest = max(slowest, time.monotonic() - began)
            time.sleep(pause)
        return slowest


@contextmanager
def serving(log: Path, command: Sequence[str] = SERVE, **settings: str) -> Iterator[Apart]:
    """A server with an operations port and these settings."""
    operations = "127.0.0.1", free_port()
    chosen = {"PORT": "0", "METRICS_PORT": str(operations[1]), "GRACEFUL_TIMEOUT": "5", **settings}
    environment = plain_environment() | {
        f"FINETUNE_ADVISOR_{name}": value for name, value in chosen.items()
    }
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=out)
    try:
        deadline = time.monotonic() + 60
        while not answers(operations):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        listening = LISTENING.search(log.read_text())
        assert listening
        yield Apart(process, log, (listening[1], int(listening[2])), operations)
    finally:
        process.terminate()
        process.wait(60)


def answers(address: tuple[str, int]) -> bool:
    with suppress(requests.RequestException):
        return requests.get(f"http://{address[0]}:{address[1]}/healthz", timeout=5).ok
    return False


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apart]:
    """One server for all tests that leave it as it was."""
    with serving(tmp_path_factory.mktemp("apart") / "log") as started:
        yield started


@pytest.fixture
def many_files() -> Iterator[None]:
    """Room for a thousand connections in this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_files")
def test_silent_connections_hold_no_probe_up(apart: Apart) -> None:
    """All connections of the public port are taken by clients that say nothing."""
    with ExitStack() as stack:
        for _ in range(1050):
            stack.enter_context(socket.create_connection(apart.public, timeout=20))
        assert apart.slowest_probe(6) < 1


def test_a_log_that_nobody_reads_holds_no_probe_up(tmp_path: Path) -> None:
    """Lines wait in a full pipe; the metrics are counted and scraped all the same."""
    pipe = tmp_path / "log"
    os.mkfifo(pipe)
    operations = "127.0.0.1", free_port()
    chosen = {"PORT": "0", "METRICS_PORT": str(operations[1]), "GRACEFUL_TIMEOUT": "1"}
    environment = plain_environment() | {
        f"FINETUNE_ADVISOR_{name}": value for name, value in chosen.items()
    }
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with pipe.open("wb") as out:
        process = subprocess.Popen(SERVE, env=environment, stdout=out, stderr=out)
    try:
        deadline = time.monotonic() + 60
        while not answers(operations):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        listening = LISTENING.search(os.read(reader, 1 << 16).decode())
        assert listening
        held = Apart(process, pipe, (listening[1], int(listening[2])), operations)
        with requests.Session() as session:
            for _ in range(700):  # some 250 bytes each, and the pipe takes 64 KiB
                session.get(held.url("/tree/versions"), timeout=30)
        assert held.slowest_probe(4) < 1
    finally:
        process.kill()
        process.wait(60)
        os.close(reader)


def test_clients_that_read_nothing_hold_no_probe_up(apart: Apart) -> None:
    """All threads of the public port wait for clients that ask a hundred times and read nothing."""
    with ExitStack() as stack:
        for _ in range(64):
            client = stack.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(apart.public)
            client.sendall(GET * 100)
        assert apart.slowest_probe(6) < 1


def test_halves_of_requests_hold_no_probe_up(apart: Apart) -> None:
    """All threads of the public port wait for requests of which half has come."""
    with ExitStack() as stack:
        for _ in range(80):
            stack.enter_context(socket.create_connection(apart.public)).sendall(GET[:-2])
        assert apart.slowest_probe(4) < 1


@contextmanager
def posting(apart: Apart, path: str, body: bytes, clients: int) -> Iterator[None]:
    """While it lasts, clients post a body over and over, and each answer is a 200."""
    statuses: set[int] = set()
    ended = threading.Event()
    headers = {"Content-Type": "application/json"}

    def post() -> None:
        while not ended.is_set():
            statuses.add(requests.post(apart.url(path), body, headers=headers, timeout=120).status_code)

    threads = [threading.Thread(target=post) for _ in range(clients)]
    for thread in threads:
        thread.start()
    yield
    ended.set()
    for thread in threads:
        thread.join()
    assert statuses == {200}


def largest_batch(tree: Tree) -> bytes:
    """10,000 profiles of a tree in 8 MiB, each with about half of its booleans."""
    random = Random(0)
    names = [name for name, one in tree.inputs.items() if one.type == "boolean"]
    profiles = [
        {name: random.random() < 0.5 for name in names if random.random() < 0.5} for _ in range(10_000)
    ]
    body = json.dumps({"tree_version": tree.version, "profiles": profiles}).encode()
    return body.ljust(8_388_608)


def test_the_largest_batches_hold_no_probe_up(apart: Apart) -> None:
    """Clients send 8 MiB with 10,000 incomplete profiles of tree 2.0.0 without a pause."""
    body = largest_batch(loader.load_tree(BUNDLED / "2.0.0.yaml"))
    with posting(apart, "/assess/batch", body, 3):
        assert apart.slowest_probe(4) < 1


def test_a_diagram_holds_no_probe_up(tmp_path: Path) -> None:
    """A client asks for the picture of a tree that is a long chain of questions, again and again."""
    trees = tmp_path / "trees"
    trees.mkdir()
    documents_of.write(replace(generated("chain", 40), version="9.0.0"), trees)
    with serving(tmp_path / "log", TREES_DIR=str(trees)) as apart:
        ended = threading.Event()

        def ask() -> None:
            url = apart.url("/tree/versions/9.0.0/diagram")
            for answer in range(1000):
                if ended.is_set():
                    return
                requests.get(url, params={f"i{answer % 40}": "true"}, timeout=60)

        client = threading.Thread(target=ask)
        client.start()
        slowest = apart.slowest_probe(4)
        ended.set()
        client.join()
        assert slowest < 1


@pytest.mark.usefixtures("many_files")
def test_any_of_several_workers_answers_probes(tmp_path: Path) -> None:
    """Each worker has its own threads for the operations port; metrics are those of all of them."""
    with serving(tmp_path / "log", WORKERS="2", THREADS="2") as apart, ExitStack() as stack:
        for _ in range(16):
            stack.enter_context(socket.create_connection(apart.public)).sendall(GET[:-2])
        assert apart.slowest_probe(4) < 1
        assert "finetune_advisor_tree_info" in apart.probe("/metrics").text


@pytest.mark.usefixtures("many_files")
def test_a_flood_on_the_operations_port_holds_nobody_up_elsewhere(tmp_path: Path) -> None:
    """Silent connections, halves of requests and requests without a reader there leave the API as it is."""
    with serving(tmp_path / "log") as apart, ExitStack() as stack:
        for sent in (b"", GET[:-2], b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n" * 100):
            for _ in range(200):
                client = stack.enter_context(socket.create_connection(apart.operations, timeout=20))
                client.setblocking(False)
                with suppress(BlockingIOError):
                    client.send(sent)
        for _ in range(20):
            began = time.monotonic()
            assert requests.get(apart.url("/tree"), timeout=20).status_code == 200
            assert time.monotonic() - began < 1


def test_silent_connections_on_the_operations_port_leave_its_threads_free(apart: Apart) -> None:
    """A connection that says nothing needs no thread, so a scraper that connects ahead harms no probe."""
    with ExitStack() as stack:
        for _ in range(40):
            stack.enter_context(socket.create_connection(apart.operations))
        assert apart.slowest_probe(2) < 1


def test_connections_on_the_operations_port_are_kept(apart: Apart) -> None:
    """A scraper sends one request after the other over a connection, as on the public port."""
    with requests.Session() as kept:
        url = f"http://{apart.operations[0]}:{apart.operations[1]}/metrics"
        answers = [kept.get(url, timeout=20) for _ in range(3)]

    assert [answer.headers["Connection"] for answer in answers] == ["keep-alive"] * 3
    assert 'http_requests_total{method="GET",route="/metrics",status="200"}' in answers[-1].text


def test_probes_hear_of_the_drain(tmp_path: Path) -> None:
    """After SIGTERM /readyz says no there, and /healthz yes; then both ports close and the exit is clean."""
    with serving(tmp_path / "log", DRAIN_SECONDS="3") as apart:
        apart.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 3
        while (ready := apart.probe("/readyz")).ok and time.monotonic() < deadline:
            time.sleep(0.05)
        assert (ready.status_code, ready.headers["Connection"]) == (503, "close")
        assert apart.probe("/healthz").status_code == 200
        assert apart.process.wait(30) == 0
    assert "Traceback" not in apart.log.read_text()


def test_a_stop_finishes_what_the_operations_port_has_begun(tmp_path: Path) -> None:
    """A scrape of which half has come when SIGTERM comes is answered, and the exit is clean."""
    request = b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"
    with ExitStack() as stack:
        apart = stack.enter_context(serving(tmp_path / "log"))
        client = stack.enter_context(socket.create_connection(apart.operations, timeout=20))
        client.sendall(request[:-2])
        time.sleep(0.5)
        apart.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(apart.operations, timeout=20)
        client.sendall(request[-2:])
        assert client.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")
        assert apart.process.wait(30) == 0


@pytest.mark.parametrize(("threads", "files"), [(1, 59), (2, 61), (64, 185)])
def test_with_the_fewest_files_both_ports_answer(tmp_path: Path, threads: int, files: int) -> None:
    """Each port has a connection for each of its threads, and one below the fewest stops the start."""
    limited = ["bash", "-c", f'ulimit -n {files}; exec "$@"', "-", *SERVE]
    with serving(tmp_path / "log", limited, THREADS=str(threads)) as apart, ExitStack() as stack:
        for _ in range(threads):
            stack.enter_context(socket.create_connection(apart.public))
        for _ in range(7):
            stack.enter_context(socket.create_connection(apart.operations))
        assert apart.slowest_probe(1) < 1
        assert requests.get(apart.url("/tree"), timeout=20).ok
    limited[2] = limited[2].replace(str(files), str(files - 1))
    environment = {
        **os.environ,
        "FINETUNE_ADVISOR_PORT": "0",
        "FINETUNE_ADVISOR_METRICS_PORT": str(free_port()),
        "FINETUNE_ADVISOR_THREADS": str(threads),
    }
    run = subprocess.run(limited, env=environment, capture_output=True, text=True, timeout=60)

    assert run.returncode == 1
    assert (
        f"{threads} threads, 8 for METRICS_PORT and 1 workers need {files} open files, and the limit is "
        f"{files - 1}" in run.stderr
    )


FAILING = """
from finetune_advisor.server.gunicorn_application import GunicornApplication
from finetune_advisor.server.worker import OperationsWorker
whole = OperationsWorker.accept
def accept(self, listener):
    if self.age == 1:
        raise ValueError("a fault")
    return whole(self, listener)
OperationsWorker.accept = accept
GunicornApplication().run()
"""


def test_a_worker_that_no_longer_serves_it_is_replaced(tmp_path: Path) -> None:
    """A fault ends the loop of the operations port; the next worker answers, and requests in flight end."""
    with serving(tmp_path / "log", [sys.executable, "-c", FAILING]) as apart:
        assert apart.slowest_probe(1) < 1
        assert requests.get(apart.url("/tree"), timeout=20).ok
    log = apart.log.read_text()

    assert 2 == log.count("Booting worker")
    assert 1 == log.count("the operations port is no longer served; the worker is replaced")
    assert 1 == log.count("builtins.ValueError")  # Python 3.14 also shows the line that raised it
