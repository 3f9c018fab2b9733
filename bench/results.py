"""The results of a run, and the targets that they are held to."""

from __future__ import annotations

from dataclasses import dataclass, field

from bench.contestants import BARE, FLOOR, OPA, OWN, STRAIGHT
from bench.desk import FIRST, SECOND
from bench.measure import BATCH, BUSY, HALF_KNOWN, NEVER_SEEN, Batches, Latency, Throughput
from bench.operations import Memory, Scrape, Workers
from bench.pages import PageTime
from bench.shadow import ShadowCost
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
    batches: list[Batches] = field(default_factory=list)
    latency: list[Latency] = field(default_factory=list)
    limits: dict[str, Latency] = field(default_factory=dict)
    telemetry: dict[str, Spread] = field(default_factory=dict)
    starts: dict[str, Spread] = field(default_factory=dict)
    memory: dict[str, Memory] = field(default_factory=dict)
    memory_kept: float | None = None
    command_line: dict[str, Spread] = field(default_factory=dict)
    shadow: list[ShadowCost] = field(default_factory=list)
    scrapes: list[Scrape] = field(default_factory=list)
    workers: Workers | None = None
    pages: list[PageTime] = field(default_factory=list)
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

    def best_peer(self, tree: str) -> Batches | None:
        """The peer with the most decisions a second on a tree, in batches."""
        peers = [
            one for one in self.batches if one.tree == tree and self.kinds[one.contestant] == "peer"
        ]
        return max(peers, key=lambda one: spread(one.rates).median, default=None)

    def own_batches(self, tree: str, kind: str) -> Batches | None:
        """The batches of a thousand of this service, of some kind."""
        wanted = OWN.name, tree, kind, BATCH
        found = (one for one in self.batches if (one.contestant, one.tree, one.kind, one.size) == wanted)
        return next(found, None)


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
    busy = [one.ratio for one in results.latency if one.share == BUSY]
    shares = results.telemetry_share("metrics") if results.telemetry else None
    kept = results.memory_kept
    return [
        _one_profile(results, "plain Flask", FLOOR.name, 1.35),
        _one_profile(results, "bare WSGI", BARE.name, 0.8),
        _one_profile(results, "the straightforward version", STRAIGHT.name, 1.8),
        Target("`/assess` to OPA, by CPU time", 0.55, True, results.cpu_to(OPA.name)),
        *_batch_targets(results),
        *(
            Target(f"`assess --batch` from {name}, profiles a second", bound, True, found)
            for (name, found), bound in zip(
                results.command_line.items(), (150_000, 120_000), strict=False
            )
        ),
        Target("seconds from start to first answer", 0.6, False, results.starts.get(OWN.name)),
        Target("p99 to p50 at 70 % of the peak", 5, False, busy[0] if busy else None),
        Target(
            "MiB kept after 20,000 never-seen profiles",
            30,
            False,
            None if kept is None else spread([kept]),
        ),
        *(
            Target(
                f"server time of a {one.page} page of {one.tree} to `/assess/explain`",
                3,
                False,
                one.ratio,
            )
            for one in results.pages
        ),
        *_shadow_targets(results),
        Target("metrics' share of the CPU time of a request (quartiles)", 0.05, False, shares),
    ]


def _one_profile(results: Results, what: str, floor: str, bound: float) -> Target:
    return Target(f"`/assess` to {what}", bound, True, results.to(floor), results.cpu_to(floor))


def _shadow_targets(results: Results) -> list[Target]:
    throughput = [
        Target(
            f"throughput with a shadow tree to without, {one.size:,} of {one.tree} a request",
            0.9,
            True,
            one.rate,
        )
        for one in results.shadow
    ]
    latency = [
        Target(f"p50 with a shadow tree to without, {one.tree}", 1.1, False, one.p50)
        for one in results.shadow
        if one.p50
    ]
    return throughput + latency


def _batch_targets(results: Results) -> list[Target]:
    found = []
    for tree in (FIRST, SECOND):
        own, peer = results.own_batches(tree, NEVER_SEEN), results.best_peer(tree)
        name = f" ({peer.contestant}, {peer.size:,} a request)" if peer else ""
        both = (
            [ratios(own.rates, peer.rates), ratios(own.by_cpu, peer.by_cpu)] if own and peer else [None]
        )
        what = f"1,000 never-seen complete profiles of {tree}"
        found.append(Target(f"{what}: decisions a second to the best peer{name}", 10, True, *both))
    for kind, bound in ((NEVER_SEEN, 80_000), (HALF_KNOWN, 20_000)):
        own = results.own_batches(SECOND, kind)
        rates = [spread(own.rates), spread(own.by_cpu)] if own else [None]
        found.append(Target(f"1,000 profiles of {SECOND}, {kind}: a second", bound, True, *rates))
    return found
