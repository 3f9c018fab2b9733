"""Engines that others wrote, each behind a process that reads a line of JSON and answers with one."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import zen
from bench.tools import DEPENDENCIES

from tests.tools import NPM_CI, built, run

HERE = Path(__file__).parent


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
    compile_ = ["go", "build", "-o", "oracle", "."]
    place = built("rego", HERE / "rego", ["go"], lambda at: run(compile_, at))
    with _running([str(place / "oracle")], place) as oracle:
        yield oracle


@contextmanager
def dmn(engine: str) -> Iterator[Oracle]:
    """An engine for DMN by its folder's name; Drools validates models against the schema of DMN 1.3."""
    place = built(engine, HERE / engine, ["java", "javac", "mvn"], _build_dmn)
    with _running(["java", "-XX:+UseSerialGC", "-cp", "lib/*:.", "Oracle"], place) as oracle:
        yield oracle


@contextmanager
def mermaid() -> Iterator[Oracle]:
    """Mermaid's own parser."""
    place = built("mermaid", HERE / "mermaid", ["node", "npm"], lambda at: run(NPM_CI, at))
    with _running(["node", "oracle.mjs"], place) as oracle:
        yield oracle


def _build_dmn(at: Path) -> None:
    run(["mvn", "-B", "-q", DEPENDENCIES, "-DoutputDirectory=lib", "-DincludeScope=runtime"], at)
    run(["javac", "-cp", "lib/*", "Oracle.java"], at)


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
