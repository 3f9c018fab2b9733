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
from dataclasses import replace
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
from finetune_advisor.settings import Settings
from finetune_advisor.telemetry import deferred, middleware

ROUNDS = 200
BLOCK = 200
PATIENCE = 600
FILE = "telemetry.json"
SPANS = "spans, which are off by default"


def costs(bench: Bench) -> dict[str, Spread]:
    """By what is left out, the microseconds of CPU time it takes for a request: median and quartiles.

    Lines go nowhere; what a request leaves for later is done within its block. Only spans are added instead,
    and sent to a sink; their exporter works at any time.
    """
    bench.say("telemetry's costs")
    command = [sys.executable, "-m", "bench.telemetry", str(bench.desk.at)]
    sink_command = [sys.executable, "-m", "bench.apps.span_sink"]
    with subprocess.Popen(sink_command, stdout=subprocess.PIPE, text=True) as sink:
        assert sink.stdout
        endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": sink.stdout.readline().strip()}
        try:
            with on_server_core():
                subprocess.run(
                    command,
                    check=True,
                    env=environment() | endpoint,
                    stdout=subprocess.DEVNULL,
                    timeout=PATIENCE,
                )
        finally:
            sink.terminate()
    seconds: dict[str, list[float]] = json.loads(bench.desk.file(FILE).read_text())
    whole, spans = seconds.pop(OWN.name), seconds.pop(SPANS)
    more_and_less = {name: (whole, parts) for name, parts in seconds.items()} | {SPANS: (spans, whole)}
    return {
        name: quartiles([(high - low) / BLOCK * 1e6 for high, low in zip(more, less, strict=True)])
        for name, (more, less) in more_and_less.items()
    }


def _measured(desk: Desk) -> dict[str, list[float]]:
    """By what is left out or added, or by the service's name, the CPU seconds of each block."""
    bodies = [encoded(OWN.one.body(desk.version, profile)) for profile in desk.profiles[:BLOCK]]
    own = create_app()
    blocks: dict[str, Callable[[], float]] = {
        OWN.name: partial(_seconds, own, bodies),
        "logs": partial(_unlogged, own, bodies),
        "metrics": partial(_seconds, unmetered.create_app(), bodies),
        "logs, metrics and trace ids": partial(_seconds, silent.create_app(), bodies),
        # The last, as it imports OpenTelemetry, which the others would find.
        SPANS: partial(
            _seconds, create_app(replace(Settings.from_environment(), traces="otlp")), bodies
        ),
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
