"""Load: vegeta sends the bodies in turn, as fast as answers come or at a fixed rate."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

CONNECTIONS = 16
PACED_CONNECTIONS = 64


@dataclass(frozen=True)
class Load:
    """What came back: answers a second, and latencies in milliseconds."""

    count: int
    rate: float
    p50: float
    p99: float
    success: float
    errors: tuple[str, ...]


@dataclass(frozen=True)
class Generator:
    """vegeta, kept to some cores, with a folder for its files."""

    command: Path
    at: Path
    on: frozenset[int]

    def targets(self, name: str, url: str, bodies: Sequence[bytes]) -> Path:
        """A file of requests."""
        file = self.at / f"{name}.targets"
        header = {"Content-Type": ["application/json"]}
        with file.open("w") as lines:
            for body in bodies:
                target = {"method": "POST", "url": url, "header": header}
                lines.write(json.dumps({**target, "body": base64.b64encode(body).decode()}) + "\n")
        return file

    def flood(self, targets: Path, seconds: float, connections: int = CONNECTIONS) -> Load:
        """Closed loop: each connection sends its next request when it has its answer."""
        closed = ["-rate=0", f"-max-workers={connections}", f"-workers={connections}"]
        return self._attack(targets, seconds, [*closed, f"-connections={connections}"])

    def pace(self, targets: Path, seconds: float, rate: float) -> Load:
        """Open loop: so many requests a second, whether answers come or not."""
        most = PACED_CONNECTIONS
        opened = [f"-rate={max(1, round(rate))}/s", f"-workers={most}", f"-max-workers={most}"]
        return self._attack(targets, seconds, [*opened, f"-connections={most}"])

    def _attack(self, targets: Path, seconds: float, options: Sequence[str]) -> Load:
        found = self.at / "attack.bin"
        attack: list[str | Path] = [
            self.command,
            "attack",
            "-format=json",
            f"-targets={targets}",
            f"-duration={seconds}s",
        ]
        attack += [*options, "-max-body=0", "-timeout=60s", f"-output={found}"]
        self._run(attack)
        report = json.loads(self._run([self.command, "report", "-type=json", found]))
        latencies = report["latencies"]
        return Load(
            count=report["requests"],
            rate=report["throughput"],
            p50=latencies["50th"] / 1e6,
            p99=latencies["99th"] / 1e6,
            success=report["success"],
            errors=tuple(report["errors"] or ()),
        )

    def _run(self, command: Sequence[str | Path]) -> bytes:
        return subprocess.run(
            command,
            check=True,
            stdout=subprocess.PIPE,
            timeout=180,
            preexec_fn=lambda: os.sched_setaffinity(0, self.on),
        ).stdout
