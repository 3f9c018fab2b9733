"""The tools that hold the service to its contract, each run on one operation of a running server."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import requests

from tests.conftest import ROOT, Server
from tests.contract import described, test_lifecycle, test_openapi, test_probes
from tests.contract.probe import Probe

Tool = Callable[[Server, str], bool]
"""Whether a tool finds a fault, given a server and an operation; '' stands for what is no operation's."""
PHASES = "examples,coverage,fuzzing"


def drift(server: Server, _: str) -> bool:
    """Whether the contract that is served isn't the committed one."""
    return _contract(server) != described.committed()


def pins(server: Server, _: str) -> bool:
    """Whether the contract that is served breaks a rule, as it would if it were committed."""
    contract = _contract(server)
    suites = [*vars(test_openapi).items(), *vars(test_lifecycle).items(), *vars(test_probes).items()]
    rules = [one for name, one in suites if name.startswith("test_") and _wants(one) == ["contract"]]
    return any(_fails(rule, contract) for rule in rules)


def probes(server: Server, operation: str) -> bool:
    """Whether an answer to a probe isn't the promised one."""
    if _fails(test_probes.etags_of, server):
        return True
    etags = test_probes.etags_of(server)
    return any(_fails(_promised, server, etags, one) for one in _probes(operation))


def _promised(server: Server, etags: dict[str, str], probe: Probe) -> None:
    """Every promise apart from the contract's description of answers, which is a tool of its own."""
    etag = etags.get(probe.path, "")
    answer = test_probes.answer_to(server, probe, etag)
    test_probes.require_promised(probe, answer, etag)
    test_probes.require_secured(answer)
    test_probes.require_nothing_from_inside(answer)
    if probe.slug:
        test_probes.require_problem(probe, answer)


def schemas(server: Server, operation: str) -> bool:
    """Whether an answer to a probe isn't as the committed contract describes it."""
    return any(_fails(_described, server, probe) for probe in _probes(operation))


def _described(server: Server, probe: Probe) -> None:
    test_probes.require_described(probe, test_probes.answer_to(server, probe))


def lifecycle(server: Server, operation: str) -> bool:
    """Whether a deprecated or retired version of the server tells its end in another way than promised."""
    check = test_lifecycle.test_each_probe_gets_its_promised_answer
    asked = [probe for probe in test_lifecycle.PROBES if probe.operation == operation]
    return any(_fails(check, server, probe) for probe in asked)


def schemathesis(server: Server, operation: str) -> bool:
    """Whether schemathesis finds a fault within few examples."""
    command = [str(Path(sys.executable).with_name("schemathesis"))]
    command += ["--config-file", str(ROOT / "openapi" / "schemathesis.toml"), "run", "--no-color"]
    command += ["--phases", PHASES, "--max-examples", "10", "--max-failures", "1"]
    command += ["--include-operation-id", operation, f"{server.url}/openapi.json"]
    with TemporaryDirectory() as cwd:
        environment = {**os.environ, "PYTHONUTF8": "1", "COLUMNS": "120"}
        ran = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, timeout=120)
    return ran.returncode != 0


def _contract(server: Server) -> dict[str, Any]:
    """The contract that is served, with the servers of a file: its own are relative to its place."""
    served: dict[str, Any] = requests.get(f"{server.url}/openapi.json", timeout=10).json()
    return served | {"servers": described.committed()["servers"]}


def _probes(operation: str) -> Iterator[Probe]:
    """What the application is asked about an operation."""
    return (one for one in test_probes.ANSWERED if one.operation == operation)


def _wants(check: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(check).parameters)


def _fails(check: Callable[..., Any], *arguments: Any) -> bool:
    """Whether a test fails, in whatever way."""
    try:
        check(*arguments)
    except Exception:  # noqa: BLE001  # an answer that can't even be read is at fault, too
        return True
    return False
