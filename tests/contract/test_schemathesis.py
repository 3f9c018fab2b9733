"""schemathesis against a real server: what it answers is what the contract says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT, Server

MOST_EXAMPLES = "150"
PHASES = ("Examples", "Coverage", "Fuzzing", "Stateful")


def test_the_server_keeps_its_contract(server: Server, tmp_path: Path) -> None:
    """All checks in all phases, on all operations, find no fault and raise no warning."""
    command = [str(Path(sys.executable).with_name("schemathesis"))]
    config = ["--config-file", str(ROOT / "openapi" / "schemathesis.toml")]
    run = ["run", "--max-examples", MOST_EXAMPLES, "--no-color", f"{server.url}/openapi.json"]

    ran = subprocess.run(
        [*command, *config, *run],
        cwd=tmp_path,
        env={**os.environ, "PYTHONUTF8": "1", "COLUMNS": "120"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert [phase for phase in PHASES if f"✅ {phase}" not in ran.stdout] == []
