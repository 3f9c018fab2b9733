"""What telemetry costs: the application with it and without, block by block, in one process.

Servers side by side differ by more than what is looked for.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from itertools import cycle, islice
from pathlib import Path

from flask import Flask
from werkzeug.test import EnvironBuilder
from werkzeug.wsgi import ClosingIterator

from bench.contestants import OWN, encoded
from bench.desk import Desk
from bench.measure import Bench
from bench.servers import cores
from bench.spread import Spread
from bench.tools import ROOT
from finetune_advisor.app import create_app
from finetune_advisor.telemetry import soon

ROUNDS = 200
BLOCK = 200
ACCESS = "finetune_advisor.access"


def costs(bench: Bench) -> dict[str, Spread]:
    """By what is left out, the microseconds of CPU time it takes for a request: median and quartiles.

    Lines go nowhere; what a request leaves for later is done within its block.
    """
    bench.say("telemetry's costs")
    found = bench.desk.file("telemetry.json")
    subprocess.run(
        [sys.executable, "-m", "bench.telemetry", found],
        check=True,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        timeout=600,
        preexec_fn=lambda: os.sched_setaffinity(0, cores()[0]),
    )
    seconds: dict[str, list[float]] = json.loads(found.read_text())
    whole = seconds.pop(OWN.name)
    return {
        name: _quartiles([(all_ - one) / BLOCK * 1e6 for one, all_ in zip(parts, whole, strict=True)])
        for name, parts in seconds.items()
    }


def _quartiles(values: list[float]) -> Spread:
    low, median, high = statistics.quantiles(values)
    return Spread(median, low, high)


def _measured() -> dict[str, list[float]]:
    """By what answers, the CPU seconds of each block."""
    from bench.apps import silent, unmetered  # noqa: PLC0415  # both make an application right away

    own = create_app()
    bodies = [encoded(OWN.one.body(profile)) for profile in Desk(Path()).profiles]
    blocks: dict[str, Callable[[], float]] = {
        OWN.name: lambda: _seconds(own, bodies),
        "logs": lambda: _unlogged(own, bodies),
        "metrics": lambda: _seconds(unmetered.application, bodies),
        "logs, metrics and traces": lambda: _seconds(silent.application, bodies),
    }
    for block in blocks.values():
        block()
    gc.collect()
    gc.freeze()
    found: dict[str, list[float]] = {name: [] for name in blocks}
    for number in range(ROUNDS):
        for name in islice(cycle(blocks), number, number + len(blocks)):  # each is first as often
            found[name].append(blocks[name]())
    return found


def _seconds(app: Flask, bodies: list[bytes]) -> float:
    """CPU seconds of one block of requests, with all that they leave to do."""
    post = EnvironBuilder(OWN.one.path, method="POST", content_type="application/json").get_environ()
    environs = [
        {**post, "CONTENT_LENGTH": str(len(body)), "wsgi.input": BytesIO(body)}
        for body in bodies[:BLOCK]
    ]
    began = time.process_time()
    for environ in environs:
        b"".join(ClosingIterator(app(environ, _start)))
    soon.finish()
    return time.process_time() - began


def _start(status: str, *_: object) -> Callable[[bytes], object]:
    if status != "200 OK":
        raise RuntimeError(f"answered {status}")
    return lambda _: None


def _unlogged(app: Flask, bodies: list[bytes]) -> float:
    with _only_errors():
        return _seconds(app, bodies)


@contextmanager
def _only_errors() -> Iterator[None]:
    log = logging.getLogger(ACCESS)
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(logging.NOTSET)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(_measured()))
