"""The server's shape: worker classes and threads side by side, `python -m bench.shapes`.

For each shape of the server, with this project's other settings: answers a second from 16 connections, the
latency at 70 % of that, how long GET /healthz waits behind connections that say nothing, and how many of the
requests that a stop interrupts are answered all the same. Prints a table in Markdown.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import tools
from bench.contestants import encoded
from bench.desk import Desk, request
from bench.load import Generator
from bench.servers import Launch, Server, cores, free_port, serving
from bench.spread import Spread, figure, spread

SILENT = 64
INTERRUPTED = 8
PATIENCE = 30.0
GUNICORN = (
    sys.executable,
    "-m",
    "gunicorn",
    "-c",
    "python:finetune_advisor.server",
    "--graceful-timeout",
    "10",
    "finetune_advisor.app:create_app()",
)


@dataclass(frozen=True)
class Shape:
    """A worker class with what it is given, and what was measured."""

    name: str
    options: Sequence[str]
    threads: int = 1
    needs: Callable[[], Path] | None = None
    rates: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    answered: list[int] = field(default_factory=list)

    def environment(self) -> Mapping[str, str]:
        path = {"PYTHONPATH": str(self.needs())} if self.needs else {}
        return {"FINETUNE_ADVISOR_THREADS": str(self.threads), **path}


SHAPES = (
    Shape("gthread, 4 threads", ("--worker-class=gthread",), 4),
    Shape("gthread, 16 threads", ("--worker-class=gthread",), 16),
    Shape("32 threads, with this worker", (), 32),
    Shape("as shipped: 64 threads", (), 64),
    Shape("gevent", ("--worker-class=gevent", "--worker-connections=1000"), needs=tools.gevent),
)


def main() -> None:
    """Measure every shape in rounds, one after the other."""
    parser = argparse.ArgumentParser(description="The server's shape by numbers.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0)
    options = parser.parse_args()
    with TemporaryDirectory(prefix="finetune-advisor-shapes-") as place, ExitStack() as servers:
        desk = Desk(Path(place))
        generator = Generator(tools.vegeta(), Path(place), frozenset(cores()[1]))
        os.sched_setaffinity(0, cores()[1])
        bodies = [encoded(request(profile)) for profile in desk.profiles]
        running = [(one, servers.enter_context(_serving(one, desk.at))) for one in SHAPES]
        targets = {
            one.name: generator.targets(one.name, at.url("/assess"), bodies) for one, at in running
        }
        for number in range(options.rounds):
            print(f"round {number + 1} of {options.rounds}", file=sys.stderr, flush=True)
            for one, server in running:
                _load(one, generator, targets[one.name], options.seconds)
                one.waits.append(_behind_silence(server))
        servers.close()
        for one in SHAPES * options.rounds:
            with _serving(one, desk.at) as server:
                one.answered.append(_interrupted(server, bodies[0]))
    print(*_table(), sep="\n")


@contextmanager
def _serving(one: Shape, at: Path) -> Iterator[Server]:
    port = free_port()
    environment = {"FINETUNE_ADVISOR_PORT": str(port), **one.environment()}
    command = [*GUNICORN, *one.options]
    log = at / f"{port}.log"
    with serving(Launch(command, environment, port, "/healthz", log, frozenset(cores()[0]))) as server:
        yield server


def _load(one: Shape, generator: Generator, targets: Path, seconds: float) -> None:
    """As many answers as there are, and the latency at 70 % of that."""
    peak = generator.flood(targets, seconds)
    paced = generator.pace(targets, seconds, 0.7 * peak.rate)
    one.rates.append(peak.rate)
    one.p50.append(paced.p50)
    one.p99.append(paced.p99)


def _behind_silence(server: Server) -> float:
    """Seconds until a request is answered that comes after connections that say nothing, 60 at most."""
    silent = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(SILENT)]
    try:
        time.sleep(0.5)
        began = time.perf_counter()
        with suppress(TimeoutError):
            server.ask("GET", "/healthz")
        return time.perf_counter() - began
    finally:
        for one in silent:
            one.close()


def _interrupted(server: Server, body: bytes) -> int:
    """How many requests are answered of which half the body comes after SIGTERM."""
    fields = {"Host": "bench", "Content-Type": "application/json", "Content-Length": len(body)}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    sent = [socket.create_connection(("127.0.0.1", server.port), PATIENCE) for _ in range(INTERRUPTED)]
    for one in sent:
        one.sendall(f"POST /assess HTTP/1.1\r\n{head}\r\n".encode() + body[:10])
    time.sleep(0.5)
    os.kill(server.pid, signal.SIGTERM)
    time.sleep(0.5)
    return sum(_finished(one, body[10:]) for one in sent)


def _finished(connection: socket.socket, rest: bytes) -> bool:
    with connection:
        try:
            connection.sendall(rest)
            return connection.recv(1024).startswith(b"HTTP/1.1 200")
        except OSError:
            return False


def _table() -> Iterator[str]:
    columns = ("shape", "answers a second", "p50 at 70 %, ms", "p99 at 70 %, ms")
    yield f"| {' | '.join(columns)} | s behind {SILENT} silent | answered when stopped |"
    yield "|---|---|---|---|---|---|"
    for one in SHAPES:
        cells: list[Spread | str] = [*map(spread, (one.rates, one.p50, one.p99, one.waits))]
        cells.append(f"{figure(min(one.answered))} of {INTERRUPTED}")
        yield f"| {one.name} | {' | '.join(map(str, cells))} |"


if __name__ == "__main__":
    main()
