"""The container's health check, against real servers."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from tests.conftest import Server


def check(**settings: str) -> subprocess.CompletedProcess[str]:
    """Run it with settings such as PORT="8080"."""
    environment = os.environ | {f"FINETUNE_ADVISOR_{name}": value for name, value in settings.items()}
    command = [sys.executable, "-m", "finetune_advisor.server.healthcheck"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_an_instance_that_answers_is_well(server: Server, host: str) -> None:
    """An instance is asked by the address it listens on, by loopback if that is every one."""
    run = check(HOST=host, PORT=str(server.port))
    assert (0, "") == (run.returncode, run.stderr)


def test_the_metrics_port_is_asked_where_there_is_one(server: Server) -> None:
    """Where /healthz has moved, the public port doesn't count."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    run = check(PORT=str(server.port), METRICS_PORT=port)
    assert (1, f"127.0.0.1:{port} doesn't answer: [Errno 111] Connection refused\n") == (
        run.returncode,
        run.stderr,
    )


def test_another_service_is_not_well() -> None:
    """A server that doesn't speak HTTP is told from one that does."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        run = check(PORT=str(silent.getsockname()[1]))
    assert 1 == run.returncode
    assert "doesn't answer: timed out" in run.stderr


def test_a_wrong_setting_is_named() -> None:
    """The settings are those of the service, and as strict."""
    run = check(PORT="http")
    assert 1 == run.returncode
    assert run.stderr.startswith("FINETUNE_ADVISOR_PORT: Not a valid integer.")


def test_it_loads_no_trees() -> None:
    """It runs every half minute in each container, and would take half as much time again."""
    code = "import finetune_advisor.server.healthcheck, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert not {"finetune_advisor.trees", "flask", "yaml"} & set(loaded.stdout.split())
