"""FastMCP makes tools for language models of the contract, as docs/clients.md shows it."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.clients.languages import GUIDE, HERE
from tests.conftest import Server
from tests.contract.test_openapi import OPERATIONS
from tests.tools import built, run

MAX_LIST_BYTES = 50_000
"""The largest list of tools, without schemas of output: it stands in the context of every conversation. Four
tools have the inputs of all trees, of which tree 3.0.0 brought two dozen.
"""


def tools(url: str, output: str) -> dict[str, Any]:
    """The tools, each called once."""
    place = built("client-fastmcp", HERE / "tools" / "fastmcp", (), _install)
    driver = str(HERE / "drivers" / "fastmcp_tools.py")
    found: dict[str, Any] = json.loads(
        run([str(place / "venv" / "bin" / "python"), driver, url, output], HERE).stdout
    )
    return found


def _install(place: Path) -> None:
    run([sys.executable, "-m", "venv", "venv"], place)
    install = ["venv/bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run([*install, "--require-hashes", "-r", "requirements.txt"], place)


@pytest.mark.parametrize("output", ["output-schemas", "no-output-schemas"])
def test_every_operation_is_a_tool_that_answers(server: Server, output: str) -> None:
    """Each of the ten is called once, and answers what it says; a picture comes as text."""
    found = tools(server.url, output)

    assert sorted(OPERATIONS) == sorted(found["tools"])
    answers = found["answers"]
    assert OPERATIONS.keys() == answers.keys()
    assert requests.get(f"{server.url}/tree", timeout=10).json() == json.loads(answers["getTree"])
    assert "use_rag" in json.loads(answers["assess"])["candidates"]
    assert answers["getDiagram"].startswith("<svg")
    assert "tree 1.0.0 has no worksheet for data_sensitive" in answers["workOutInput"]
    if output == "no-output-schemas":
        assert found["bytes"] <= MAX_LIST_BYTES


def test_the_guide_installs_what_is_tested() -> None:
    """The version in the guide is that of the lock file, and its call is the one that is tested."""
    [version] = re.findall(r"pip install fastmcp==(\S+)", GUIDE)

    assert f"fastmcp=={version} " in (HERE / "tools" / "fastmcp" / "requirements.txt").read_text()
    assert "FastMCP.from_openapi(contract, client=client, validate_output=False)" in GUIDE
