"""Keys of a server with two workers at full strength: `python -m tests.public`, which prints the figures."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from finetune_advisor.access.key_file import make_key, render_line
from finetune_advisor.access.key_ring import KeyRing
from tests.conftest import Server, start
from tests.public.hostile_requests import Keys, attack, iter_statuses
from tests.public.key_cost import measure_costs
from tests.public.key_rotation import Rotation, WriteKeys, calling, replace_file, rotate, swap_secret
from tests.public.key_timing import time_keys
from tests.public.test_key_timing import KEYS, find_suspects, wrong_keys

SECONDS_ALLOWED = 2


@contextmanager
def serving(folder: Path, keys: Path) -> Iterator[Server]:
    """A server with two workers that asks for the keys of a file."""
    server = start(folder / "log", API_KEYS_FILE=str(keys), WORKERS="2")
    try:
        yield server
    finally:
        server.stop()


def report_attack(folder: Path, count: int) -> bool:
    """Attack a server, and print what came of it. Returns whether nobody got in."""
    keys = Keys(make_key(), make_key(), make_key())
    (path := folder / "keys").write_text(
        f"{render_line('alice', keys.right)}\n{render_line('bob', keys.other)}\n"
    )
    started = time.monotonic()
    with serving(folder, path) as server:
        outcome = attack((server.host, server.port), keys, count)
    print(f"{count:,} hostile requests in {time.monotonic() - started:.0f} s:")
    print(*iter_statuses(outcome), *outcome.faults[:10], sep="\n")
    print(f"{'faults':>22}: {len(outcome.faults)}")
    return not outcome.faults


def report_timing(folder: Path, samples: int) -> bool:
    """Time wrong keys in this process, and print the medians. Returns whether they differ by noise only."""
    (path := folder / "keys").write_text(
        "".join(f"{render_line(f'k{number}', key)}\n" for number, key in enumerate(KEYS))
    )
    timings = time_keys(KeyRing(path).find_name, wrong_keys(), samples)
    print(f"nanoseconds of a wrong key among {len(KEYS)}, medians of {samples:,} samples:")
    for kind, timing in timings.items():
        print(f"{kind:>22}: {timing.median:9.1f} ± {timing.error:.1f}")
    return not find_suspects(timings)


def report_costs(folder: Path, rounds: int) -> None:
    """Measure what keys cost, and print it."""
    costs = measure_costs(folder, rounds)
    print("microseconds of CPU time of POST /assess in one process:")
    for name, cost in costs.items():
        print(f"{name:>22}: {cost:6.1f}, {cost / costs['no keys']:.2f} times as much")


def report_rotations(folder: Path, write_keys: WriteKeys, count: int, way: str) -> bool:
    """Rotate keys under load, and print what came of it. Returns whether nothing was lost or late."""
    rotation = Rotation("")
    write_keys(f"{render_line('first', rotation.key)}\n".encode())
    with serving(folder, folder / "keys") as server:
        rotation.url = server.url
        with calling(rotation):
            for _ in range(count):
                rotate(rotation, write_keys)
    lost, longest = (+rotation.lost).total(), max(rotation.overstays)
    print(
        f"{count} rotations, file {way}: {rotation.answered:,} answered, {lost} lost; the old key got in for "
        f"{longest:.2f} s at most, and was refused {rotation.refusals:,} times"
    )
    return not lost and longest <= SECONDS_ALLOWED


@click.command(help=__doc__)
@click.option("--requests", default=100_000, show_default=True, help="Hostile requests.")
@click.option("--samples", default=20_000, show_default=True, help="Samples of each kind of key.")
@click.option("--rounds", default=100, show_default=True, help="Rounds that measure the cost.")
@click.option("--rotations", default=10, show_default=True, help="Rotations in each of two ways.")
def main(requests: int, samples: int, rounds: int, rotations: int) -> None:
    """Print the figures, and exit with 1 if one is wrong."""
    passed = []
    with TemporaryDirectory() as place:
        folders = [Path(place) / name for name in ("attack", "timing", "cost", "replaced", "swapped")]
        for folder in folders:
            folder.mkdir()
        attacked, timed, cost, replaced, swapped = folders
        passed.append(report_attack(attacked, requests))
        passed.append(report_timing(timed, samples))
        report_costs(cost, rounds)
        write_keys = replace_file(replaced / "keys")
        passed.append(report_rotations(replaced, write_keys, rotations, "replaced"))
        passed.append(report_rotations(swapped, swap_secret(swapped), rotations, "swapped by links"))
    sys.exit(not all(passed))


if __name__ == "__main__":
    main()
