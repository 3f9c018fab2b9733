"""The MCP server, asked by the official clients for TypeScript, which share no code with the server's SDK."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.agents.test_transports import PROGRAM, serving
from tests.clients.languages import HERE
from tests.tools import NPM_CI, built, run

ASKED = [
    "prompt_engineering_sufficient",
    "knowledge_retrieval_problem",
    "narrow_specific_task",
    "consistent_style_needed",
    "deep_domain_expertise_needed",
    "data_sensitive",
]


def _install(place: Path) -> None:
    run(NPM_CI, place)


def ask(generation: str, *target: str) -> None:
    """Have a client lead an interview, call every tool, and read a tree and the prompt."""
    place = built("client-mcp", HERE / "tools" / "mcp", ("node", "npm"), _install)
    driver = (HERE / "drivers" / "mcp_client.mjs").read_text(encoding="utf-8")
    # Node looks for packages beside the program.
    (place / "mcp_client.mjs").write_text(driver, encoding="utf-8")
    found = json.loads(run(["node", "mcp_client.mjs", generation, *target], place).stdout)

    assert ["assess", "explain", "compare_trees", "describe_input"] == found["tools"]
    assert ASKED == found["asked"]
    assert "use_api" == found["recommendation"]
    wrong = {"explain": False, "compare_trees": False, "describe_input": False, "assess": True}
    assert wrong == found["errors"]
    assert "did you mean data_sensitive?" in found["help"]
    assert (6, "1.0.0") == (found["resources"], found["version"])
    assert "What is known so far:\nnothing" in found["prompt"]


@pytest.mark.parametrize("generation", ["v1", "v2"])
def test_a_typescript_client_talks_to_the_process(generation: str) -> None:
    """Over standard input and output, by both generations of the client."""
    ask(generation, PROGRAM, "mcp")


@pytest.mark.parametrize("generation", ["v1", "v2"])
def test_a_typescript_client_talks_to_the_server(generation: str) -> None:
    """Over streamable HTTP."""
    with serving() as (url, _):
        ask(generation, url)
