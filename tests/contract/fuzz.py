"""schemathesis at full strength, and mutated requests: `python -m tests.contract.fuzz`, in parts that a later
run needn't repeat.

A part is one seed's random requests to one operation, or its walks along the links, or its mutated requests,
or the examples and the boundary values of all operations; each against the bundled trees and against
generated ones, with one worker process and with four. What a part found stays in `.fuzz/` until the service,
the contract or the strength is another one.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from itertools import groupby, product
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from ruamel.yaml import YAML

from tests.conftest import ROOT, start
from tests.contract import generated
from tests.contract.fuzzer import CONFIG, Outcome, fuzz
from tests.contract.hammer import hammer

KEPT = ROOT / ".fuzz"
CATALOGS = ("bundled", "generated")
WORKERS = ("1", "4")
BOUNDARIES, LINKS, MUTATED = "boundary values", "links", "mutated requests"
WALK = 10
"""Most requests of a walk along the links, roughly: so many fewer walks are asked for."""
SLOWEST = 2.0
"""Seconds for a case, after which a part counts as hung."""


@dataclass(frozen=True)
class Part:
    """What one run of schemathesis covers."""

    catalog: str
    workers: str
    subject: str
    seed: int

    @property
    def server(self) -> tuple[str, str]:
        return self.catalog, self.workers

    @property
    def name(self) -> str:
        return f"{self.catalog}-{self.workers}-{self.subject.replace(' ', '-')}-{self.seed}"

    @property
    def options(self) -> tuple[str, ...]:
        if self.subject == BOUNDARIES:
            return "--phases", "examples,coverage"
        seeded = ("--seed", str(self.seed), "--no-shrink", "--phases")
        if self.subject == LINKS:
            return *seeded, "stateful"
        return *seeded, "fuzzing", "--include-operation-id", self.subject


def parts(seeds: int) -> Iterator[Part]:
    """Every part, those of one server together."""
    contract = YAML(typ="safe").load(ROOT / "openapi" / "openapi.yaml")
    operations = [one["operationId"] for path in contract["paths"].values() for one in _methods(path)]
    for catalog, workers in product(CATALOGS, WORKERS):
        yield Part(catalog, workers, BOUNDARIES, 1)
        for subject, seed in product((*operations, LINKS, MUTATED), range(1, seeds + 1)):
            yield Part(catalog, workers, subject, seed)


def _methods(path: Mapping[str, Mapping[str, str]]) -> Iterable[Mapping[str, str]]:
    return (path[method] for method in ("get", "post") if method in path)


def strength(examples: int, mutated: int) -> str:
    """A name for how often, what and how: results under another one say nothing."""
    sources = sorted((ROOT / "service").rglob("*.py")) + sorted((ROOT / "service").rglob("*.yaml"))
    sources += sorted(Path(__file__).parent.glob("mutations.*"))
    state = sha256(b"\0".join(path.read_bytes() for path in (CONFIG, *sources)))
    return f"{examples}-{mutated}-{state.hexdigest()[:12]}"


@contextmanager
def serving(catalog: str, workers: str) -> Iterator[str]:
    """A server's address."""
    with TemporaryDirectory() as folder:
        (trees := Path(folder) / "trees").mkdir()
        settings = generated.write(trees) if catalog == "generated" else {}
        server = start(Path(folder) / "log", WORKERS=workers, **settings)
        try:
            yield server.url
        finally:
            server.stop()


def run(part: Part, url: str, examples: int, results: Path) -> Outcome:
    """What a part found by so many requests, now or before; what it printed is kept where it failed."""
    result = results / f"{part.name}.json"
    if result.exists():
        return Outcome(**json.loads(result.read_text()))
    if part.subject == MUTATED:
        outcome = hammer(url, part.seed, examples)
    else:
        with TemporaryDirectory() as place:
            count = max(1, examples // WALK) if part.subject == LINKS else examples
            outcome = fuzz(url, Path(place), count, *part.options, limit=300 + SLOWEST * examples)
    if outcome.passed:
        result.write_text(json.dumps(asdict(outcome)))
    else:
        result.with_suffix(".txt").write_text(outcome.text)
    said = outcome.text.partition("\n")[0] if part.subject == MUTATED else f"{outcome.cases} cases"
    print(f"{'passed' if outcome.passed else 'FAILED'}  {part.name}: {said}", flush=True)
    return outcome


def run_all(
    chosen: Sequence[Part], examples: int, mutated: int, jobs: int, results: Path
) -> dict[Part, Outcome]:
    """What all parts found, so many of them at a time."""
    found: dict[Part, Outcome] = {}
    for server, group in groupby(chosen, key=lambda part: part.server):
        members = list(group)
        with serving(*server) as url, ThreadPoolExecutor(jobs) as pool:
            counts = [mutated if part.subject == MUTATED else examples for part in members]
            outcomes = pool.map(lambda part, count: run(part, url, count, results), members, counts)
            found |= dict(zip(members, outcomes, strict=True))
    return found


def table(found: Mapping[Part, Outcome]) -> Iterator[str]:
    """The numbers of each operation, and of all."""
    yield f"{'':24}{'cases':>10}{'failures':>10}{'warnings':>10}{'5xx':>6}{'minutes':>9}{'a second':>10}"
    for subject in dict.fromkeys(part.subject for part in found):
        yield _row(subject, [outcome for part, outcome in found.items() if part.subject == subject])
    yield _row("all", list(found.values()))


def _row(name: str, ones: Sequence[Outcome]) -> str:
    cases, seconds = sum(one.cases for one in ones), sum(one.seconds for one in ones)
    failures, warnings = sum(one.failures for one in ones), sum(one.warnings for one in ones)
    errors = sum(one.server_errors for one in ones)
    speed = cases / max(seconds, 1)
    return f"{name:24}{cases:10,}{failures:10,}{warnings:10,}{errors:6,}{seconds / 60:9.1f}{speed:10.0f}"


@click.command(help=__doc__)
@click.option(
    "--examples", default=10_000, show_default=True, help="Requests to an operation of a server."
)
@click.option("--mutated", default=300_000, show_default=True, help="Mutated requests to all servers.")
@click.option("--seeds", default=5, show_default=True, help="Seeds that the requests are shared among.")
@click.option("--jobs", default=os.cpu_count() or 1, show_default=True, help="Parts at a time.")
@click.option("--only", default="", help="Run only parts whose name contains this.")
def main(examples: int, mutated: int, seeds: int, jobs: int, only: str) -> None:
    """Run what isn't done yet, print the numbers, and exit with 1 if anything was found."""
    share = max(1, examples // seeds)
    mutated_share = max(1, mutated // seeds // len(CATALOGS) // len(WORKERS))
    results = KEPT / strength(share, mutated_share)
    results.mkdir(parents=True, exist_ok=True)
    found = run_all(
        [part for part in parts(seeds) if only in part.name], share, mutated_share, jobs, results
    )
    print(*table(found), sep="\n")
    failed = [part.name for part, outcome in found.items() if not outcome.passed]
    print(f"{len(found) - len(failed)} of {len(found)} parts passed; what failed said so in {results}")
    sys.exit(bool(failed or not found))


if __name__ == "__main__":
    main()
