"""The bytes that the limits answer with: an answer of this service, so that all move about as many."""

from __future__ import annotations

import os
from pathlib import Path


def body() -> bytes:
    return Path(os.environ["BENCH_ANSWER"]).read_bytes()
