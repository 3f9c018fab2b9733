"""The command line: profiles a second of `assess --batch`, start and end included."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from bench.desk import Desk, Profile
from bench.measure import Bench, on_server_core
from bench.spread import Spread, spread

PROFILES = 500_000
DRAWN = 100_000
ROUNDS = 3


def rates(bench: Bench) -> dict[str, Spread]:
    """By format, profiles a second for a file of half a million complete profiles."""
    desk = bench.desk
    drawn = desk.drawn(DRAWN)
    files = {"JSON Lines": desk.file("many.jsonl"), "CSV": desk.file("many.csv")}
    _write_json_lines(files["JSON Lines"], drawn)
    _write_csv(files["CSV"], desk, drawn)
    found: dict[str, list[float]] = {name: [] for name in files}
    for number in range(min(ROUNDS, bench.rounds)):
        bench.say(f"command line, round {number + 1}")
        for name, file in files.items():
            found[name].append(PROFILES / _seconds(desk, file))
    for file in files.values():
        file.unlink()
    return {name: spread(values) for name, values in found.items()}


def _seconds(desk: Desk, file: Path) -> float:
    command = [sys.executable, "-m", "finetune_advisor.cli", "assess", "--batch", str(file)]
    command += ["--tree-version", desk.version, "--output", str(desk.file("results.jsonl"))]
    with on_server_core():
        began = time.perf_counter()
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        return time.perf_counter() - began


def _write_json_lines(file: Path, drawn: Iterable[Profile]) -> None:
    lines = "".join(json.dumps(profile) + "\n" for profile in drawn)
    file.write_text(lines * (PROFILES // DRAWN))


def _write_csv(file: Path, desk: Desk, drawn: Iterable[Profile]) -> None:
    names = list(desk.tree.inputs)
    with file.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(names)
        rows = [[json.dumps(profile[name]).strip('"') for name in names] for profile in drawn]
        for _ in range(PROFILES // DRAWN):
            writer.writerows(rows)
