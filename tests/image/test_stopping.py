"""SIGTERM, as an orchestrator sends it to the container's process 1."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack
from functools import partial

import pytest

from tests.image.conftest import RunContainer

PORT = 8084
ADDRESS = ("127.0.0.1", PORT)
BODY = b'{"profile": {}}'
HEAD = (
    b"POST /assess HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(BODY)
)


def _rest(connection: socket.socket) -> bytes:
    """What comes until the other side is done."""
    with connection:
        return b"".join(iter(partial(connection.recv, 65536), b""))


@pytest.mark.parametrize("workers", ["1", "2"])
def test_requests_in_flight_are_finished(run_container: RunContainer, workers: str) -> None:
    """Eight requests whose bodies are still arriving are all answered, and it exits with 0."""
    running = run_container(PORT=str(PORT), WORKERS=workers)
    running.wait_until_ready(f"http://127.0.0.1:{PORT}")
    with ExitStack() as stack:
        connections = [
            stack.enter_context(socket.create_connection(ADDRESS, timeout=20)) for _ in range(8)
        ]
        for one in connections:
            one.sendall(HEAD + BODY[:5])
        time.sleep(0.5)
        running.terminate()
        time.sleep(1)
        for one in connections:
            one.sendall(BODY[5:])
        answers = [_rest(one) for one in connections]

    assert {b"HTTP/1.1 200 OK"} == {answer.split(b"\r\n", 1)[0] for answer in answers}
    assert 0 == running.process.wait(30)


def test_the_grace_period_ends(run_container: RunContainer) -> None:
    """A request that never comes to its end holds nothing up for longer than the setting says."""
    running = run_container(PORT=str(PORT), GRACEFUL_TIMEOUT="2")
    running.wait_until_ready(f"http://127.0.0.1:{PORT}")
    with socket.create_connection(ADDRESS, timeout=20) as connection:
        connection.sendall(HEAD + BODY[:5])
        time.sleep(0.5)
        running.terminate()
        assert 0 == running.process.wait(30)
