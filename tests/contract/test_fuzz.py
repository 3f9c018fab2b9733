"""schemathesis in strength between the suite's and `make fuzz`, and what `make fuzz` makes of its parts."""

from __future__ import annotations

import os
from pathlib import Path
from socket import create_server

import pytest

from tests.conftest import Server
from tests.contract import faulty, fuzz, fuzzer
from tests.contract.fuzz import Part
from tests.contract.fuzzer import PHASES
from tests.contract.test_openapi import OPERATIONS

EXAMPLES = int(os.environ.get("EXAMPLES", "100"))
FEW_EXAMPLES = 15
OWN_SEED: tuple[str, ...] = ()
ANOTHER_SEED = ("--seed", "1")


@pytest.mark.parametrize(
    ("catalog", "workers", "seed"),
    [("bundled", "1", OWN_SEED), ("bundled", "4", ANOTHER_SEED), ("generated", "1", ANOTHER_SEED)],
    ids=["bundled-1", "bundled-4", "generated-1"],
)
def test_the_server_keeps_its_contract(
    tmp_path: Path, catalog: str, workers: str, seed: tuple[str, ...]
) -> None:
    """All checks in all phases find nothing, with several workers, and of trees that nobody wrote."""
    with fuzz.serving(catalog, workers) as url:
        outcome = fuzzer.fuzz(url, tmp_path, EXAMPLES, *seed, limit=300 + 2 * EXAMPLES)

    assert outcome.passed, outcome.text
    assert PHASES == outcome.phases
    assert outcome.cases > len(OPERATIONS) * EXAMPLES / 2


@pytest.mark.parametrize("seed", ["1", "20261122", "170897005711826940117073881826027908"])
def test_the_fuzzer_passes_out_of_the_box(server: Server, tmp_path: Path, seed: str) -> None:
    """Without the repository's configuration, in an empty folder and with any seed, it finds no fault."""
    outcome = fuzzer.fuzz(server.url, tmp_path, FEW_EXAMPLES, "--seed", seed, config=None)

    assert outcome.passed, outcome.text
    assert PHASES == outcome.phases


def test_full_strength_leaves_nothing_out() -> None:
    """Each operation, the links and mutated requests, with each seed, catalog and number of workers, once."""
    found = list(fuzz.parts(5))
    subjects = {part.subject for part in found}

    assert OPERATIONS.keys() | {fuzz.BOUNDARIES, fuzz.LINKS, fuzz.MUTATED} == subjects
    assert len(found) == len(set(found)) == len({part.name for part in found})
    assert 4 * (1 + 5 * (len(OPERATIONS) + 2)) == len(found)


@pytest.mark.parametrize(
    ("subject", "counted"),
    [("broken", "server_errors"), ("untrue", "failures"), ("unread", "warnings")],
)
def test_a_fault_fails_its_part(tmp_path: Path, subject: str, counted: str) -> None:
    """A 5xx, an answer that breaks its schema and a warning fail, are counted, and aren't kept as passed."""
    part = Part("bundled", "1", subject, 1)
    with faulty.serving() as url:
        outcome = fuzz.run(part, url, 10, tmp_path)

    assert not outcome.passed
    assert getattr(outcome, counted) > 0
    assert [f"{part.name}.txt"] == [path.name for path in tmp_path.iterdir()]


def test_a_part_that_passed_isn_t_run_again(tmp_path: Path) -> None:
    """Its numbers are kept: the second run needs no server."""
    part = Part("bundled", "1", "right", 1)
    with faulty.serving() as url:
        outcome = fuzz.run(part, url, 10, tmp_path)

    assert outcome.passed, outcome.text
    assert (10, 0, 0, 0) == (outcome.cases, outcome.failures, outcome.warnings, outcome.server_errors)
    assert outcome == fuzz.run(part, "http://127.0.0.1:1", 10, tmp_path)


def test_a_part_that_hangs_is_ended(tmp_path: Path) -> None:
    """A server that never answers fails the part, in time."""
    with create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        outcome = fuzzer.fuzz(url, tmp_path, 10, limit=8)

    assert not outcome.passed
    assert outcome.seconds < 60
