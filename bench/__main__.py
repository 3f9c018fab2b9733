"""The benchmark: `make bench`, or `python -m bench --rounds 5 --seconds 3`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

from bench import (
    command_line,
    machine,
    measure,
    operations,
    pages,
    plot,
    report,
    shadow,
    sizes,
    telemetry,
    tools,
)
from bench.contestants import ALL, BARE, FLOOR, OWN, PEERS, STRAIGHT, Contestant
from bench.desk import SECOND, Desk
from bench.load import Generator
from bench.measure import Bench, Running
from bench.results import Results, targets
from bench.servers import cores
from bench.spread import figure


def main() -> None:
    """Build what is missing, measure, and write the results."""
    options = _options()
    signal.signal(signal.SIGTERM, _stop)
    try:
        command = tools.vegeta()
    except tools.UnavailableError as error:
        raise SystemExit(f"no load generator: {error}") from error
    with TemporaryDirectory(prefix="finetune-advisor-bench-") as place:
        desk, second = Desk(Path(place)), Desk(Path(place) / SECOND, SECOND)
        second.at.mkdir()
        for one in (desk, second):
            one.lay()
        began = time.perf_counter()
        generator = Generator(command, Path(place), frozenset(cores()[1]))
        bench = Bench(desk, generator, options.rounds, options.seconds, _say(began))
        results = run(bench, second)
    _write(results, options.output)


def run(bench: Bench, second: Desk) -> Results:
    """Every measurement, one after the other; `second` has the second tree."""
    present = list(_built(bench))
    results = Results(
        machine.description(),
        machine.versions(),
        {one.name: one.about for one in ALL},
        {one.name: one.kind for one in ALL},
        bench.rounds,
        bench.seconds,
        skipped=bench.skipped,
    )
    os.sched_setaffinity(0, cores()[1])
    began, stolen = time.perf_counter(), machine.stolen()
    results.starts = operations.starts(bench, present)
    with ExitStack() as servers:
        running = _running(bench, servers, present, bench.desk)
        results.throughput = measure.throughput(bench, running)
        results.memory = {
            one.contestant.name: operations.memory(one.server.workers[0]) for one in running
        }
        own = next(one for one in running if one.contestant is OWN)
        results.orjson_one_seconds = measure.orjson_seconds(own, 1)
        peers = _running(bench, servers, [one for one in present if one in PEERS], second)
        both = [*running, replace(own, desk=second), *peers]
        results.batches = measure.batches(
            bench, [one for one in both if one.contestant in (OWN, *PEERS)]
        )
        results.latency = measure.latency(bench, own)
        for one in running:
            if one.contestant in (FLOOR, BARE):
                [results.limits[one.contestant.name]] = measure.latency(bench, one, [measure.BUSY])
    results.memory_kept = operations.memory_kept(bench, second)
    results.command_line = command_line.rates(bench)
    results.telemetry = telemetry.costs(bench)
    results.shadow = shadow.costs(bench, second)
    results.scrapes = operations.scrapes(bench)
    results.workers = operations.workers(bench)
    results.pages = pages.page_times(bench, second)
    results.sizes = sizes.sizes(bench)
    results.took, results.stolen = time.perf_counter() - began, machine.stolen() - stolen
    return results


def _built(bench: Bench) -> Sequence[Contestant]:
    """The contestants that can be had here; whatever has to be built is built before any measurement."""
    present = []
    for one in ALL:
        try:
            one.command(bench.desk, 0)
        except tools.UnavailableError as error:
            bench.skip(one.name, str(error))
        else:
            present.append(one)
    return present


def _running(
    bench: Bench, servers: ExitStack, present: Sequence[Contestant], desk: Desk
) -> list[Running]:
    """All servers side by side, those left out that don't start or answer as they should."""
    running: list[Running] = []
    for one in present:
        if one.name in bench.skipped:
            continue
        bench.say(f"starting and checking {one.name} with {desk.version}")
        try:
            server = servers.enter_context(one.serving(desk))
        except tools.UnavailableError as error:
            bench.skip(one.name, str(error))
            continue
        wrong = one.check(server, desk)
        own = next((here.server for here in running if here.contestant is OWN), None)
        if one is STRAIGHT and own and not wrong:
            wrong = measure.differing(own, server, desk)
        if wrong:
            if one is OWN:
                raise SystemExit(f"this service {wrong}")
            bench.skip(one.name, wrong)
            continue
        name = f"{one.name}-{desk.version}"
        targets_ = bench.generator.targets(name, server.url(one.one.path), one.bodies(desk))
        running.append(Running(one, server, desk, targets_))
    return running


def _write(results: Results, output: Path) -> None:
    output.mkdir(parents=True, exist_ok=True)
    text = report.text(results)
    (output / "results.md").write_text(text, encoding="utf-8")
    (output / "results.json").write_text(report.data(results), encoding="utf-8")
    (output / "results.svg").write_text(plot.render(results), encoding="utf-8")
    print(text)
    for one in targets(results):
        sign = "at least" if one.least else "at most"
        measured = one.measured or "–"
        print(f"{one.verdict:>12}  {one.what}: {measured}, {sign} {figure(one.bound)}")
    print(f"\ntook {results.took:.0f} s; written to {output}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="of all contestants in turn")
    parser.add_argument("--seconds", type=float, default=3, help="for each contestant in a round")
    parser.add_argument("--output", type=Path, default=tools.HERE / "results", help="folder to write to")
    options = parser.parse_args()
    if options.rounds < 1 or options.seconds <= 0:
        parser.error("give one round or more, and more than no seconds")
    if options.output.exists() and not options.output.is_dir():
        parser.error(f"{options.output} isn't a folder; give one, or a name for a new one")
    return options


def _say(began: float) -> measure.Say:
    return lambda words: print(f"[{time.perf_counter() - began:4.0f} s] {words}", flush=True)


def _stop(*_: object) -> NoReturn:
    sys.exit(143)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
