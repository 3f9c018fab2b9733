"""Requests that never reach the application: each is counted, and the log doesn't grow with them."""

from __future__ import annotations

import json
import logging
import re
import socket
import sys
import time
from collections import Counter
from contextlib import ExitStack
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import pytest
import requests

from finetune_advisor.server import refused_requests
from finetune_advisor.server.refused_requests import RefusalLog
from tests.conftest import Server, StartServer, start

REFUSED = re.compile(r'^finetune_advisor_http_refused_requests_total\{reason="(\w+)"\} ([\d.]+)$', re.M)
RAW = {
    "request_line": b"nothing\r\n\r\n",
    "method": b"get /tree HTTP/1.1\r\n\r\n",
    "version": b"GET /tree HTTP/2.0\r\n\r\n",
    "header": b"GET /tree HTTP/1.1\r\nHost\r\n\r\n",
    "header_name": b"GET /tree HTTP/1.1\r\nA(B): 1\r\n\r\n",
    "folded_header": b"GET /tree HTTP/1.1\r\nA: 1\r\n 2\r\n\r\n",
    "request_line_too_long": b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n",
    "headers_too_large": b"GET /tree HTTP/1.1\r\nA: " + b"a" * 9000 + b"\r\n\r\n",
    "transfer_coding": b"POST /tree HTTP/1.1\r\nTransfer-Encoding: x\r\n\r\n",
    "expectation": b"POST /tree HTTP/1.1\r\nExpect: x\r\n\r\n",
}


def counts(server: Server) -> dict[str, float]:
    """How many were refused, by reason."""
    text = requests.get(f"{server.url}/metrics", timeout=20).text
    found = {reason: float(value) for reason, value in REFUSED.findall(text)}
    assert set(found) == refused_requests.REFUSAL_REASONS
    return {reason: value for reason, value in found.items() if value}


FAULTS = {
    "gzip": (b"POST /tree HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", "Transfer-Encoding"),
    "gzip behind chunked": (
        b"POST /tree HTTP/1.1\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
        "Transfer-Encoding",
    ),
    "unknown coding": (RAW["transfer_coding"], "Transfer-Encoding"),
    "expectation": (RAW["expectation"], "Expect"),
    "no host": (b"GET /tree HTTP/1.1\r\n\r\n", "Host"),
    "bad host": (b"GET /tree HTTP/1.1\r\nHost: a b\r\n\r\n", "Host"),
    "accept": (b"GET /tree HTTP/1.1\r\nHost: a\r\nAccept: text/csv\r\n\r\n", "Accept"),
    "type": (b"POST /assess HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "Content-Type"),
}


def send(server: Server, raw: bytes) -> bytes:
    with socket.create_connection((server.host, server.port), timeout=20) as client:
        client.sendall(raw)
        return client.recv(65536)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_each_refusal_is_counted_by_its_reason_and_logged_once(
    start_server: StartServer, workers: str
) -> None:
    """However many there are, a worker warns once of each reason and then says how many more there were."""
    server = start_server(WORKERS=workers)
    times = 30
    for _ in range(times):
        for raw in RAW.values():
            assert send(server, raw).startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 414 "))

    assert counts(server) == dict.fromkeys(RAW, times)
    assert server.stop() == 0
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    warned = [line["message"] for line in lines if line["message"].startswith("refused: ")]
    first = [line for line in warned if "more" not in line]
    assert set(first) == {f"refused: {reason}" for reason in RAW}
    assert len(first) <= int(workers) * len(RAW)
    more = [re.fullmatch(r"refused: \w+, (\d+) more within 60 seconds", line) for line in warned]
    assert len(RAW) * times == len(first) + sum(int(line[1]) for line in more if line)


@pytest.mark.parametrize("name", ["", "PATH_PREFIX", "SCRIPT_NAME"])
def test_the_type_of_a_refusal_leads_to_its_explanation(
    start_server: StartServer, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """From the host's root, as nobody knows the URL that was asked, and below the prefix if there is one."""
    if name == "SCRIPT_NAME":
        monkeypatch.setenv(name, "/advisor")
    server = start_server(**({name: "/advisor"} if name == "PATH_PREFIX" else {}))
    types = {
        reason: json.loads(send(server, raw).partition(b"\r\n\r\n")[2])["type"]
        for reason, raw in RAW.items()
    }

    expected = ("/advisor" if name else "") + "/problems/malformed-request"
    longer = expected.replace("malformed-request", "uri-too-long")
    assert {**dict.fromkeys(RAW, expected), "request_line_too_long": longer} == types
    for reference in (expected, longer):
        assert requests.get(server.url + reference, timeout=20).ok


@pytest.mark.parametrize("prefix", ["", "/advisor"])
def test_a_link_to_a_page_that_is_too_long_gets_a_page(start_server: StartServer, prefix: str) -> None:
    """With its policy and a way to the start page; so it is for pages alone, and for GET."""
    server = start_server(**({"PATH_PREFIX": prefix} if prefix else {}))
    query = f"?x=<b>{'a' * 9000} HTTP/1.1\r\n\r\n"
    answers = {
        f"{method} {path}": send(server, f"{method} {prefix}{path}{query}".encode()).decode()
        for method in ("GET", "POST")
        for path in ("/interview", "/trees/2.0.0", "/tree", "/elsewhere")
    }
    pages = {asked for asked, answer in answers.items() if "text/html" in answer}

    assert {"GET /interview", "GET /trees/2.0.0"} == pages
    assert all(answer.startswith("HTTP/1.1 414 ") for answer in answers.values())
    interview = answers["GET /interview"]
    assert "shorten the query" in interview
    assert '<a href="./">Go to the start page</a>' in interview
    assert '<a href="../">Go to the start page</a>' in answers["GET /trees/2.0.0"]
    assert 1 == interview.count("Content-Security-Policy: ")
    assert "style-src 'self'" in interview
    assert "<b>" not in interview


def test_without_pages_a_long_link_gets_json(start_server: StartServer) -> None:
    """As every other path does."""
    raw = f"GET /interview?{'a' * 9000} HTTP/1.1\r\n\r\n".encode()

    assert b"application/problem+json" in send(start_server(PAGES="false"), raw)


def test_a_logged_refusal_has_the_id_of_its_answer(start_server: StartServer) -> None:
    """A caller who gives the id of the answer is found in the log."""
    server = start_server()
    [given] = re.findall(rb"X-Request-ID: (\w+)", send(server, RAW["header"]))
    server.stop()
    [line] = [json.loads(line) for line in server.log.read_text().splitlines() if "refused" in line]

    assert (line["level"], line["message"], line["request_id"]) == (
        "WARNING",
        "refused: header",
        given.decode(),
    )


def timeouts(server: Server) -> dict[str, float]:
    return {reason: count for reason, count in counts(server).items() if "timeout" in reason}


IMPATIENT = """
from finetune_advisor.server.gunicorn_application import GunicornApplication
from finetune_advisor.server import connection_worker, gunicorn_config
connection_worker.READ_SECONDS = connection_worker.ANSWER_SECONDS = 1
gunicorn_config.worker_connections, gunicorn_config.threads = 8, 4
GunicornApplication().run()
"""


def test_what_takes_too_long_and_what_has_to_wait_is_counted(tmp_path: Path) -> None:
    """A head that doesn't come, an answer that nobody reads, and connections beyond those that are held."""
    command = [sys.executable, "-c", IMPATIENT]
    server = start(tmp_path / "log", command)
    try:
        with ExitStack() as stack:
            address = server.host, server.port
            half = stack.enter_context(socket.create_connection(address))
            half.sendall(b"GET /tree HTTP/1.1\r\n")
            deaf = stack.enter_context(socket.socket())
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.connect(address)
            deaf.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n" * 200)
            deadline = time.monotonic() + 60
            while len(ended := timeouts(server)) < 2 and time.monotonic() < deadline:
                time.sleep(0.2)
            for _ in range(12):
                stack.enter_context(socket.create_connection(address))
            time.sleep(2)
        counted = counts(server)
    finally:
        server.stop()

    assert ended == {"request_timeout": 1, "answer_timeout": 1}
    assert counted["connection_limit"] >= 1


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


def test_a_flood_is_a_line_a_minute(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The first, then how many more in each minute; after a quiet minute the next is the first again."""
    clock, counted = Clock(), Counter[str]()
    monkeypatch.setattr(refused_requests, "time", clock)
    caplog.set_level(logging.WARNING)  # an application of another test may have raised it
    log = RefusalLog(lambda reason, times: counted.update({reason: times}), logging.getLogger("test"))
    for _ in range(3):
        for _ in range(100):
            log.record("header")
        log.log_summaries()
        clock.now += 61
        log.log_summaries()
    clock.now += 61
    log.log_summaries()
    log.record("header")
    log.record("method", "id")
    log.record("method")
    log.log_summaries(finally_=True)

    assert +counted == {"header": 301, "method": 2}
    assert caplog.messages == [
        "refused: header",
        "refused: header, 99 more within 60 seconds",
        "refused: header, 100 more within 60 seconds",
        "refused: header, 100 more within 60 seconds",
        "refused: header",
        "refused: method",
        "refused: method, 1 more within 60 seconds",
    ]


def problem_of(server: Server, raw: bytes) -> dict[str, Any]:
    with socket.create_connection((server.host, server.port), timeout=20) as client:
        client.sendall(raw)
        response = HTTPResponse(client)
        response.begin()
        problem: dict[str, Any] = json.loads(response.read())
    return problem


@pytest.mark.parametrize(("raw", "header"), FAULTS.values(), ids=FAULTS)
def test_a_problem_with_a_header_names_it(server: Server, raw: bytes, header: str) -> None:
    """In its errors, as others name a place in the body or a parameter, wherever it is refused."""
    answer = problem_of(server, raw)

    assert [{"header": header, "detail": answer["errors"][0]["detail"]}] == answer["errors"]


def test_a_transfer_coding_without_chunks_is_counted_as_one(start_server: StartServer) -> None:
    """gunicorn's parser calls it an invalid header; it is counted under `transfer_coding`."""
    server = start_server()
    send(server, FAULTS["gzip"][0])

    assert {"transfer_coding": 1} == counts(server)


@pytest.mark.parametrize(
    ("target", "part"),
    [
        (b"/" + b"a" * 9000, "path"),
        (b"/" + b"a" * 9000 + b"?b", "path"),
        (b"/a?" + b"b" * 9000, "query"),
    ],
)
def test_a_long_request_line_says_which_part_is_long(server: Server, target: bytes, part: str) -> None:
    """The path, or the query."""
    answer = problem_of(server, b"GET " + target + b" HTTP/1.1\r\n\r\n")

    assert f"the request line is longer than 8190 bytes; shorten the {part}" == answer["detail"]
