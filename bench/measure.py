"""Measurements of servers that run side by side: throughput in rounds, batches, and latency under load."""

from __future__ import annotations

import os
import statistics
import timeit
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from bench.contestants import OWN, STRAIGHT, Contestant, encoded, request
from bench.desk import PROFILES, SEED, Desk
from bench.load import Generator, Load
from bench.servers import Server, cores
from bench.spread import Spread, spread

SIZES = (1, 10, 100, 1000, 10_000)
BATCH = 1000
PEER_SIZES = (100, 1000)
BATCH_CONNECTIONS = 2
SHARES = tuple(share / 100 for share in range(10, 100, 10))
BUSY = 0.7
NEVER_SEEN, HALF_KNOWN, KNOWN = "complete, never seen", "half known, never seen", "complete, known"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Running:
    """A contestant with its server, what it works from, and its requests of one profile each."""

    contestant: Contestant
    server: Server
    desk: Desk
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
        body = encoded(request(desk.version, profile))
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


@dataclass
class Batches:
    """Many profiles a request, of one kind and tree, from one contestant.

    Round by round: decisions a second, those for a second of CPU time, and for some the seconds that orjson
    alone takes for a batch.
    """

    contestant: str
    tree: str
    kind: str
    size: int
    rates: list[float] = field(default_factory=list)
    by_cpu: list[float] = field(default_factory=list)
    orjson_seconds: list[float] = field(default_factory=list)


def batches(bench: Bench, running: Sequence[Running]) -> list[Batches]:
    """Many profiles in one request: this service by size and kind, and each peer that takes them."""
    asked = [one for each in running if each.contestant.many for one in _batch_targets(bench, each)]
    for number in range(bench.rounds):
        bench.say(f"batches, round {number + 1} of {bench.rounds}")
        for one, found, targets in asked:
            before = one.server.cpu_seconds
            load = bench.generator.flood(targets, bench.seconds / 2, BATCH_CONNECTIONS)
            used = max(one.server.cpu_seconds - before, 0.01)
            _require_success(bench, f"{found.contestant} at batches of {found.size}", load)
            found.rates.append(load.rate * found.size)
            found.by_cpu.append(load.count * found.size / used)
            if one.contestant is OWN and found.size == BATCH and found.kind == NEVER_SEEN:
                found.orjson_seconds.append(orjson_seconds(one, BATCH))
    return [found for _, found, _ in asked]


def _batch_targets(bench: Bench, one: Running) -> Iterator[tuple[Running, Batches, Path]]:
    contestant, desk = one.contestant, one.desk
    sizes = SIZES if contestant is OWN and not desk.is_second else PEER_SIZES
    for size in sizes:
        wrong = contestant.check_batch(one.server, desk, size)
        if wrong:
            bench.skip(f"{contestant.name} at batches of {size:,} of {desk.version}", wrong)
            continue
        fresh = [desk.batch(size, number) for number in range(min(200, PROFILES // size))]
        yield _asked(bench, one, NEVER_SEEN, fresh)
    if contestant is OWN:
        half = desk.drawn(PROFILES, share=0.5, seed=SEED + 1)
        yield _asked(bench, one, HALF_KNOWN, [half[at : at + BATCH] for at in range(0, PROFILES, BATCH)])
        yield _asked(bench, one, KNOWN, [desk.batch(BATCH)])


def _asked(
    bench: Bench, one: Running, kind: str, profiles: Sequence[Sequence[object]]
) -> tuple[Running, Batches, Path]:
    """A contestant that is warm, what is to be found of it, and its requests."""
    contestant, version = one.contestant, one.desk.version
    assert contestant.many
    size = len(profiles[0])
    bodies = [encoded(contestant.many.body(version, some)) for some in profiles]
    name = "-".join([contestant.name, version, kind.replace(", ", "-"), str(size)])
    targets = bench.generator.targets(name, one.server.url(contestant.many.path), bodies)
    bench.generator.flood(targets, 1.0 * contestant.warm_up, BATCH_CONNECTIONS)
    return one, Batches(contestant.name, version, kind, size), targets


def orjson_seconds(own: Running, size: int) -> float:
    """What orjson alone needs, on the server's core, to read the request and write the answer."""
    question, desk = own.contestant.many if size > 1 else own.contestant.one, own.desk
    assert question
    about = desk.batch(size) if size > 1 else desk.profiles[0]
    asked = encoded(question.body(desk.version, about))
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
