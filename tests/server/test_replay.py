"""Decision logs of the real service, replayed."""

from __future__ import annotations

import json
import random
from collections import Counter
from io import BytesIO
from pathlib import Path

import pytest
import requests

from finetune_advisor.assessing.decision_replay import LogReplay
from finetune_advisor.engine.analysis.replay_report import ReplayReport
from finetune_advisor.engine.analysis.validation import find_faults
from finetune_advisor.engine.evaluation.exact import evaluate
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.trees.catalog import Catalog, load_catalog
from tests.conftest import StartServer
from tests.mutants import retargeted
from tests.strategies import Known

PROFILES = 120


@pytest.fixture(scope="module")
def served() -> Catalog:
    """The bundled trees."""
    return load_catalog()


def random_profiles(tree: Tree, draw: random.Random) -> list[Known]:
    """Complete and partial profiles; numbers are those at which cells begin."""
    profiles = []
    for index in range(PROFILES):
        share = 1 if index % 2 else draw.random()
        profiles.append(
            {
                name: input_.value(draw.choice(tree.partition[name]).least)
                for name, input_ in tree.inputs.items()
                if draw.random() < share
            }
        )
    return profiles


def log_of_service(
    start_server: StartServer, version: str, profiles: list[Known], **settings: str
) -> Path:
    """The log of a service that assessed profiles by each endpoint."""
    service = start_server(DECISION_LOG="true", WORKERS="2", **settings)
    body = {"tree_version": version}
    for profile in profiles[::2]:
        answer = requests.post(f"{service.url}/assess", json=body | {"profile": profile}, timeout=30)
        assert answer.status_code == 200
    batch = {"profiles": [*profiles[1::2], {"no_such_input": 1}]}
    assert requests.post(f"{service.url}/assess/batch", json=body | batch, timeout=30).ok
    asked = {"profile": profiles[0], "limit": 1}
    assert requests.post(f"{service.url}/assess/explain", json=body | asked, timeout=30).ok
    assert service.stop() == 0
    return service.log


def replay(served: Catalog, tree: Tree, log: Path) -> ReplayReport:
    """The report on a log."""
    replayed = LogReplay(served, tree, 1)
    with log.open("rb") as lines:
        replayed.replay(lines, log.name)
    return replayed.report


@pytest.mark.parametrize("version", ["1.0.0", "2.0.0", "3.0.0"])
def test_every_decision_is_the_same_by_the_tree_that_made_it(
    start_server: StartServer, served: Catalog, version: str
) -> None:
    """Decided or not, by whatever endpoint; the log's other lines are passed over."""
    tree = served.trees[version]
    profiles = random_profiles(tree, random.Random(21))
    report = replay(served, tree, log_of_service(start_server, version, profiles))

    assert [] == report.unreadable
    assert PROFILES + 1 == report.decisions == report.count("same")
    assert report.other_lines > PROFILES // 2


def sound_mutant(tree: Tree) -> Tree:
    """A tree whose root has a branch that leads elsewhere."""
    return next(mutant for mutant in retargeted(tree) if not find_faults(mutant))


@pytest.mark.parametrize("version", ["1.0.0", "2.0.0", "3.0.0"])
def test_another_tree_agrees_with_the_full_profiles_where_it_decides(
    start_server: StartServer, served: Catalog, version: str
) -> None:
    """What the log doesn't hold makes verdicts wider: none contradicts the profile that was sent."""
    tree = served.trees[version]
    candidate = sound_mutant(tree)
    profiles = random_profiles(tree, random.Random(22))
    sent = {evaluate(tree, profile).receipt: profile for profile in profiles}
    replayed, kinds = LogReplay(served, candidate, 0), Counter[str]()
    for line in log_of_service(start_server, version, profiles).read_bytes().splitlines():
        before = verdicts(replayed.report)
        replayed.replay(BytesIO(line), "log")
        for kind in verdicts(replayed.report) - before:
            logged = json.loads(line)
            after = evaluate(candidate, sent[logged["receipt"]])
            if logged["status"] == "decided" and after.outcome:
                assert kind == "depends" or (kind == "same") == ([after.outcome] == logged["candidates"])
            kinds[kind] += 1
    assert PROFILES + 1 == kinds.total()
    assert min(kinds["same"], kinds["moved"]) > 0


def verdicts(report: ReplayReport) -> Counter[str]:
    """The number of decisions by their verdict."""
    return Counter({kind: report.count(kind) for kind in ("same", "moved", "depends")})


def test_masked_answers_are_unknown(start_server: StartServer, served: Catalog) -> None:
    """Only decisions that took a masked answer depend on it, and on what is asked only after it."""
    profiles = random_profiles(served.trees["1.0.0"], random.Random(23))
    log = log_of_service(start_server, "1.0.0", profiles, DECISION_LOG_MASK="data_sensitive")
    report = replay(served, served.trees["1.0.0"], log)

    assert [] == report.unreadable
    assert PROFILES + 1 == report.decisions
    inputs = {*report.decisions_by_input}
    assert {"data_sensitive"} <= inputs <= {"data_sensitive", "api_usable"}
    assert 0 == report.count("moved")
