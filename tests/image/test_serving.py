"""The service in its container, with nothing set but what the image sets."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from finetune_advisor import __version__
from finetune_advisor.app import create_app
from finetune_advisor.engine.analysis import coverage
from finetune_advisor.engine.evaluation.exact import evaluate
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.settings import Settings
from finetune_advisor.suites import loader
from finetune_advisor.suites.runner import Case
from finetune_advisor.trees import catalog
from tests.conftest import ROOT
from tests.image.conftest import RunContainer
from tests.image.container import UID, URL, Container, bind

[SUITE] = loader.load_suites([ROOT / "tests" / "suites" / "1.0.0.yaml"], catalog.load_catalog().trees)
CASES = {case.name: case for case in SUITE.cases}


@pytest.mark.parametrize("name", CASES)
def test_a_case_of_the_flowchart_is_answered(container: Container, name: str) -> None:
    """Every case of tree 1.0.0's suite gets its status, recommendation and path over HTTP."""
    case: Case = CASES[name]
    answer = requests.post(f"{URL}/assess", json={"profile": case.profile}, timeout=10).json()
    found = {
        "status": answer["status"],
        "recommendation": answer.get("recommendation", {}).get("id"),
        "path": [step["question"] for step in answer["path"]],
    }
    expected = {one: case.expect[one] for one in found if one in case.expect}

    assert expected == {one: found[one] for one in expected}
    assert "status" in expected


def test_the_cases_take_all_twelve_paths(tree: Tree) -> None:
    """What the test above walks is the whole flowchart."""
    ways = coverage.list_paths(tree)
    taken = {tuple(evaluate(tree, case.profile).path) for case in CASES.values()}
    assert ways is not None
    assert 12 == len(ways) == len(taken & {tuple(evaluate(tree, way.witness).path) for way in ways})


def test_it_conforms_to_the_decision_tables(container: Container) -> None:
    """All rows of all trees are answered as they are worked out here, by another Python."""
    command = [Path(sys.executable).with_name("finetune-advisor"), "conformance", "--url", URL]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300)

    assert (0, "") == (run.returncode, run.stderr)
    assert re.findall(r"Tree (\S+): conforms; (\d+) rows", run.stdout) == [
        ("1.0.0", "2060"),
        ("2.0.0", "3801"),
        ("3.0.0", "2723"),
    ]


def test_answers_are_the_same_bytes_as_elsewhere(container: Container) -> None:
    """The image's Python writes what this one does, contract and picture included."""
    here = create_app(Settings(log_level="error")).test_client()
    profile = {"profile": next(iter(CASES.values())).profile}
    for path in ("/assess", "/assess/explain"):
        assert (
            here.post(path, json=profile).data
            == requests.post(f"{URL}{path}", json=profile, timeout=10).content
        )
    for path in ("/tree", "/tree/versions/2.0.0", "/tree/versions/2.0.0/diagram", "/openapi.json"):
        assert here.get(path).data == requests.get(f"{URL}{path}", timeout=10).content


def test_probes_and_metrics_answer(container: Container) -> None:
    """Both probes are content, and the build is told with its revision and Python."""
    assert requests.get(f"{URL}/healthz", timeout=10).json() == {"status": "ok"}
    assert requests.get(f"{URL}/readyz", timeout=10).json()["status"] == "ok"
    requests.post(f"{URL}/assess", json={"profile": {}}, timeout=10)
    metrics = requests.get(f"{URL}/metrics", timeout=10).text
    [build] = re.findall(r"^finetune_advisor_build_info\{(.*)\} 1\.0$", metrics, re.MULTILINE)
    labels = dict(re.findall(r'(\w+)="([^"]*)"', build))

    assert labels["version"] == __version__
    assert labels["revision"] == container.image.config["Labels"]["org.opencontainers.image.revision"]
    assert labels["python"].startswith("3.13.")
    assert "finetune_advisor_assessments_total{" in metrics
    assert "process_resident_memory_bytes" in metrics


def test_it_has_no_more_rights_than_it_needs(container: Container) -> None:
    """Process 1 is gunicorn: an unknown user, no capabilities, and nothing that it could write to."""
    first = container.first_process()
    status = dict(line.split(":\t", 1) for line in (first / "status").read_text().splitlines())
    mounts = [line.split() for line in (first / "mountinfo").read_text().splitlines()]

    assert "finetune_advisor.server.gunicorn_application" in (first / "cmdline").read_text().split("\0")
    assert {str(UID)} == set(status["Uid"].split())
    assert {"0" * 16} == {status[f"Cap{kind}"] for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")}
    assert status["NoNewPrivs"] == "1"
    assert [True] == ["ro" in options.split(",") for _, _, _, _, at, options, *_ in mounts if at == "/"]
    assert 1 == container.run("python3", "-c", "open('/tmp/file', 'w')").returncode


def test_nothing_is_logged_as_a_fault(container: Container) -> None:
    """From the start on, every line is JSON and informs."""
    requests.get(f"{URL}/tree", timeout=10)
    lines = [json.loads(line) for line in container.logged.splitlines()]

    assert {"INFO"} == {line["level"].upper() for line in lines}
    assert any("Listening at: http://0.0.0.0:8080" in line["message"] for line in lines)


def test_the_metrics_port_is_apart(run_container: RunContainer) -> None:
    """With a port of their own, operations and the health check answer there alone."""
    running = run_container(PORT="8081", METRICS_PORT="9090")
    running.wait_until_ready("http://127.0.0.1:9090")

    assert requests.get("http://127.0.0.1:9090/metrics", timeout=10).ok
    assert 404 == requests.get("http://127.0.0.1:8081/metrics", timeout=10).status_code
    assert 404 == requests.get("http://127.0.0.1:9090/tree", timeout=10).status_code
    assert (0, "") == _checked(running)


def _checked(running: Container) -> tuple[int, str]:
    """What the image's HEALTHCHECK says in a container."""
    kind, *command = running.image.config["Healthcheck"]["Test"]
    assert kind == "CMD"
    run = running.run(*command)
    return run.returncode, run.stderr


def test_the_health_check_tells_well_from_ill(container: Container) -> None:
    """It passes where the service answers, and fails where another command runs instead."""
    assert (0, "") == _checked(container)
    run = container.run(
        "env", "FINETUNE_ADVISOR_PORT=8099", "python3", "-m", "finetune_advisor.server.healthcheck"
    )
    assert (1, "127.0.0.1:8099 doesn't answer: [Errno 111] Connection refused\n") == (
        run.returncode,
        run.stderr,
    )


def test_several_workers_share_their_metrics_without_a_volume(run_container: RunContainer) -> None:
    """Two workers need no folder to write to but the memory that every container has."""
    running = run_container(PORT="8082", WORKERS="2")
    running.wait_until_ready("http://127.0.0.1:8082")
    for _ in range(20):
        assert requests.post("http://127.0.0.1:8082/assess", json={"profile": {}}, timeout=10).ok
    metrics = requests.get("http://127.0.0.1:8082/metrics", timeout=10).text
    counted = re.findall(r"^finetune_advisor_assessments_total\{.*\} ([\d.]+)$", metrics, re.MULTILINE)

    assert 20 == sum(map(float, counted))
    assert 0 == running.stop()


OWN: dict[str, Any] = bind(ROOT / "tests" / "trees", "/trees")


def test_own_trees_are_checked_by_the_same_image(run_container: RunContainer) -> None:
    """As an init container it proves mounted trees, or says which fault is where and exits with 1."""
    sound = run_container("tree", "check", "/trees/small.yaml", mounts=[OWN])
    assert 0 == sound.process.wait(60), sound.logged
    served = run_container(
        "serve", mounts=[bind(ROOT / "tests" / "api", "/trees")], TREES_DIR="/trees", PORT="8083"
    )
    served.wait_until_ready("http://127.0.0.1:8083")
    versions = requests.get("http://127.0.0.1:8083/tree/versions", timeout=10).json()["versions"]
    assert "9.0.0-typed" in [one["version"] for one in versions]

    faulty = run_container("tree", "check", "/trees/faults.yaml", mounts=[OWN])
    assert 1 == faulty.process.wait(60)
    assert "/trees/faults.yaml:" in faulty.logged
    assert "Traceback" not in faulty.logged


def test_a_wrong_setting_stops_the_start(run_container: RunContainer) -> None:
    """One line names the variable."""
    stopped = run_container(THREADS="many")
    assert 1 == stopped.process.wait(60)
    assert "Error: FINETUNE_ADVISOR_THREADS: Not a valid integer." in stopped.logged
    assert 1 == len(stopped.logged.splitlines())
