"""How long POST /assess/explain takes in a real server.

`python bench/explain.py [--tree-version VERSION] [REQUESTS]`

Sends random profiles of the default tree, or of `--tree-version`, complete and partial, one after the
other over one connection, and reads what the server measured: the
`finetune_advisor_http_request_duration_seconds` of the route. Numbers are drawn within their range, as
often from each span between two thresholds of the tree. The server takes its settings from the environment;
`FINETUNE_ADVISOR_TREES_DIR` adds own trees.
GET /healthz in the same run is the floor. Prints milliseconds; a quantile is the upper end of its
histogram bucket, so the true value is at most that.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection
from itertools import pairwise
from random import Random
from typing import Any

BUCKET = re.compile(r'duration_seconds_bucket\{le="([^"]+)",method="(\w+)",route="([^"]+)"\} (\S+)')
MEAN = re.compile(r'duration_seconds_(sum|count)\{method="(\w+)",route="([^"]+)"\} (\S+)')


THRESHOLDS = ("gt", "gte", "lt", "lte")


def main(count: int, version: str | None) -> None:
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
        path = f"/tree/versions/{version}" if version else "/tree"
        latencies = _explain(connection, json.loads(_ask(connection, "GET", path)), count)
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


def _explain(connection: HTTPConnection, tree: dict[str, Any], count: int) -> list[float]:
    """The latencies that the client sees, in seconds."""
    random = Random(20261122)  # the same profiles in every run
    spans = {name: _spans(tree, name) for name in tree["inputs"]}
    latencies = []
    for number in range(count):
        share = 1 if number % 2 else random.random()
        profile = {
            name: _drawn(random, one, spans[name])
            for name, one in tree["inputs"].items()
            if random.random() < share
        }
        request = {"profile": profile, "tree_version": tree["version"]}
        began = time.perf_counter()
        _ask(connection, "POST", "/assess/explain", request)
        latencies.append(time.perf_counter() - began)
    return sorted(latencies)


def _spans(tree: dict[str, Any], name: str) -> list[tuple[float, float]]:
    """The parts into which thresholds cut a number's range; where it has no end, one is made up."""
    asked = [question for question in tree["questions"].values() if question["input"] == name]
    ends = [
        branch[test] for q in asked for branch in q["branches"] for test in THRESHOLDS if test in branch
    ]
    one = tree["inputs"][name]
    lowest = one.get("minimum", min([0, *ends]) - 1)
    highest = one.get("maximum", max([0, *ends]) * 2 + 1)
    return list(pairwise(sorted({lowest, highest, *ends})))


def _drawn(random: Random, one: dict[str, Any], spans: list[tuple[float, float]]) -> Any:
    """A value that an input can take."""
    if one["type"] == "boolean":
        return random.random() < 0.5
    if one["type"] == "enum":
        return random.choice(one["choices"])
    low, high = random.choice(spans)
    return random.randint(int(low), int(high)) if one["type"] == "integer" else random.uniform(low, high)


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
    parser = argparse.ArgumentParser(description="How long POST /assess/explain takes in a real server.")
    parser.add_argument("requests", nargs="?", type=int, default=4000)
    parser.add_argument("--tree-version", help="left out, the default version")
    options = parser.parse_args()
    main(options.requests, options.tree_version)
