"""The command as a process of its own: over standard input and output, and over HTTP on a real socket."""

from __future__ import annotations

import json
import logging
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
import requests
from mcp import Client, StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

from finetune_advisor.agents import transports
from finetune_advisor.agents.server import build_server
from finetune_advisor.agents.transports import MAX_REQUEST_BYTES, is_loopback
from finetune_advisor.trees.catalog import load_catalog

PROGRAM = str(Path(sys.executable).parent / "finetune-advisor")
MAX_LIST_BYTES = 12_000
SECRET = "a-secret-answer"
CALL = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {"name": "assess", "arguments": {"profile": {"prompt_result": SECRET}}},
}
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
HEADERS = {"Accept": "application/json, text/event-stream"}


async def interview(client: Client) -> list[Any]:
    """A call that asks, one that decides, and one that is wrong."""
    profiles = (
        {},
        {"prompt_engineering_sufficient": True},
        {"prompt_engineering_sufficient": "perhaps"},
    )
    return [await client.call_tool("assess", {"profile": profile}) for profile in profiles]


def check(results: list[Any]) -> None:
    asked, decided, wrong = results
    assert "prompt_engineering_sufficient" == asked.structured_content["next_question"]["input"]
    assert "use_prompt_engineering" == decided.structured_content["recommendation"]["id"]
    assert wrong.is_error
    assert "not a boolean; give true or false" in wrong.content[0].text


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_the_sdks_client_talks_to_the_process(mode: str) -> None:
    """In both eras of the protocol."""

    async def run() -> list[Any]:
        transport = stdio_client(StdioServerParameters(command=PROGRAM, args=["mcp"]))
        async with Client(transport, mode=mode) as client:
            return await interview(client)

    check(anyio.run(run))


def talk(*messages: Any, default: str = "1.0.0") -> tuple[list[bytes], str]:
    """What the process writes to standard output and standard error for lines of its standard input."""
    lines = "".join(f"{json.dumps(message)}\n" for message in messages)
    with subprocess.Popen(
        [PROGRAM, "mcp"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"FINETUNE_ADVISOR_DEFAULT_TREE_VERSION": default},
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(lines.encode())
        process.stdin.flush()
        # Requests that are open when the input ends may stay without an answer.
        answers = [process.stdout.readline() for message in messages if "id" in message]
        rest, errors = process.communicate(timeout=30)
    assert b"" == rest
    assert 0 == process.returncode
    return answers, errors.decode()


@pytest.mark.parametrize("default", ["1.0.0", "3.0.0"])
def test_standard_output_is_only_the_protocol(default: str) -> None:
    """A line for each request, the tools in under 12 KB as sent, and no answer of a profile in the log."""
    wrong = {**CALL, "id": 2, "params": {"name": "assess", "arguments": [SECRET]}}
    listed = {"jsonrpc": "2.0", "id": 3, "method": "tools/list"}
    malformed = {"jsonrpc": "2.0", "id": 4, "method": "tools/call", "params": {"name": [SECRET]}}
    lines, errors = talk(INITIALIZE, CALL, wrong, listed, malformed, default=default)
    answers = {answer["id"]: (answer, line) for line in lines if (answer := json.loads(line))}

    assert {0, 1, 2, 3, 4} == answers.keys()
    assert answers[1][0]["result"]["isError"]
    assert answers[2][0]["result"]["isError"]
    assert "the arguments: not an object" in answers[2][0]["result"]["content"][0]["text"]
    assert len(answers[3][1]) < MAX_LIST_BYTES
    assert "" == errors


@pytest.mark.parametrize(
    ("logger", "level", "is_heard"),
    [
        ("mcp.server.runner", logging.CRITICAL, False),  # its tracebacks have what was sent
        ("mcp.server.transport_security", logging.WARNING, True),  # it names a refused host
    ],
)
def test_the_sdks_loggers_say_only_which_hosts_are_refused(
    monkeypatch: pytest.MonkeyPatch, logger: str, level: int, is_heard: bool
) -> None:
    """A fault of the SDK must not bring a profile into a log."""
    for name in ("mcp", "mcp.server.transport_security"):
        monkeypatch.setattr(logging.getLogger(name), "level", logging.NOTSET)
    monkeypatch.setattr(transports.anyio, "run", lambda *_: None)
    monkeypatch.setattr(transports.signal, "signal", lambda *_: None)
    transports.serve_stdio(build_server(load_catalog()))

    assert is_heard == logging.getLogger(logger).isEnabledFor(level)


@contextmanager
def serving(*options: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The URL of a process that serves HTTP, and the process."""
    command = [PROGRAM, "mcp", "--http", "--port", "0", *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        [url] = re.findall(r"^Listening on (http://\S+/mcp)$", process.stderr.readline())
        yield url, process
        process.send_signal(signal.SIGTERM)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving() as (url, _):
        yield url


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_the_sdks_client_talks_to_the_server(url: str, mode: str) -> None:
    """Over HTTP, in both eras of the protocol."""

    async def run() -> list[Any]:
        async with Client(streamable_http_client(url), mode=mode) as client:
            return await interview(client)

    check(anyio.run(run))


@pytest.mark.parametrize(
    ("code", "headers"),
    [
        (200, {}),
        (200, {"Origin": "http://localhost:6274"}),
        (421, {"Host": "evil.example"}),
        (421, {"Host": "127.0.0.1.evil.example"}),
        (403, {"Origin": "https://evil.example"}),
        (400, {"Content-Type": "text/plain"}),
    ],
)
def test_a_page_elsewhere_reaches_nothing(url: str, code: int, headers: dict[str, str]) -> None:
    """By another name in Host or Origin (DNS rebinding), or with a body that needs no preflight request."""
    answer = requests.post(url, json=CALL, headers=HEADERS | headers, timeout=30)
    assert code == answer.status_code


def test_requests_are_bounded(url: str) -> None:
    """Large and deeply nested bodies are refused, and only POST is answered."""
    large = requests.post(url, data=b" " * (MAX_REQUEST_BYTES + 1), headers=HEADERS, timeout=30)
    deep = json.dumps({**CALL, "params": {"x": 0}}).replace("0}", "[" * 50_000 + "]" * 50_000 + "}")
    nested = requests.post(
        url, data=deep, headers=HEADERS | {"Content-Type": "application/json"}, timeout=30
    )
    assert (413, 400) == (large.status_code, nested.status_code)
    assert 405 == requests.get(url, headers=HEADERS, timeout=30).status_code


def test_a_named_host_is_allowed_and_the_log_has_no_answers() -> None:
    """As behind a proxy that keeps the name. Refused names are logged, answers of profiles aren't."""
    with serving("--allowed-host", "advisor.example.com") as (url, process):
        for host, code in (("advisor.example.com", 200), ("evil.example", 421)):
            answer = requests.post(url, json=CALL, headers=HEADERS | {"Host": host}, timeout=30)
            assert code == answer.status_code
        process.send_signal(signal.SIGTERM)
        assert process.stderr
        assert "Invalid Host header: evil.example\n" == process.stderr.read()


def test_a_taken_port_is_one_line() -> None:
    """It says which address can't be listened on, and why."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [PROGRAM, "mcp", "--http", "--port", port], capture_output=True, text=True, timeout=60
        )
    assert 1 == done.returncode
    assert done.stderr.startswith(
        f"Error: can't listen on 127.0.0.1, port {port}: Address already in use"
    )
    assert 1 == len(done.stderr.splitlines())


@pytest.mark.parametrize(
    ("host", "is_local"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("example.com", False),
    ],
)
def test_loopback_is_what_only_this_machine_reaches(host: str, is_local: bool) -> None:
    """Other addresses need a name that clients use."""
    assert is_local == is_loopback(host)
