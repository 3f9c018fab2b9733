"""The contract's linters, as committed in `openapi/linters/`: which rules find fault with a contract."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests import tools
from tests.conftest import ROOT

SOURCES = ROOT / "openapi" / "linters"


def installed() -> Path:
    """The folder with the linters and their rules."""
    return tools.built(
        "contract-linters", SOURCES, ["node", "npm"], lambda at: tools.run(tools.NPM_CI, at)
    )


def spectral(*contracts: Path, rules: Path | None = None) -> list[set[str]]:
    """The rules that Spectral finds broken in each contract, down to hints; its exit code agrees."""
    options = ["--fail-severity", "hint", "--format", "json", "--quiet"]
    ruleset = ["--ruleset", str(rules or installed() / "spectral.mjs")]
    code, found = _run("spectral", ["lint", *options, *ruleset, *map(str, contracts)])
    assert code == bool(found)
    return [{one["code"] for one in found if one["source"] == str(place)} for place in contracts]


def redocly(*contracts: Path) -> list[set[str]]:
    """The rules that Redocly finds broken in each contract; its exit code agrees."""
    return [_redocly(contract) for contract in contracts]


def _redocly(contract: Path) -> set[str]:
    config = ["--config", str(installed() / "redocly.yaml")]
    code, found = _run("redocly", ["lint", *config, "--format", "json", str(contract)])
    assert code == bool(found["problems"])
    return {problem["ruleId"] for problem in found["problems"]}


def _run(tool: str, arguments: Sequence[str]) -> tuple[int, Any]:
    """A linter's exit code, and what it printed as JSON."""
    command = [str(installed() / "node_modules" / ".bin" / tool), *arguments]
    environment = {**os.environ, "REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert ran.stdout.lstrip()[:1] in {"[", "{"}, ran.stdout + ran.stderr
    return ran.returncode, json.loads(ran.stdout)
