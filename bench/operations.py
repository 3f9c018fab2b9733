"""What matters to those who run it: start-up, memory, the cost of a scrape, and a second worker."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.contestants import OWN, Contestant, encoded
from bench.desk import Desk
from bench.load import Generator
from bench.measure import BATCH, Bench
from bench.servers import cores
from bench.spread import Spread, quartiles, ratios, spread
from bench.tools import UnavailableError

STARTS = 3
SCRAPES = 50
NEVER_SEEN = 20_000


@dataclass(frozen=True)
class Memory:
    """Of one worker, in MiB: all that it maps, and its share where workers share pages."""

    rss: float
    pss: float


@dataclass(frozen=True)
class Scrape:
    """What GET /metrics costs, in milliseconds, and the bytes that it moves."""

    workers: int
    milliseconds: Spread
    size: int


@dataclass(frozen=True)
class Workers:
    """Requests a second with one worker and with two, on the same cores, and the gain."""

    one: Spread
    two: Spread
    gain: Spread
    apart: bool


def starts(bench: Bench, contestants: Sequence[Contestant]) -> dict[str, Spread]:
    """Seconds from the start of the process to the first 200."""
    found: dict[str, list[float]] = {}
    for number in range(min(STARTS, bench.rounds)):
        bench.say(f"starts, round {number + 1}")
        for contestant in contestants:
            if contestant.name in bench.skipped:
                continue
            try:
                with contestant.serving(bench.desk) as server:
                    found.setdefault(contestant.name, []).append(server.start_seconds)
            except UnavailableError as error:
                bench.skip(contestant.name, str(error))
    return {name: spread(seconds) for name, seconds in found.items()}


def memory(pid: int) -> Memory:
    """The memory of a process."""
    sizes = dict(re.findall(r"^(\w+):\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M))
    return Memory(int(sizes["Rss"]) / 1024, int(sizes["Pss"]) / 1024)


def memory_kept(bench: Bench, desk: Desk) -> float:
    """MiB that a server has grown by after 20,000 profiles that it never saw, half of them half known."""
    bench.say("memory kept")
    assert OWN.many
    with OWN.serving(desk) as server:
        for some in (desk.drawn(20, seed=1), desk.drawn(20, 0.5, seed=2)):
            server.ask("POST", OWN.many.path, encoded(OWN.many.body(desk.version, some)))
        before = memory(server.workers[0]).rss
        for number in range(NEVER_SEEN // BATCH):
            some = desk.drawn(BATCH, 0.5 if number % 2 else 1, seed=number + 3)
            server.ask("POST", OWN.many.path, encoded(OWN.many.body(desk.version, some)))
        return memory(server.workers[0]).rss - before


def scrapes(bench: Bench) -> list[Scrape]:
    """GET /metrics by number of workers, each of which has answered requests before."""
    found = []
    for workers in (1, 2, 4):
        bench.say(f"scrapes with {workers} workers")
        with OWN.serving(bench.desk, workers) as server:
            targets = bench.generator.targets("scrape", server.url(OWN.one.path), OWN.bodies(bench.desk))
            bench.generator.flood(targets, 1.0)
            taken = []
            for _ in range(SCRAPES):
                began = time.perf_counter()
                _, content = server.ask("GET", "/metrics")
                taken.append((time.perf_counter() - began) * 1000)
        found.append(Scrape(workers, quartiles(taken), len(content)))
    return found


def workers(bench: Bench) -> Workers:
    """A second worker's gain; both servers have the same two cores."""
    on, others = cores(2)
    generator = Generator(bench.generator.command, bench.generator.at, frozenset(others))
    with OWN.serving(bench.desk, 1, on) as one, OWN.serving(bench.desk, 2, on) as two:
        rates: list[list[float]] = [[], []]
        targets = [
            generator.targets(f"workers-{number}", server.url(OWN.one.path), OWN.bodies(bench.desk))
            for number, server in enumerate((one, two))
        ]
        for file in targets:
            generator.flood(file, 1.0)
        for number in range(bench.rounds):
            bench.say(f"workers, round {number + 1} of {bench.rounds}")
            for file, here in zip(targets, rates, strict=True):
                here.append(generator.flood(file, bench.seconds / 2).rate)
    return Workers(spread(rates[0]), spread(rates[1]), ratios(rates[1], rates[0]), not on & others)
