"""What keys cost: applications with different numbers of them and without, block by block, in one process."""

from __future__ import annotations

import gc
import json
import logging
import time
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from statistics import median

from flask import Flask
from werkzeug.test import EnvironBuilder
from werkzeug.wsgi import ClosingIterator

from finetune_advisor.access.key_file import make_key, render_line
from finetune_advisor.app import create_app
from finetune_advisor.settings import Settings
from finetune_advisor.telemetry import deferred
from tests.api import guide

BLOCK = 200
BODY = json.dumps({"profile": dict.fromkeys(guide.INPUTS, False)}).encode()
KEY_COUNTS = (1, 10, 100)

Case = tuple[Flask, Mapping[str, str]]


def measure_costs(folder: Path, rounds: int) -> dict[str, float]:
    """Microseconds of CPU time of POST /assess, as the median of blocks of 200 requests that alternate."""
    logging.disable()  # a line is made in either case, and takes the same
    cases = dict(_make_cases(folder))
    seconds: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, case in cases.items():
            seconds[name].append(_time_block(*case))
    logging.disable(logging.NOTSET)
    return {name: median(values) / BLOCK * 1e6 for name, values in seconds.items()}


def _make_cases(folder: Path) -> Iterator[tuple[str, Case]]:
    yield "no keys", (create_app(Settings()), {})
    yield "no keys again", (create_app(Settings()), {})
    for count in KEY_COUNTS:
        keys = [make_key() for _ in range(count)]
        path = folder / f"keys-{count}"
        path.write_text("".join(f"{render_line(f'k{n}', key)}\n" for n, key in enumerate(keys)))
        app = create_app(Settings(api_keys_file=path))
        yield f"a file of {count}", (app, {"HTTP_AUTHORIZATION": f"Bearer {keys[0]}"})
    yield f"{count}, and a wrong one", (app, {"HTTP_AUTHORIZATION": f"Bearer {make_key()}"})


def _time_block(app: Flask, headers: Mapping[str, str]) -> float:
    """CPU seconds of one block of requests, with all that they leave to do."""
    post = EnvironBuilder("/assess", method="POST", content_type="application/json").get_environ()
    environs = [
        {**post, **headers, "CONTENT_LENGTH": str(len(BODY)), "wsgi.input": BytesIO(BODY)}
        for _ in range(BLOCK)
    ]
    gc.collect()
    began = time.process_time()
    for environ in environs:
        b"".join(ClosingIterator(app(environ, lambda *_: None)))
    deferred.flush()
    return time.process_time() - began
