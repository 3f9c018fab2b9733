"""schemathesis, held to `openapi/schemathesis.toml`: one run against a server, and what came of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT

CONFIG = ROOT / "openapi" / "schemathesis.toml"
PHASES = ["examples", "coverage", "fuzzing", "stateful"]
UNCHECKED_HEALTH = ("--suppress-health-check", "all")


@dataclass(frozen=True)
class Outcome:
    """What a run found, in numbers, and in schemathesis' own words."""

    passed: bool
    cases: int
    failures: int
    server_errors: int
    warnings: int
    phases: list[str]
    seconds: float
    text: str


def fuzz(
    url: str,
    place: Path,
    examples: int,
    *options: str,
    config: Path | None = CONFIG,
    limit: float = 600,
) -> Outcome:
    """Run schemathesis in a folder, for up to so many seconds; without `config`, as it comes."""
    report = place / "report.json"
    configured = ["--config-file", str(config)] if config else []
    command = [str(Path(sys.executable).with_name("schemathesis")), *configured, "run"]
    command += ["--max-examples", str(examples), "--no-color", *UNCHECKED_HEALTH, *options]
    command += ["--report", "json", "--report-json-path", str(report), f"{url}/openapi.json"]
    started = time.monotonic()
    code, text = _ran(command, place, limit)
    found = {} if code is None or not report.exists() else json.loads(report.read_text())
    kinds = found.get("failures", []) + found.get("errors", [])
    return Outcome(
        passed=code == 0 and found.get("complete") is True,
        cases=found.get("test_cases", {}).get("generated", 0),
        failures=sum(kind.get("count", 1) for kind in kinds),
        server_errors=sum(kind["count"] for kind in kinds if kind.get("type") == "ServerError"),
        warnings=sum(map(len, found.get("warnings", {}).values())),
        phases=[p for p in PHASES if found.get("phases", {}).get(p, {}).get("status") == "success"],
        seconds=time.monotonic() - started,
        text=text,
    )


def _ran(command: Sequence[str], place: Path, limit: float) -> tuple[int | None, str]:
    """Its exit code, none if it ran out of time, and what it printed."""
    environment = {**os.environ, "PYTHONUTF8": "1", "COLUMNS": "120"}
    with (place / "output").open("w+", encoding="utf-8") as out:
        process = subprocess.Popen(
            command, cwd=place, env=environment, stdout=out, stderr=subprocess.STDOUT
        )
        try:
            code = process.wait(limit)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait() and None
        out.seek(0)
        return code, out.read()
