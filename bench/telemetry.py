"""What telemetry costs: the application with it and without, block by block, in one process.

Servers side by side differ by more than what is looked for.
"""

from __future__ import annotations

import gc
import json
import logging
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from io import BytesIO
from itertools import cycle, islice
from pathlib import Path

from flask import Flask
from werkzeug.test import EnvironBuilder
from werkzeug.wsgi import ClosingIterator

from bench.apps import silent, unmetered
from bench.contestants import OWN, encoded
from bench.desk import Desk
from bench.measure import Bench, on_server_core
from bench.servers import environment
from bench.spread import Spread, quartiles
from finetune_advisor.app import create_app
from finetune_advisor.telemetry import deferred, middleware

ROUNDS = 200
BLOCK = 200
PATIENCE = 600
FILE = "telemetry.json"


def costs(bench: Bench) -> dict[str, Spread]:
    """By what is left out, the microseconds of CPU time it takes for a request: median and quartiles.

    Lines go nowhere; what a request leaves for later is done within its block.
    """
    bench.say("telemetry's costs")
    command = [sys.executable, "-m", "bench.telemetry", str(bench.desk.at)]
    with on_server_core():
        subprocess.run(
            command, check=True, env=environment(), stdout=subprocess.DEVNULL, timeout=PATIENCE
        )
    seconds: dict[str, list[float]] = json.loads(bench.desk.file(FILE).read_text())
    whole = seconds.pop(OWN.name)
    return {
        name: quartiles([(all_ - one) / BLOCK * 1e6 for one, all_ in zip(parts, whole, strict=True)])
        for name, parts in seconds.items()
    }


def _measured(desk: Desk) -> dict[str, list[float]]:
    """By what is left out, or by the service's name, the CPU seconds of each block."""
    bodies = [encoded(OWN.one.body(desk.version, profile)) for profile in desk.profiles[:BLOCK]]
    own = create_app()
    blocks: dict[str, Callable[[], float]] = {
        OWN.name: partial(_seconds, own, bodies),
        "logs": partial(_unlogged, own, bodies),
        "metrics": partial(_seconds, unmetered.create_app(), bodies),
        "logs, metrics and traces": partial(_seconds, silent.create_app(), bodies),
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
        {**post, "CONTENT_LENGTH": str(len(body)), "wsgi.input": BytesIO(body)} for body in bodies
    ]
    began = time.process_time()
    for environ in environs:
        b"".join(ClosingIterator(app(environ, _start)))
    deferred.flush()
    return time.process_time() - began


def _start(status: str, *_: object) -> Callable[[bytes], object]:
    if status != "200 OK":
        raise RuntimeError(f"answered {status}")
    return lambda _: None


def _unlogged(app: Flask, bodies: list[bytes]) -> float:
    middleware.log.setLevel(logging.ERROR)
    try:
        return _seconds(app, bodies)
    finally:
        middleware.log.setLevel(logging.NOTSET)


if __name__ == "__main__":
    here = Desk(Path(sys.argv[1]))
    here.file(FILE).write_text(json.dumps(_measured(here)))
