"""What the shadow tree costs: a server with one beside a server without, at the same requests."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection
from itertools import cycle
from pathlib import Path

from bench.contestants import OWN, encoded
from bench.desk import Desk
from bench.load import CONNECTIONS
from bench.measure import BATCH, BATCH_CONNECTIONS, Bench
from bench.servers import Server
from bench.spread import Spread, ratios

VERSION = "3.0.0"
SHADOWED = replace(
    OWN,
    name="with a shadow tree",
    environment={**OWN.environment, "FINETUNE_ADVISOR_SHADOW_TREE_VERSION": VERSION},
)
PLAIN = replace(OWN, name="without a shadow tree")
MAX_ROUNDS = 9
PAIRS = 2_000
"""Requests to each server in a round, by turns, whose latencies are compared."""
COUNTER = re.compile(r"^finetune_advisor_(assessments|shadow_assessments)_total\{.*\} (\S+)$", re.M)


@dataclass
class Side:
    """The rounds of one of the two servers: answers a second, CPU seconds of an answer, and latencies."""

    server: Server
    targets: Path
    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class ShadowCost:
    """Ratios of the server with a shadow tree to the one without, round by round.

    `repeated` is the share of the assessments that the shadow tree repeated; it dropped the others.
    """

    tree: str
    size: int
    rate: Spread
    cpu: Spread
    p50: Spread | None
    p99: Spread | None
    repeated: float


def costs(bench: Bench, second: Desk) -> list[ShadowCost]:
    """The costs for single profiles and for batches, of both trees that are measured."""
    with PLAIN.serving(bench.desk) as plain, SHADOWED.serving(bench.desk) as shadowed:
        return [
            _cost(bench, desk, size, plain, shadowed)
            for desk in (bench.desk, second)
            for size in (1, BATCH)
        ]


def _cost(bench: Bench, desk: Desk, size: int, plain: Server, shadowed: Server) -> ShadowCost:
    bodies = [*_bodies(desk, size)]
    path = "/assess" if size == 1 else "/assess/batch"
    without, with_shadow = (
        Side(server, bench.generator.targets(f"shadow-{number}", server.url(path), bodies))
        for number, server in enumerate((plain, shadowed))
    )
    sides = [without, with_shadow]
    connections = CONNECTIONS if size == 1 else BATCH_CONNECTIONS
    for side in sides:
        bench.generator.flood(side.targets, 1.0, connections)
    before = _counts(shadowed)
    for number in range(min(bench.rounds, MAX_ROUNDS)):
        bench.say(f"shadow tree, {size} of {desk.version}, round {number + 1}")
        # The first server may run on a quieter machine, so the order alternates.
        for side in sides[:: 1 if number % 2 else -1]:
            _measure_rate(bench, side, connections)
        if size == 1:
            _measure_latencies(sides, path, bodies)
    made, repeated = (now - then for now, then in zip(_counts(shadowed), before, strict=True))
    return _compare(desk.version, size, without, with_shadow, repeated / made)


def _compare(tree: str, size: int, plain: Side, shadowed: Side, repeated: float) -> ShadowCost:
    return ShadowCost(
        tree=tree,
        size=size,
        rate=ratios(shadowed.rates, plain.rates),
        cpu=ratios(shadowed.cpu, plain.cpu),
        p50=ratios(shadowed.p50, plain.p50) if plain.p50 else None,
        p99=ratios(shadowed.p99, plain.p99) if plain.p99 else None,
        repeated=repeated,
    )


def _bodies(desk: Desk, size: int) -> Iterator[bytes]:
    """Requests of so many profiles each, which the servers have never seen."""
    if size == 1:
        yield from OWN.bodies(desk)
        return
    assert OWN.many
    for start in range(0, len(desk.profiles), size):
        yield encoded(OWN.many.body(desk.version, desk.profiles[start : start + size]))


def _measure_rate(bench: Bench, side: Side, connections: int) -> None:
    before = side.server.cpu_seconds
    load = bench.generator.flood(side.targets, bench.seconds / 2, connections)
    side.rates.append(load.rate)
    side.cpu.append((side.server.cpu_seconds - before) / load.count)


def _measure_latencies(sides: Sequence[Side], path: str, bodies: Sequence[bytes]) -> None:
    """Send the same requests to both servers by turns, so that other work delays both alike."""
    connections = [HTTPConnection("127.0.0.1", side.server.port, timeout=60) for side in sides]
    taken: list[list[float]] = [[], []]
    for number, body in zip(range(PAIRS), cycle(bodies), strict=False):
        for index in (0, 1) if number % 2 else (1, 0):
            began = time.perf_counter()
            connections[index].request("POST", path, body, {"Content-Type": "application/json"})
            connections[index].getresponse().read()
            taken[index].append(time.perf_counter() - began)
    for side, connection, seconds in zip(sides, connections, taken, strict=True):
        connection.close()
        percentiles = statistics.quantiles(seconds, n=100)
        side.p50.append(percentiles[49])
        side.p99.append(percentiles[98])


def _counts(server: Server) -> tuple[float, float]:
    """The assessments that a server has made, and those that its shadow tree has repeated."""
    time.sleep(1)  # the shadow tree repeats what is pending
    totals: Mapping[str, list[float]] = {"assessments": [], "shadow_assessments": []}
    for name, value in COUNTER.findall(server.ask("GET", "/metrics")[1].decode()):
        totals[name].append(float(value))
    return sum(totals["assessments"]), sum(totals["shadow_assessments"])
