"""schemathesis against a real server: what it answers is what the contract says.

`make contract` asks more.
"""

from __future__ import annotations

from pathlib import Path

from tests.conftest import Server
from tests.contract.fuzzer import PHASES, fuzz

EXAMPLES = 20


def test_the_server_keeps_its_contract(server: Server, tmp_path: Path) -> None:
    """All checks in all phases, on all operations, find no fault and raise no warning."""
    outcome = fuzz(server.url, tmp_path, EXAMPLES)

    assert outcome.passed, outcome.text
    assert PHASES == outcome.phases
