"""How long POST /assess/explain takes in a real server: `python bench/explain.py [REQUESTS]`.

Sends random profiles of the default tree, complete and partial, one after the other over one connection,
and reads what the server measured: the `finetune_advisor_http_request_duration_seconds` of the route.
GET /healthz in the same run is the floor. Prints milliseconds; a quantile is the upper end of its
histogram bucket, so the true value is at most that.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection
from random import Random

BUCKET = re.compile(r'duration_seconds_bucket\{le="([^"]+)",method="(\w+)",route="([^"]+)"\} (\S+)')
MEAN = re.compile(r'duration_seconds_(sum|count)\{method="(\w+)",route="([^"]+)"\} (\S+)')


def main(count: int) -> None:
    """Serve, ask, report, stop."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "FINETUNE_ADVISOR_PORT": str(port),
        "FINETUNE_ADVISOR_LOG_LEVEL": "error",
    }
    command = [sys.executable, "-m", "finetune_advisor.cli", "serve"]
    server = subprocess.Popen(command, env=environment)  # this project's own command
    try:
        connection = _connected(port)
        names = list(json.loads(_ask(connection, "GET", "/tree"))["inputs"])
        latencies = _explain(connection, names, count)
        for _ in range(count):
            _ask(connection, "GET", "/healthz")
        _report(_ask(connection, "GET", "/metrics").decode(), latencies)
    finally:
        server.terminate()
        server.wait(20)


def _connected(port: int) -> HTTPConnection:
    for _ in range(200):
        try:
            connection = HTTPConnection("127.0.0.1", port, timeout=10)
            connection.connect()
        except OSError:
            time.sleep(0.05)
        else:
            return connection
    raise SystemExit("the server didn't start")


def _ask(connection: HTTPConnection, method: str, path: str, body: object = None) -> bytes:
    headers = {"Content-Type": "application/json"} if body is not None else {}
    connection.request(method, path, json.dumps(body) if body is not None else None, headers)
    answer = connection.getresponse()
    content = answer.read()
    if answer.status != 200:
        raise SystemExit(f"{path}: {answer.status} {content[:200]!r}")
    return content


def _explain(connection: HTTPConnection, names: list[str], count: int) -> list[float]:
    """The latencies that the client sees, in seconds."""
    random = Random(20261122)  # the same profiles in every run
    latencies = []
    for number in range(count):
        share = 1 if number % 2 else random.random()
        profile = {name: random.random() < 0.5 for name in names if random.random() < share}
        began = time.perf_counter()
        _ask(connection, "POST", "/assess/explain", {"profile": profile})
        latencies.append(time.perf_counter() - began)
    return sorted(latencies)


def _report(metrics: str, latencies: list[float]) -> None:
    for route in ("/assess/explain", "/healthz"):
        buckets = [
            (float(le), float(n)) for le, _, where, n in BUCKET.findall(metrics) if where == route
        ]
        facts = {kind: float(value) for kind, _, where, value in MEAN.findall(metrics) if where == route}
        quantiles = {
            q: next(le for le, n in buckets if n >= q * facts["count"]) * 1000 for q in (0.5, 0.99)
        }
        mean = facts["sum"] / facts["count"] * 1000
        limits = f"p50<={quantiles[0.5]:g} p99<={quantiles[0.99]:g} ms, in the server"
        print(f"{route}: n={facts['count']:.0f} mean={mean:.3f} {limits}")
    for q in (0.5, 0.99):
        print(
            f"/assess/explain at the client: p{q * 100:g}={latencies[int(q * len(latencies))] * 1000:.3f} ms"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 4000)
