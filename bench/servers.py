"""Servers: started on a core and a free port, asked until they answer, and ended by their process id."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from bench.tools import ROOT, UnavailableError

PATIENCE = 60.0


@dataclass(frozen=True)
class Server:
    """A running server and how long it took from the start of its process to its first answer."""

    port: int
    pid: int
    start_seconds: float

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """The status and the body that it answers with."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            headers = {"Content-Type": "application/json"} if body is not None else {}
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    @property
    def cpu_seconds(self) -> float:
        """The CPU time that the server and its workers have used so far."""
        used = 0
        for pid in {self.pid, *self.workers}:
            facts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            used += int(facts[11]) + int(facts[12])
        return used / os.sysconf("SC_CLK_TCK")

    @property
    def workers(self) -> list[int]:
        """The processes that answer: the children of a server that forks, or the server itself."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [int(one) for one in children] or [self.pid]


def cores(workers: int = 1) -> tuple[set[int], set[int]]:
    """The cores of a server and those of the load generator: apart if there are enough, else all for both."""
    here = sorted(ALL_CORES)
    if len(here) <= workers:
        return set(here), set(here)
    return set(here[:workers]), {here[-1]}


ALL_CORES = os.sched_getaffinity(0)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@dataclass(frozen=True)
class Launch:
    """What is started, the port that it listens on, the path that says it is ready, its log and its cores."""

    command: Sequence[str]
    environment: Mapping[str, str]
    port: int
    health: str
    log: Path
    on: frozenset[int]


def environment() -> dict[str, str]:
    """The environment of whoever runs this, without this service's settings."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith("FINETUNE_ADVISOR_")
    }


@contextmanager
def serving(launch: Launch) -> Iterator[Server]:
    """The server until the block ends. Raises UnavailableError if it never answers."""
    began = time.perf_counter()
    with launch.log.open("wb") as out:
        process = subprocess.Popen(
            launch.command,
            cwd=ROOT,
            env={**environment(), **launch.environment},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            process_group=0,  # Ctrl-C reaches the benchmark, which then ends its servers
            preexec_fn=lambda: os.sched_setaffinity(0, launch.on),
        )
    try:
        _await(process, launch)
        yield Server(launch.port, process.pid, time.perf_counter() - began)
    finally:
        _end(process)


def _await(process: subprocess.Popen[bytes], launch: Launch) -> None:
    until = time.perf_counter() + PATIENCE
    while time.perf_counter() < until:
        connection = HTTPConnection("127.0.0.1", launch.port, timeout=5)
        try:
            connection.request("GET", launch.health)
            if connection.getresponse().status == 200:
                return
        except (OSError, HTTPException):
            if process.poll() is not None:
                break
        finally:
            connection.close()
        time.sleep(0.005)
    last = launch.log.read_text(errors="replace").strip().splitlines()[-1:]
    raise UnavailableError(f"the server didn't start: {' '.join(last)}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # its own group: workers that outlived it
