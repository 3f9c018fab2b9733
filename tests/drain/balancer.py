"""HAProxy before two places for instances. It never sends a request twice, so each failure shows."""

from __future__ import annotations

import csv
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import free_port, tool

# An address of their own: no outgoing connection takes an instance's port while it is stopped.
HOST = "127.0.0.2"
CONFIGURATION = """
global
    maxconn 256
    stats socket {control} mode 600 level admin
defaults
    mode http
    timeout connect 5s
    timeout check 20s
    timeout client 30s
    timeout server 30s
    retries 0
    option {connections}
    http-reuse always
frontend api
    bind fd@{listener}
    default_backend advisor
backend advisor
    option httpchk
    http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host advisor
    default-server inter 500ms fall 1 rise 1 {check}
    server first {host}:{first}
    server second {host}:{second}
"""


class Balancer:
    """A running HAProxy, its address, and the port that it expects each instance on."""

    def __init__(self, control: Path, url: str, ports: dict[str, int]) -> None:
        self.control = control
        self.url = url
        self.ports = ports

    def remove(self, name: str) -> None:
        """Send an instance no new requests, as when an endpoint is gone."""
        self._ask(f"set server advisor/{name} state drain")

    def add(self, name: str) -> None:
        """Send an instance requests again."""
        self._ask(f"set server advisor/{name} state ready")

    def await_up(self, name: str) -> None:
        """Wait until the balancer takes an instance for one that wants requests."""
        deadline = time.monotonic() + 20
        while not self._status(name).startswith(("UP", "no check")):
            assert time.monotonic() < deadline, self._ask("show stat")
            time.sleep(0.05)

    def _status(self, name: str) -> str:
        rows = csv.DictReader(self._ask("show stat").removeprefix("# ").splitlines())
        return next(row["status"] for row in rows if row["svname"] == name)

    def _ask(self, command: str) -> str:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            connection.connect(str(self.control))
            connection.sendall(f"{command}\n".encode())
            return b"".join(iter(lambda: connection.recv(65536), b"")).decode()


@contextmanager
def running(*, checks: bool, keep_alive: bool) -> Iterator[Balancer]:
    """HAProxy with or without health checks on /readyz, over kept connections or one for each request."""
    haproxy = tool("haproxy")
    place = Path(tempfile.mkdtemp(prefix="balancer-"))  # short, as the path of a socket must be
    ports = {name: free_port() for name in ("first", "second")}
    with socket.create_server(("127.0.0.1", 0)) as listener:
        text = CONFIGURATION.format(
            control=place / "control",
            connections="http-keep-alive" if keep_alive else "http-server-close",
            host=HOST,
            listener=listener.fileno(),
            check="check" if checks else "",
            **ports,
        )
        (place / "haproxy.cfg").write_text(text)
        command = [haproxy, "-db", "-f", str(place / "haproxy.cfg")]
        process = subprocess.Popen(command, pass_fds=[listener.fileno()], stderr=subprocess.DEVNULL)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        yield Balancer(place / "control", url, ports)
    finally:
        process.kill()
        process.wait(20)
        shutil.rmtree(place)
