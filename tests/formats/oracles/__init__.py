"""Engines that others wrote, each behind a process that reads a line of JSON and answers with one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import zen

HERE = Path(__file__).parent
TOOLS = HERE.parents[2] / ".tools"
DEPENDENCIES = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"


class Oracle:
    """A running engine."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def ask(self, **question: Any) -> Any:
        """Its answer to a question; fails with the engine's own words where it refuses."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        assert not answer.get("error"), answer["error"]
        return answer

    def outcomes(self, model: str, profiles: Sequence[Mapping[str, Any]]) -> list[Any]:
        """What it makes of profiles: objects with a recommendation and a reason."""
        found: list[Any] = self.ask(model=model, profiles=profiles)["outcomes"]
        return found


@contextmanager
def rego() -> Iterator[Oracle]:
    """Open Policy Agent, compiled from its Go packages."""
    built = _built("rego", ["go"], lambda at: _run(["go", "build", "-o", "oracle", "."], at))
    with _running([str(built / "oracle")], built) as oracle:
        yield oracle


@contextmanager
def dmn() -> Iterator[Oracle]:
    """Drools; it validates each model against the schema of DMN 1.3 first."""
    built = _built("dmn", ["java", "javac", "mvn"], _build_dmn)
    with _running(["java", "-XX:+UseSerialGC", "-cp", "lib/*:.", "Oracle"], built) as oracle:
        yield oracle


@contextmanager
def mermaid() -> Iterator[Oracle]:
    """Mermaid's own parser."""
    install = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    built = _built("mermaid", ["node", "npm"], lambda at: _run(install, at))
    with _running(["node", "oracle.mjs"], built) as oracle:
        yield oracle


def _build_dmn(at: Path) -> None:
    _run(["mvn", "-B", "-q", DEPENDENCIES, "-DoutputDirectory=lib", "-DincludeScope=runtime"], at)
    _run(["javac", "-cp", "lib/*", "Oracle.java"], at)


def _built(name: str, needed: Sequence[str], build: Callable[[Path], None]) -> Path:
    """Where an oracle is built, once for each state of its sources."""
    for tool in needed:
        if shutil.which(tool) is None:
            pytest.skip(f"the {name} oracle needs {tool}, which isn't installed here")
    sources = sorted((HERE / name).iterdir())
    state = sha256(b"\0".join(part for s in sources for part in (s.name.encode(), s.read_bytes())))
    place = TOOLS / f"{name}-{state.hexdigest()[:12]}"
    TOOLS.mkdir(exist_ok=True)
    with (TOOLS / f"{name}.lock").open("w") as lock:
        flock(lock, LOCK_EX)
        if not place.is_dir():
            building = place.with_name(f"{place.name}.{os.getpid()}")
            shutil.copytree(HERE / name, building)
            build(building)
            building.rename(place)
    return place


def _run(command: Sequence[str], at: Path) -> None:
    done = subprocess.run(command, cwd=at, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


@contextmanager
def _running(command: Sequence[str], at: Path) -> Iterator[Oracle]:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, cwd=at, text=True, encoding="utf-8", **pipes) as process:
        yield Oracle(process)
        assert process.stdin
        process.stdin.close()
        process.wait(20)


class Zen:
    """GoRules' engine, in this process. Profiles go in as JSON text, which keeps every digit."""

    def outcomes(self, model: str, profiles: Sequence[Mapping[str, Any]]) -> list[Any]:
        """What it makes of profiles: objects with a recommendation and a reason."""
        decision = zen.ZenEngine().create_decision(model)
        decision.validate()
        return [decision.evaluate(json.dumps(profile))["result"] for profile in profiles]
