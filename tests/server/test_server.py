"""The server as an orchestrator sees it: settings, signals, and metrics over one worker and several."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from random import Random

import pytest
import requests

from tests.conftest import SERVE, Server, StartServer, start

COUNTER = re.compile(r"^(\w+)\{(.*)\} ([\d.e+-]+)$", re.MULTILINE)


def counted(url: str, name: str) -> float:
    """The sum of a counter over all its labels."""
    text = requests.get(f"{url}/metrics", timeout=10).text
    return sum(float(value) for metric, _, value in COUNTER.findall(text) if metric == name)


def assess_at_random(url: str, count: int, seed: int) -> None:
    """Ask for assessments of random profiles, each over a connection of its own."""
    random = Random(seed)
    names = ["prompt_engineering_sufficient", "knowledge_retrieval_problem", "narrow_specific_task"]
    for _ in range(count):
        profile = {name: random.random() < 0.5 for name in names if random.random() < 0.7}
        answer = requests.post(f"{url}/assess", json={"profile": profile}, timeout=10)
        assert answer.status_code == 200


def workers_of(server: Server) -> list[int]:
    """The process ids of all workers that a server has started so far."""
    return [int(pid) for pid in re.findall(r"Booting worker with pid: (\d+)", server.log.read_text())]


@pytest.mark.parametrize("workers", ["1", "4"])
def test_recommendation_counters_sum_to_the_requests_answered(
    start_server: StartServer, workers: str
) -> None:
    """Counters sum exactly to the requests answered, however many workers share them."""
    server = start_server(WORKERS=workers)
    threads = [threading.Thread(target=assess_at_random, args=(server.url, 50, n)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert counted(server.url, "finetune_advisor_assessments_total") == 400
    served = requests.get(f"{server.url}/metrics", timeout=10).text
    assert "finetune_advisor_path_questions_count 400.0" in served
    assert ("process_resident_memory_bytes" in served) == (workers == "1")
    assert 'default="true"' in served
    assert "finetune_advisor_http_requests_in_progress 1.0" in served


def test_counters_survive_the_death_of_a_worker(start_server: StartServer) -> None:
    """A worker that is killed takes no count with it, and no gauge stays behind."""
    server = start_server(WORKERS="2")
    assess_at_random(server.url, 40, seed=1)
    victim = workers_of(server)[0]
    os.kill(victim, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while len(workers_of(server)) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    assess_at_random(server.url, 40, seed=2)

    assert counted(server.url, "finetune_advisor_assessments_total") == 80
    served = requests.get(f"{server.url}/metrics", timeout=10).text
    assert "finetune_advisor_http_requests_in_progress 1.0" in served


def test_sigterm_finishes_what_is_in_flight(start_server: StartServer) -> None:
    """A request whose body is still arriving when SIGTERM comes is answered, and the exit is clean."""
    server = start_server()
    body = b'{"profile": {}}'
    head = (
        b"POST /assess HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    )
    with socket.create_connection((server.host, server.port), timeout=20) as connection:
        connection.sendall(head + body[:5])
        time.sleep(0.5)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        connection.sendall(body[5:])
        answer = b"".join(iter(lambda: connection.recv(65536), b""))

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert server.stop() == 0


HEALTHZ = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
CLOSE = b"Connection: close\r\n\r\n"


def connected(server: Server) -> socket.socket:
    return socket.create_connection((server.host, server.port), timeout=20)


def heard(client: socket.socket, times: int) -> bool:
    """Whether the server takes so many kilobytes."""
    try:
        for _ in range(times):
            client.sendall(b"x" * 1000)
            time.sleep(0.01)
    except OSError:
        return False
    return True


def test_clients_that_do_not_hang_up_hold_nobody_up(start_server: StartServer) -> None:
    """A hundred clients that were answered and keep their side open don't keep others from being answered,
    and are hung up on.
    """
    server = start_server(THREADS="2")
    with ExitStack() as stack:
        clients = [stack.enter_context(connected(server)) for _ in range(100)]
        for one in clients:
            one.sendall(HEALTHZ + CLOSE)
        assert requests.get(f"{server.url}/healthz", timeout=20).ok
        for one in clients:
            assert b"".join(iter(partial(one.recv, 65536), b"")).startswith(b"HTTP/1.1 200 OK\r\n")
        time.sleep(5)
        assert not heard(clients[-1], 2)
    assert 0 == server.stop()


@pytest.mark.skipif(not hasattr(socket, "TCP_CORK"), reason="only Linux joins packets")
def test_an_answer_comes_in_one_packet(server: Server) -> None:
    """The head and the body of a small answer arrive together."""
    with socket.create_connection(("127.0.0.1", server.port), 10) as client:
        for _ in range(20):
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            head, _, body = client.recv(1 << 16).partition(b"\r\n\r\n")
            assert f"Content-Length: {len(body)}\r\n".encode() in head
            assert body


def test_a_client_that_waits_for_leave_to_send_gets_it_at_once(server: Server) -> None:
    """`100 Continue` is no part of the answer, and isn't held back until there is one."""
    body, waited = json.dumps({"profile": {}}).encode(), []
    head = f"POST /assess HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n".encode()
    head += b"Content-Type: application/json\r\nExpect: 100-continue\r\n\r\n"
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", server.port), 10) as client:
            started = time.monotonic()
            client.sendall(head)
            assert client.recv(1 << 16) == b"HTTP/1.1 100 Continue\r\n\r\n"
            waited.append(time.monotonic() - started)
            client.sendall(body)
            assert client.recv(1 << 16).startswith(b"HTTP/1.1 200 OK")

    # The kernel holds packets back for 0.2 s.
    assert min(waited) < 0.15


def test_what_a_client_still_says_does_not_cost_it_its_answer(start_server: StartServer) -> None:
    """What it says after its request is heard out, to an end, before the connection is closed."""
    server = start_server()
    with connected(server) as client:
        client.sendall(HEALTHZ + CLOSE)
        time.sleep(0.3)
        assert heard(client, 20)
        assert client.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")
        assert not heard(client, 100)


@pytest.mark.parametrize("spared", ["open files", "connections"])
def test_without_a_file_left_connections_wait(tmp_path: Path, spared: str) -> None:
    """More clients than files to open: some wait, none ends the worker, and all is well once they leave."""
    limited = ["bash", "-c", 'ulimit -n 300; exec "$@"', "-", *SERVE]
    forgetful = [sys.executable, "-c", MANY]
    command = limited if spared == "connections" else [*limited[:4], *forgetful]
    server = start(tmp_path / "log", command, THREADS="4")
    try:
        with ExitStack() as stack:
            for _ in range(400):
                stack.enter_context(connected(server)).sendall(HEALTHZ + b"\r\n")
            time.sleep(1)
        assert requests.get(f"{server.url}/healthz", timeout=20).ok
    finally:
        assert server.stop() == 0
    assert len(workers_of(server)) == 1


MANY = """
from finetune_advisor.server.gunicorn_application import GunicornApplication
from finetune_advisor.server import gunicorn_config
gunicorn_config.worker_connections = 10_000
GunicornApplication().run()
"""


def test_other_applications_can_be_compared_with_the_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """gunicorn's own command runs them with the service's settings and its worker, as benchmarks do."""
    monkeypatch.setenv("GUNICORN_CMD_ARGS", "--log-level=info")
    command = [sys.executable, "-m", "gunicorn", "-c", "python:finetune_advisor.server.gunicorn_config"]
    server = start(tmp_path / "log", [*command, "werkzeug.testapp:test_app"])

    assert b"HTTP/1.1 400 " in refused(server)
    assert 0 == server.stop()
    log = server.log.read_text()
    assert "Using worker: finetune_advisor.server.worker.Worker" in log
    assert "GUNICORN_CMD_ARGS isn't read" not in log


def refused(server: Server) -> bytes:
    """What the worker answers itself."""
    with connected(server) as client:
        client.sendall(b"nothing\r\n\r\n")
        return client.recv(65536)


@pytest.mark.parametrize("left", [3, 10])
def test_without_a_thread_left_connections_wait(tmp_path: Path, left: int) -> None:
    """More clients than threads that the system has: they take turns, and none ends the worker."""
    script = FEW_THREADS.replace("LEFT", str(left))
    server = start(tmp_path / "log", [sys.executable, "-c", script])
    try:
        with ExitStack() as stack:
            clients = [stack.enter_context(connected(server)) for _ in range(100)]
            for client in clients:
                client.sendall(HEALTHZ)
            time.sleep(1)
            for client in clients:
                client.sendall(CLOSE)
            for client in clients:
                assert client.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")
    finally:
        assert server.stop() == 0
    assert len(workers_of(server)) == 1
    assert "delayed: thread_limit" in server.log.read_text()


FEW_THREADS = """
import threading
from finetune_advisor.server.gunicorn_application import GunicornApplication
whole = threading.Thread.start
def start(self):
    if threading.active_count() > LEFT:
        raise RuntimeError("can't start new thread")
    whole(self)
threading.Thread.start = start
GunicornApplication().run()
"""


def test_without_any_thread_the_worker_is_replaced_until_there_is_one(tmp_path: Path) -> None:
    """The log says what is wrong and what to do; the instance lives and serves once it can."""
    command = [sys.executable, "-c", NO_THREAD]
    server = start(tmp_path / "log", command)
    log = server.log.read_text()

    assert 0 == server.stop()
    assert "no thread can be started: raise the limit of processes" in log
    assert "Traceback" not in log


NO_THREAD = """
import threading
import time
from finetune_advisor.server.gunicorn_application import GunicornApplication
from finetune_advisor.server.connection_worker import ConnectionWorker
whole, pool, began = threading.Thread.start, ConnectionWorker.get_thread_pool, []
def get_thread_pool(self):
    return began.append(self.age) or pool(self)
ConnectionWorker.get_thread_pool = get_thread_pool
def start(self):
    if began and began[0] < 3:
        raise RuntimeError("can't start new thread")
    whole(self)
threading.Thread.start = start
GunicornApplication().run()
"""


@pytest.mark.parametrize("version", ["1.1", "1.2", "1.3", "1.9"])
def test_a_later_minor_version_is_answered_as_http_1_1(server: Server, version: str) -> None:
    """RFC 9110, 2.5: the answer has the highest version that is spoken here, and the connection is kept."""
    request = b"GET /healthz HTTP/%s\r\nHost: a\r\n" % version.encode()
    with connected(server) as client:
        client.sendall(request + b"\r\n" + request + CLOSE)
        answers = b"".join(iter(partial(client.recv, 65536), b""))

    assert re.findall(rb"HTTP/[\d.]+ \d+ \w+\r\n", answers) == [b"HTTP/1.1 200 OK\r\n"] * 2


@pytest.mark.parametrize("version", ["1.2", "1.9"])
def test_a_later_minor_version_needs_a_host(server: Server, version: str) -> None:
    """What HTTP/1.1 asks of a request, it asks of a later one as well (RFC 9112, 3.2)."""
    with connected(server) as client:
        client.sendall(b"GET /tree HTTP/%s\r\n" % version.encode() + CLOSE)
        assert client.recv(65536).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"GET /healthz HTTP/1.0", b"HTTP/1.0 200 OK"),
        (b"GET /healthz HTTP/0.9", b"HTTP/1.1 400 Bad Request"),
        (b"GET /healthz HTTP/2.0", b"HTTP/1.1 400 Bad Request"),
        (b"GET /healthz HTTP/2.1", b"HTTP/1.1 400 Bad Request"),
        (b"GET /healthz HTTP/3.0", b"HTTP/1.1 400 Bad Request"),
        (b"GET /healthz HTTP/1.10", b"HTTP/1.1 400 Bad Request"),
        (b"GET /healthz HTTP/1", b"HTTP/1.1 400 Bad Request"),
        (b"GET /healthz http/1.1", b"HTTP/1.1 400 Bad Request"),
        (b"GET /healthz", b"HTTP/1.1 400 Bad Request"),
    ],
)
def test_other_versions_are_told_apart(server: Server, line: bytes, status: bytes) -> None:
    """HTTP/1.0 is answered as itself; other major versions and what is no version are refused."""
    with connected(server) as client:
        client.sendall(line + b"\r\nHost: a\r\n\r\n")
        answer = client.recv(65536)

    assert answer.split(b"\r\n")[0] == status
    if b"400" in status and line.count(b" ") == 2:
        assert b"its HTTP version isn't 1.0, 1.1 or another 1.x" in answer


def test_a_connection_that_is_closed_already_ends_no_worker(tmp_path: Path) -> None:
    """gunicorn closes one itself where an answer fails half-way."""
    command = [sys.executable, "-c", CLOSED]
    server = start(tmp_path / "log", command)
    try:
        for _ in range(3):
            assert requests.get(f"{server.url}/healthz", timeout=20).ok
    finally:
        server.stop()
    assert len(workers_of(server)) == 1


CLOSED = """
from finetune_advisor.server.gunicorn_application import GunicornApplication
from gunicorn.workers.gthread import ThreadWorker
whole = ThreadWorker.handle
def closed(self, conn):
    whole(self, conn)
    conn.sock.close()
    return False
ThreadWorker.handle = closed
GunicornApplication().run()
"""


def test_a_stop_amid_a_change_of_listening_is_a_stop(tmp_path: Path) -> None:
    """SIGTERM can come while the worker begins to listen; it is told so once more at the end."""
    command = [sys.executable, "-c", STOPPED]
    server = start(tmp_path / "log", command)
    try:
        assert requests.get(f"{server.url}/healthz", timeout=20).ok
    finally:
        server.stop()
    log = server.log.read_text()

    assert len(workers_of(server)) > 1
    assert "Exception in worker process" not in log


STOPPED = """
from finetune_advisor.server.gunicorn_application import GunicornApplication
from gunicorn.workers.gthread import ThreadWorker
whole = ThreadWorker.set_accept_enabled
def stopped(self, enabled):
    whole(self, enabled)
    if enabled and self.age == 1:
        self.alive = False
ThreadWorker.set_accept_enabled = stopped
GunicornApplication().run()
"""


def test_who_comes_after_sigterm_is_refused(start_server: StartServer) -> None:
    """While a request is in flight, who connected before is answered, and nobody else waits in vain."""
    server = start_server()
    request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    with ExitStack() as stack:
        slow, *waiting = [
            stack.enter_context(socket.create_connection((server.host, server.port), timeout=20))
            for _ in range(9)
        ]
        slow.sendall(request[:-2])
        time.sleep(0.5)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(1)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((server.host, server.port), timeout=20)
        for one in [slow, *waiting]:
            one.sendall(request[-2:] if one is slow else request)
        for one in [slow, *waiting]:
            assert one.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")
    assert 0 == server.stop()


def test_a_client_that_says_nothing_holds_no_stop_up(start_server: StartServer) -> None:
    """One that has been connected for a while without a request gets no more time than a kept connection."""
    server = start_server(GRACEFUL_TIMEOUT="120")
    with socket.create_connection((server.host, server.port), timeout=20):
        time.sleep(6)  # gunicorn gives a thread to such a client for five seconds
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(60) == 0


IMPATIENT = """
from finetune_advisor.server.gunicorn_application import GunicornApplication
from finetune_advisor.server import connection_worker
connection_worker.READ_SECONDS = connection_worker.ANSWER_SECONDS = 1
GunicornApplication().run()
"""


def test_requests_that_never_end_hold_nobody_up(tmp_path: Path) -> None:
    """Half a head and half a body hold a thread for so long and no longer, and one that drips no longer."""
    head = (
        b"POST /assess HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 14\r\n"
    )
    command = [sys.executable, "-c", IMPATIENT]
    server = start(tmp_path / "log", command, THREADS="3")
    try:
        with ExitStack() as clients:
            address = (server.host, server.port)
            stuck = [clients.enter_context(socket.create_connection(address)) for _ in range(3)]
            for client, sent in zip(stuck, (head, head + b"\r\n{", head + b"\r\n"), strict=True):
                client.sendall(sent)
            with suppress(BrokenPipeError):
                for _ in range(30):
                    stuck[2].send(b" ")
                    time.sleep(0.1)
            assert requests.get(f"{server.url}/healthz", timeout=20).status_code == 200
            assert stuck[0].recv(1000) == b""
            assert b"problems/malformed-request" in stuck[1].recv(10_000)
    finally:
        server.stop()


def test_answers_that_nobody_reads_hold_nobody_up(tmp_path: Path) -> None:
    """A client that asks for much and takes nothing holds a thread for so long and no longer."""
    body = b'{"profiles":[%s]}' % b",".join([b"{}"] * 10_000)
    head = b"POST /assess/batch HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    command = [sys.executable, "-c", IMPATIENT]
    server = start(tmp_path / "log", command, THREADS="1")
    try:
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect((server.host, server.port))
            client.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            time.sleep(0.5)
            assert requests.get(f"{server.url}/healthz", timeout=20).status_code == 200
    finally:
        server.stop()


def test_options_go_before_the_environment(tmp_path: Path) -> None:
    """serve takes host, port, workers and threads as options too, and a wrong one stops the start."""
    command = [sys.executable, "-m", "finetune_advisor.cli", "serve", "--threads", "many"]
    environment = {**os.environ, "FINETUNE_ADVISOR_THREADS": "2"}
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30)

    assert run.returncode == 2
    assert run.stderr.endswith(
        "Error: Invalid value for '--threads': 'many' is not a valid integer range.\n"
    )


def test_a_faulty_tree_stops_the_start(tmp_path: Path) -> None:
    """The start fails with the fault's file, line, field and remedy, and no traceback."""
    (tmp_path / "own.yaml").write_text("version: 1\n")
    command = [sys.executable, "-m", "finetune_advisor.cli", "serve"]
    environment = {**os.environ, "FINETUNE_ADVISOR_TREES_DIR": str(tmp_path)}
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30)

    assert run.returncode == 1
    assert f"{tmp_path}/own.yaml:1: version: not a semantic version; write three numbers" in run.stderr
    assert "Traceback" not in run.stderr


def test_logs_are_json_lines_without_profile_values(start_server: StartServer) -> None:
    """Every line is JSON; a request's line has its ids, route, status and duration, and no value."""
    server = start_server()
    headers = {
        "X-Request-ID": "request-7",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    }
    profile = {"data_sensitive": True, "tell_nobody": "a secret"}
    requests.post(
        f"{server.url}/assess?pin=4711", json={"profile": profile}, headers=headers, timeout=10
    )
    secret = b'"data_sensitive": "a secret"'
    for raw in (
        b"GET /tree?%s HTTP/1.1\r\n\r\n" % secret,
        b"GET /tree HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n" % secret.replace(b":", b""),
        b"POST /assess HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{%s}" % secret,
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n%s\r\n" % secret,
    ):
        with socket.create_connection((server.host, server.port), timeout=10) as client:
            client.sendall(raw)
            assert client.recv(100)
    server.stop()
    text = server.log.read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    [line] = [line for line in lines if line.get("request_id") == "request-7"]

    assert line["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
    assert (line["method"], line["route"], line["status"]) == ("POST", "/assess", 422)
    assert line["duration_ms"] >= 0
    assert {"level", "logger", "timestamp"} <= line.keys()
    for secret in ("a secret", "data_sensitive", "tell_nobody", "4711"):
        assert secret not in text


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_stop_loses_no_line(start_server: StartServer, workers: str) -> None:
    """Each request that was answered has its line, though lines wait to be written together."""
    server = start_server(WORKERS=workers)
    assess_at_random(server.url, 30, seed=2)
    server.stop()
    assert server.log.read_text().count('"route":"/assess"') == 30


def test_the_decision_log_shows_answers_when_asked_to(start_server: StartServer) -> None:
    """DECISION_LOG=true logs each assessment with the answers on its path and its receipt."""
    server = start_server(DECISION_LOG="true")
    profile = {"prompt_engineering_sufficient": True}
    answer = requests.post(f"{server.url}/assess", json={"profile": profile}, timeout=10).json()
    server.stop()
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    [line] = [line for line in lines if line["logger"] == "finetune_advisor.decisions"]

    assert line["answers"] == profile
    assert line["candidates"] == ["use_prompt_engineering"]
    assert line["receipt"] == answer["receipt"]


def test_text_logs_are_for_people(start_server: StartServer) -> None:
    """LOG_FORMAT=text gives plain lines."""
    server = start_server(LOG_FORMAT="text", LOG_LEVEL="info")
    server.stop()

    assert "INFO gunicorn.error: Listening at" in server.log.read_text()


def test_sigterm_turns_readiness_before_it_stops(start_server: StartServer) -> None:
    """While it drains, /readyz says no, all else is served, and connections end with their answer."""
    server = start_server(DRAIN_SECONDS="60", WORKERS="2")
    with requests.Session() as kept:
        before = kept.get(f"{server.url}/readyz", timeout=10)
        server.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 20
        while requests.get(f"{server.url}/readyz", timeout=10).ok and time.monotonic() < deadline:
            time.sleep(0.05)
        after = kept.get(f"{server.url}/readyz", timeout=10)
        assessed = kept.post(f"{server.url}/assess", json={"profile": {}}, timeout=10)

    assert (before.status_code, before.headers["Connection"]) == (200, "keep-alive")
    assert (after.status_code, after.json()) == (503, {"status": "draining"})
    assert (assessed.status_code, assessed.headers["Connection"]) == (200, "close")
    assert requests.get(f"{server.url}/healthz", timeout=10).status_code == 200
    assert server.stop(30) == 0  # a second SIGTERM doesn't wait for the minute's end


def test_the_drain_ends_by_itself(start_server: StartServer) -> None:
    """After DRAIN_SECONDS the instance stops, without another signal; the log says what happens."""
    server = start_server(DRAIN_SECONDS="1")
    server.process.send_signal(signal.SIGTERM)

    assert server.process.wait(30) == 0
    assert "Draining: /readyz answers 503, and the instance stops in 1 s" in server.log.read_text()
