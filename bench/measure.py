"""Measurements of servers that run side by side: throughput in rounds, batches, and latency under load."""

from __future__ import annotations

import os
import statistics
import timeit
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import orjson

from bench.contestants import OWN, STRAIGHT, Contestant, encoded
from bench.desk import MEASURED, SEED, Desk, request
from bench.load import Generator, Load
from bench.servers import Server, cores
from bench.spread import Spread, spread

SIZES = (1, 10, 100, 1000, 10_000)
BATCH = 1000
NEW_BATCHES = 30
PEER_SIZES = (100, 1000)
BATCH_CONNECTIONS = 2
SHARES = tuple(share / 100 for share in range(10, 100, 10))
BUSY = 0.7
UNKNOWN = "none of them known"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Running:
    """A contestant with its server and its requests."""

    contestant: Contestant
    server: Server
    targets: Path


@dataclass
class Bench:
    """What measurements share, and what they had to leave out, with the reasons."""

    desk: Desk
    generator: Generator
    rounds: int
    seconds: float
    say: Say
    skipped: dict[str, str] = field(default_factory=dict)

    def skip(self, what: str, why: str) -> None:
        self.skipped[what] = why
        self.say(f"skipped {what}: {why}")


@dataclass(frozen=True)
class Throughput:
    """One contestant's rounds; `cpu` is the server's CPU time for a request, in microseconds."""

    rates: list[float]
    cpu: list[float]
    p50: list[float]
    p99: list[float]


def differing(own: Server, plain: Server, desk: Desk, count: int = 50) -> str:
    """Whether the straightforward version's whole answers differ from this service's."""
    for profile in desk.profiles[:count]:
        body = encoded(request(profile))
        answers = [orjson.loads(one.ask("POST", "/assess", body)[1]) for one in (own, plain)]
        if answers[0] != answers[1]:
            fields = [name for name in answers[0] if answers[0][name] != answers[1].get(name)]
            return f"{STRAIGHT.name} and {OWN.name} differ in {', '.join(fields) or 'a field that one lacks'}"
    return ""


def throughput(bench: Bench, running: Sequence[Running]) -> dict[str, Throughput]:
    """As many answers as each gives, one after the other in each round."""
    for one in running:
        bench.say(f"warming up {one.contestant.name}")
        bench.generator.flood(one.targets, max(1.0, bench.seconds / 2) * one.contestant.warm_up)
    found = {one.contestant.name: Throughput([], [], [], []) for one in running}
    for number in range(bench.rounds):
        bench.say(f"round {number + 1} of {bench.rounds}")
        for one in running:
            before = one.server.cpu_seconds
            load = bench.generator.flood(one.targets, bench.seconds)
            used = one.server.cpu_seconds - before
            _require_success(bench, one.contestant.name, load)
            here = found[one.contestant.name]
            here.rates.append(load.rate)
            here.cpu.append(used / load.count * 1e6)
            here.p50.append(load.p50)
            here.p99.append(load.p99)
    return found


def _require_success(bench: Bench, name: str, load: Load) -> None:
    if load.success < 1:
        why = f"{load.success:.2%} of the answers succeeded: {' '.join(load.errors)[:200]}"
        bench.skip(f"some answers of {name}", why)


@dataclass(frozen=True)
class Batches:
    """By contestant and size, round by round: decisions a second, and those for a second of CPU time.

    `new` are this service's on kinds of profiles whose texts it doesn't know, a thousand a request.
    And the seconds that orjson takes for one batch, right after those of this service.
    """

    decisions: Mapping[str, Mapping[int, list[float]]]
    by_cpu: Mapping[str, Mapping[int, list[float]]]
    new: Mapping[str, list[float]]
    orjson_seconds: list[float]


def batches(bench: Bench, running: Sequence[Running]) -> Batches:
    """Many profiles in one request: this service by size, and each peer that takes them."""
    asked: list[tuple[Running, int, Path]] = []
    for one in running:
        if one.contestant.kind in ("own", "peer") and one.contestant.many:
            asked.extend(_batch_targets(bench, one))
    decisions: dict[str, dict[int, list[float]]] = {}
    by_cpu: dict[str, dict[int, list[float]]] = {}
    alone: list[float] = []
    own = next(one for one in running if one.contestant is OWN)
    unknown = {
        UNKNOWN: _new_targets(bench, own),
        f"{UNKNOWN}, half of the inputs of {MEASURED}": _partial_targets(bench, own),
    }
    new: dict[str, list[float]] = {what: [] for what in unknown}
    for number in range(bench.rounds):
        bench.say(f"batches, round {number + 1} of {bench.rounds}")
        for one, size, targets in asked:
            name = one.contestant.name
            before = one.server.cpu_seconds
            load = bench.generator.flood(targets, bench.seconds / 2, BATCH_CONNECTIONS)
            used = max(one.server.cpu_seconds - before, 0.01)
            _require_success(bench, f"{name} at batches of {size}", load)
            decisions.setdefault(name, {}).setdefault(size, []).append(load.rate * size)
            by_cpu.setdefault(name, {}).setdefault(size, []).append(load.count * size / used)
            if one.contestant is OWN and size == BATCH:
                alone.append(orjson_seconds(one, bench.desk, BATCH))
        for what, targets in unknown.items():
            load = bench.generator.flood(targets, bench.seconds, BATCH_CONNECTIONS)
            _require_success(bench, f"profiles, {what}", load)
            new[what].append(load.rate * BATCH)
    return Batches(decisions, by_cpu, new, alone)


def _new_targets(bench: Bench, own: Running) -> Path:
    """Batches of profiles that no other spells alike, far more than are kept: names in any order."""
    assert own.contestant.many
    random = Random(SEED)
    bodies = []
    for number in range(NEW_BATCHES):
        profiles = [
            {name: profile[name] for name in random.sample(sorted(profile), len(profile))}
            for profile in bench.desk.batch(BATCH, number)
        ]
        bodies.append(encoded(own.contestant.many.body(profiles)))
    return bench.generator.targets("new", own.server.url(own.contestant.many.path), bodies)


def _partial_targets(bench: Bench, own: Running) -> Path:
    """Batches of profiles that leave questions open, no two alike."""
    assert own.contestant.many
    bodies = [
        encoded({"profiles": bench.desk.partial(BATCH, number), "tree_version": MEASURED})
        for number in range(NEW_BATCHES)
    ]
    return bench.generator.targets("partial", own.server.url(own.contestant.many.path), bodies)


def _batch_targets(bench: Bench, one: Running) -> Iterator[tuple[Running, int, Path]]:
    contestant, server = one.contestant, one.server
    for size in SIZES if contestant is OWN else PEER_SIZES:
        wrong = contestant.check_batch(server, bench.desk, size)
        if wrong:
            bench.skip(f"{contestant.name} at batches of {size:,}", wrong)
            continue
        assert contestant.many
        count = min(100, max(2, 20_000 // size))
        asked = [contestant.many.body(bench.desk.batch(size, number)) for number in range(count)]
        name = f"{contestant.name}-{size}"
        targets = bench.generator.targets(
            name, server.url(contestant.many.path), list(map(encoded, asked))
        )
        bench.generator.flood(targets, 1.0 * contestant.warm_up, BATCH_CONNECTIONS)
        yield one, size, targets


def orjson_seconds(own: Running, desk: Desk, size: int) -> float:
    """What orjson alone needs, on the server's core, to read the request and write the answer."""
    question = own.contestant.many if size > 1 else own.contestant.one
    assert question
    asked = encoded(question.body(desk.batch(size) if size > 1 else desk.profiles[0]))
    answer = orjson.loads(own.server.ask("POST", question.path, asked)[1])

    def both() -> None:
        orjson.loads(asked)
        orjson.dumps(answer)

    with on_server_core():
        repeats = max(10, 20_000 // size)
        return statistics.median(timeit.repeat(both, number=repeats, repeat=5)) / repeats


@contextmanager
def on_server_core() -> Iterator[None]:
    """The benchmark itself on the core that servers are measured on."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores()[0])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@dataclass(frozen=True)
class Latency:
    """Latencies in milliseconds at a share of the peak; the ratio is p99 to p50 of the same round."""

    share: float
    offered: Spread
    p50: Spread
    p99: Spread
    ratio: Spread


def latency(bench: Bench, one: Running, shares: Sequence[float] = SHARES) -> list[Latency]:
    """Latency against load at fixed rates; at 70 % of the peak in every round, at the others in two.

    The peak is measured anew right before each: 70 % of that of one second may be too much in the next.
    """
    found: dict[float, list[tuple[float, Load]]] = {share: [] for share in shares}
    for number in range(bench.rounds):
        bench.say(f"latency of {one.contestant.name}, round {number + 1} of {bench.rounds}")
        for share in shares if number < 2 else (BUSY,):
            offered = share * bench.generator.flood(one.targets, bench.seconds).rate
            load = bench.generator.pace(one.targets, bench.seconds, offered)
            _require_success(bench, f"{one.contestant.name} at {share:.0%} of its peak", load)
            found[share].append((offered, load))
    return [
        Latency(
            share=share,
            offered=spread([offered for offered, _ in rounds]),
            p50=spread([load.p50 for _, load in rounds]),
            p99=spread([load.p99 for _, load in rounds]),
            ratio=spread([load.p99 / load.p50 for _, load in rounds]),
        )
        for share, rounds in found.items()
    ]
