"""schemathesis against a real server: what it answers is what the contract says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Server
from tests.contract.fuzzer import PHASES, fuzz

MOST_EXAMPLES, FEW_EXAMPLES = 150, 15


def test_the_server_keeps_its_contract(server: Server, tmp_path: Path) -> None:
    """All checks in all phases, on all operations, find no fault and raise no warning."""
    outcome = fuzz(server.url, tmp_path, MOST_EXAMPLES)

    assert outcome.passed, outcome.text
    assert PHASES == outcome.phases


@pytest.mark.parametrize("seed", ["1", "20261122", "170897005711826940117073881826027908"])
def test_the_fuzzer_passes_out_of_the_box(server: Server, tmp_path: Path, seed: str) -> None:
    """Without the repository's configuration, in an empty folder and with any seed, it finds no fault."""
    outcome = fuzz(server.url, tmp_path, FEW_EXAMPLES, "--seed", seed, config=None)

    assert outcome.passed, outcome.text
    assert PHASES == outcome.phases
