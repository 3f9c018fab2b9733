"""Bulk: profiles a second and memory of each way to decide a file. `python -m bench.bulk [--profiles N]`.

Each way is a process of its own that reads N complete profiles and writes their results, start and end
included. OPA and Drools are asked over HTTP beside them, for a profile and for a thousand profiles a request.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from threading import Event, Thread

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from bench import machine, tools
from bench.contestants import DROOLS, OPA, Contestant, encoded
from bench.desk import FIRST, SECOND, Desk, Profile
from bench.load import Generator
from bench.measure import BATCH, BATCH_CONNECTIONS
from bench.servers import cores
from bench.spread import figure

PROFILES = 10_000_000
DRAWN = 100_000
"""The profiles that are drawn; they are repeated until there are enough."""
PEER_SECONDS = 10.0
SAMPLE_SECONDS = 0.1
COMMAND = [sys.executable, "-m", "finetune_advisor.cli", "assess", "--batch"]
ENGINES = [sys.executable, "-m", "bench.bulk_engines"]
WAYS = {
    "command line, JSON Lines": "`assess --batch` from a pipe to JSON Lines",
    "command line, Parquet": "`assess --batch` from Parquet to Parquet",
    "duckdb-sql": "DuckDB runs the exported SQL",
    "polars-library": "Polars reads, the library assesses",
    "spark-sql": "Spark on two cores runs the exported SQL",
    "spark-library": "Spark on two cores runs the library, by `mapInArrow`",
}


@dataclass(frozen=True)
class Figure:
    """A way's time and memory for so many profiles of a tree; memory is that of all its processes."""

    way: str
    tree: str
    profiles: int
    seconds: float
    peak_mebibytes: float
    recommendations: Mapping[str, int] | None = None

    @property
    def rate(self) -> float:
        """Profiles a second."""
        return self.profiles / self.seconds


@dataclass
class Report:
    """What a run measured, and on which machine."""

    machine: Mapping[str, str]
    versions: Mapping[str, str]
    figures: list[Figure] = field(default_factory=list)
    peers: dict[str, dict[str, float]] = field(default_factory=dict)
    """Decisions a second of a peer, by tree and profiles a request."""


class PeakMemory:
    """Samples the resident memory of a process and its descendants until the block ends."""

    def __init__(self, pid: int) -> None:
        self.mebibytes = 0.0
        self._pid, self._ended = pid, Event()
        self._sampler = Thread(target=self._sample, daemon=True)

    def __enter__(self) -> PeakMemory:
        self._sampler.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._sampler.join()

    def _sample(self) -> None:
        while not self._ended.wait(SAMPLE_SECONDS):
            pages = sum(_resident_pages(pid) for pid in _descendants(self._pid))
            self.mebibytes = max(self.mebibytes, pages * os.sysconf("SC_PAGE_SIZE") / 2**20)


def _resident_pages(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):  # it has ended
        return 0


def _descendants(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = task.read_text().split()
        except OSError:
            continue
        for child in children:
            yield from _descendants(int(child))


def measure_tree(desk: Desk, profiles: int) -> Iterator[Figure]:
    """Measure each way with a tree. Raises SystemExit if two ways disagree about the recommendations."""
    drawn = desk.drawn(DRAWN)
    file = desk.file("bulk.parquet")
    _write_parquet(file, desk, drawn, profiles)
    counts: Mapping[str, int] | None = None
    for way in WAYS:
        output = desk.file("bulk-results.parquet")
        print(f"{desk.version}, {way}", flush=True)
        if way == "command line, JSON Lines":
            lines = b"".join(json.dumps(profile).encode() + b"\n" for profile in drawn)
            command = [*COMMAND, "-", "--tree-version", desk.version, "--output", os.devnull]
            yield _run(way, desk.version, profiles, command, lines)
            continue
        if way == "command line, Parquet":
            options = ["--tree-version", desk.version, "--output", str(output)]
            found = _run(way, desk.version, profiles, [*COMMAND, str(file), *options])
        else:
            command = [*ENGINES, way, desk.version, str(file), str(output)]
            found = _run(way, desk.version, profiles, command)
        decided = _count_recommendations(output)
        if counts not in (None, decided):
            raise SystemExit(f"{way} decides otherwise: {decided}, and not {counts}")
        counts = decided
        yield Figure(**{**asdict(found), "recommendations": decided})
        rmtree(output) if output.is_dir() else output.unlink()
    file.unlink()


def _run(
    way: str, version: str, profiles: int, command: list[str], lines: bytes | None = None
) -> Figure:
    """Run a command to its end, with lines on its standard input until there are enough profiles."""
    began = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=tools.ROOT,
        stdin=subprocess.DEVNULL if lines is None else subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    with PeakMemory(process.pid) as memory:
        if lines is not None:
            assert process.stdin
            for _ in range(profiles // DRAWN):
                process.stdin.write(lines)
            process.stdin.close()
        assert process.stderr
        said = process.stderr.read().decode(errors="replace")
        process.wait()
    seconds = time.perf_counter() - began
    if process.returncode:
        raise SystemExit(f"{way} failed: {said[-2000:]}")
    return Figure(way, version, profiles, seconds, memory.mebibytes)


def _write_parquet(file: Path, desk: Desk, drawn: list[Profile], profiles: int) -> None:
    inputs = desk.tree.inputs.values()
    types = {"boolean": pa.bool_(), "enum": pa.string(), "integer": pa.int64(), "number": pa.float64()}
    columns = {
        input_.name: pa.array([profile[input_.name] for profile in drawn], types[input_.type])
        for input_ in inputs
    }
    table = pa.table(columns)
    with pq.ParquetWriter(file, table.schema) as writer:
        for _ in range(profiles // DRAWN):
            writer.write_table(table)


def _count_recommendations(output: Path) -> dict[str, int]:
    column = ds.dataset(output, format="parquet").to_table(columns=["recommendation"])["recommendation"]
    counts = {str(item["values"]): int(item["counts"]) for item in pc.value_counts(column).to_pylist()}
    return dict(sorted(counts.items()))


def measure_peers(desk: Desk, generator: Generator) -> Iterator[tuple[str, int, float]]:
    """Yield how many decisions a second a peer makes, by its name and the profiles of a request."""
    for peer in (OPA, DROOLS):
        try:
            with ExitStack() as servers:
                server = servers.enter_context(peer.serving(desk))
                for size in (1, BATCH):
                    targets = generator.targets(
                        f"{peer.name}-{desk.version}-{size}",
                        server.url((peer.many if size > 1 and peer.many else peer.one).path),
                        _bodies(peer, desk, size),
                    )
                    connections = {} if size == 1 else {"connections": BATCH_CONNECTIONS}
                    generator.flood(targets, PEER_SECONDS / 2, **connections)  # warm-up
                    load = generator.flood(targets, PEER_SECONDS, **connections)
                    yield peer.name, size, load.rate * size
        except tools.UnavailableError as error:
            print(f"skipped {peer.name}: {error}", flush=True)


def _bodies(peer: Contestant, desk: Desk, size: int) -> list[bytes]:
    if size == 1:
        return peer.bodies(desk)
    assert peer.many
    return [encoded(peer.many.body(desk.version, desk.batch(size, number))) for number in range(20)]


def render(report: Report) -> str:
    """The tables, as Markdown."""
    lines = [
        "# Bulk results",
        "",
        "Written by `python -m bench.bulk`. Each way is a whole process, start and end included. Memory is",
        f"the peak of all its processes together. The profiles are complete: {DRAWN:,} drawn, repeated.",
        "",
        "| way | tree | profiles | seconds | profiles a second | peak memory, MiB |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {WAYS[found.way]} | {found.tree} | {found.profiles:,} | {figure(found.seconds)} | "
        f"{figure(found.rate)} | {figure(found.peak_mebibytes)} |"
        for found in report.figures
    ]
    lines += ["", "| peer over HTTP | decisions a second |", "|---|---|"]
    lines += [
        f"| {peer}, {what} | {figure(rate)} |"
        for peer, rates in report.peers.items()
        for what, rate in rates.items()
    ]
    facts = [f"{name} {value}" for name, value in {**report.machine, **report.versions}.items()]
    return "\n".join([*lines, "", "Machine: " + ", ".join(facts) + "."]) + "\n"


def main() -> None:
    """Measure all ways, and write the results."""
    parser = argparse.ArgumentParser(prog="python -m bench.bulk", description=__doc__)
    parser.add_argument("--profiles", type=int, default=PROFILES, help="a multiple of 100,000")
    parser.add_argument("--output", type=Path, default=tools.HERE / "results", help="folder to write to")
    options = parser.parse_args()
    if options.profiles < DRAWN or options.profiles % DRAWN:
        parser.error(f"give a multiple of {DRAWN:,} profiles")
    report = Report(machine.description(), machine.versions())
    with TemporaryDirectory(prefix="finetune-advisor-bulk-") as place:
        generator = Generator(tools.vegeta(), Path(place), frozenset(cores()[1]))
        for version in (FIRST, SECOND):
            desk = Desk(Path(place) / version, version)
            desk.at.mkdir()
            desk.lay()
            report.figures.extend(measure_tree(desk, options.profiles))
            for name, size, rate in measure_peers(desk, generator):
                what = (
                    f"{version}, {size:,} profiles a request"
                    if size > 1
                    else f"{version}, one profile a request"
                )
                report.peers.setdefault(name, {})[what] = rate
    options.output.mkdir(parents=True, exist_ok=True)
    text = render(report)
    (options.output / "bulk.md").write_text(text, encoding="utf-8")
    (options.output / "bulk.json").write_text(
        json.dumps(asdict(report), indent=1) + "\n", encoding="utf-8"
    )
    print(text)


if __name__ == "__main__":
    main()
