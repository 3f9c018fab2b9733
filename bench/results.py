"""The results of a run, and the targets that they are held to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bench.contestants import BARE, FLOOR, OWN, STRAIGHT
from bench.measure import BATCH, BUSY, Batches, Latency, Throughput
from bench.operations import Memory, Scrape, Workers
from bench.sizes import Size
from bench.spread import Spread, ratios, spread


@dataclass
class Results:
    """All that a run has found. Throughput is in requests a second, times in seconds where not said."""

    machine: dict[str, str]
    versions: dict[str, str]
    about: dict[str, str]
    kinds: dict[str, str]
    rounds: int
    seconds: float
    throughput: dict[str, Throughput] = field(default_factory=dict)
    orjson_one_seconds: float | None = None
    batches: Batches | None = None
    latency: list[Latency] = field(default_factory=list)
    limits: dict[str, Latency] = field(default_factory=dict)
    telemetry: dict[str, Spread] = field(default_factory=dict)
    starts: dict[str, Spread] = field(default_factory=dict)
    memory: dict[str, Memory] = field(default_factory=dict)
    scrapes: list[Scrape] = field(default_factory=list)
    workers: Workers | None = None
    sizes: list[Size] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    took: float = 0
    stolen: float = 0

    def to(self, floor: str, name: str = OWN.name) -> Spread | None:
        """The ratio of a contestant's throughput to another's, round by round."""
        if name not in self.throughput or floor not in self.throughput:
            return None
        return ratios(self.throughput[name].rates, self.throughput[floor].rates)

    def cpu_to(self, floor: str, name: str = OWN.name) -> Spread | None:
        """The same by the servers' CPU time, which other work on the machine disturbs less."""
        if name not in self.throughput or floor not in self.throughput:
            return None
        return ratios(self.throughput[floor].cpu, self.throughput[name].cpu)

    def telemetry_share(self, what: str) -> Spread:
        """The share that logs, metrics or all telemetry take of the server's CPU time for a request."""
        cost, whole = self.telemetry[what], spread(self.throughput[OWN.name].cpu).median
        return Spread(cost.median / whole, cost.least / whole, cost.greatest / whole)

    def best_peer(self, *, by_cpu: bool = False) -> tuple[str, list[float]] | None:
        """The peer with the most decisions a second, in batches or one by one, and its rounds."""
        rounds = [
            (f"{name}, one by one", [1e6 / used for used in here.cpu] if by_cpu else here.rates)
            for name, here in self.throughput.items()
            if self.kinds[name] == "peer"
        ]
        for name, sizes in self._decisions(by_cpu=by_cpu).items():
            if self.kinds[name] == "peer":
                rounds.extend((f"{name}, {size:,} a request", rates) for size, rates in sizes.items())
        return max(rounds, key=lambda one: spread(one[1]).median, default=None)

    def own_batches(self, *, by_cpu: bool = False) -> list[float] | None:
        """Decisions a second in batches of a thousand, round by round."""
        return self._decisions(by_cpu=by_cpu).get(OWN.name, {}).get(BATCH)

    def _decisions(self, *, by_cpu: bool) -> Mapping[str, Mapping[int, list[float]]]:
        if self.batches is None:
            return {}
        return self.batches.by_cpu if by_cpu else self.batches.decisions


@dataclass(frozen=True)
class Target:
    """What is aimed at, and what was measured, if it was."""

    what: str
    bound: float
    least: bool
    measured: Spread | None
    by_cpu: Spread | None = None

    @property
    def verdict(self) -> str:
        if self.measured is None:
            return "not measured"
        value = self.measured.median
        return "pass" if (value >= self.bound if self.least else value <= self.bound) else "fail"


def targets(results: Results) -> list[Target]:
    """Each target with its verdict."""
    to, cpu_to = results.to, results.cpu_to
    busy = [one.ratio for one in results.latency if one.share == BUSY]
    return [
        Target("`/assess` to plain Flask", 0.95, True, to(FLOOR.name), cpu_to(FLOOR.name)),
        Target("`/assess` to bare WSGI", 0.55, True, to(BARE.name), cpu_to(BARE.name)),
        Target(
            "`/assess` to the straightforward version",
            1.8,
            True,
            to(STRAIGHT.name),
            cpu_to(STRAIGHT.name),
        ),
        *_batch_targets(results),
        Target(
            "metrics' share of the server's CPU time for a request (quartiles)",
            0.05,
            False,
            results.telemetry_share("metrics") if results.telemetry else None,
        ),
        Target("p99 to p50 at 70 % of the peak", 5, False, busy[0] if busy else None),
    ]


def _batch_targets(results: Results) -> list[Target]:
    alone = results.batches.orjson_seconds if results.batches else []
    orjson = [BATCH / seconds for seconds in alone]
    rates, to_orjson, to_peer = [], [], []
    for by_cpu in (False, True):
        own, peer = results.own_batches(by_cpu=by_cpu), results.best_peer(by_cpu=by_cpu)
        rates.append(spread(own) if own else None)
        to_orjson.append(ratios(orjson, own) if own and orjson else None)
        to_peer.append(ratios(own, peer[1]) if own and peer else None)
    best = results.best_peer()
    name = f" ({best[0]})" if best else ""
    return [
        Target("batch of 1,000 known: decisions a second", 200_000, True, *rates),
        Target("batch of 1,000 known: time to that of orjson on the same bytes", 3, False, *to_orjson),
        Target(f"batch of 1,000 known: decisions a second to the best peer{name}", 10, True, *to_peer),
    ]
