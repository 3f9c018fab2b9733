"""Contestants: how each server is started, asked for one profile or many, and its answer read."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from bench import tools
from bench.desk import Desk
from bench.servers import Launch, Server, cores, free_port, serving

Kind = Literal["limit", "own", "plain", "peer"]
GUNICORN = [sys.executable, "-m", "gunicorn", "-c", "python:finetune_advisor.server.gunicorn_config"]
LARGE = {"FINETUNE_ADVISOR_MAX_BODY_BYTES": str(64 << 20)}


@dataclass(frozen=True)
class Question:
    """How a server is asked: the path, the body for a tree's version and what is asked of it, and the
    recommendations in the answer.
    """

    path: str
    body: Callable[[str, Any], Any]
    read: Callable[[Any], Any]


@dataclass(frozen=True)
class Contestant:
    """A server to measure. `command` is given the desk and a port and may raise UnavailableError."""

    name: str
    kind: Kind
    about: str
    command: Callable[[Desk, int], Sequence[str]]
    one: Question
    many: Question | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    health: str = "/healthz"
    warm_up: int = 1

    @contextmanager
    def serving(self, desk: Desk, workers: int = 1, on: set[int] | None = None) -> Iterator[Server]:
        """The running server, on some cores; left out, on one for each worker if there are enough."""
        port = free_port()
        environment = {
            "FINETUNE_ADVISOR_PORT": str(port),
            "FINETUNE_ADVISOR_WORKERS": str(workers),
            "PYTHONPATH": str(tools.ROOT),
            "BENCH_ANSWER": str(desk.file("answer.json")),
            "BENCH_TREE": str(desk.file("tree.json")),
            "BENCH_JDM": str(desk.file("tree.jdm.json")),
            **self.environment,
        }
        command = self.command(desk, port)
        log = desk.file(f"{self.name}.log")
        launch = Launch(command, environment, port, self.health, log, frozenset(on or cores(workers)[0]))
        with serving(launch) as server:
            yield server

    def bodies(self, desk: Desk) -> list[bytes]:
        """A request for each profile."""
        return [encoded(self.one.body(desk.version, profile)) for profile in desk.profiles]

    def check(self, server: Server, desk: Desk, count: int = 50) -> str:
        """What is wrong with its answers to some profiles; empty if they are the expected ones."""
        for profile in desk.profiles[:count]:
            body = encoded(self.one.body(desk.version, profile))
            status, content = server.ask("POST", self.one.path, body)
            if status != 200:
                return f"answers {status}: {content[:120].decode(errors='replace')}"
            if self.kind != "limit" and self.one.read(json.loads(content)) != desk.expected(profile):
                return "answers with another recommendation"
        return ""

    def check_batch(self, server: Server, desk: Desk, size: int) -> str:
        """The same of one request with many profiles."""
        if self.many is None:
            return "takes one profile a request"
        profiles = desk.batch(size)
        body = encoded(self.many.body(desk.version, profiles))
        status, content = server.ask("POST", self.many.path, body)
        if status != 200:
            return f"answers {status}: {content[:120].decode(errors='replace')}"
        if self.many.read(json.loads(content)) != [desk.expected(one) for one in profiles]:
            return "answers with other recommendations"
        return ""


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


def _gunicorn(module: str) -> Callable[[Desk, int], Sequence[str]]:
    return lambda _desk, _port: [*GUNICORN, f"bench.apps.{module}:application"]


def _serve(_desk: Desk, _port: int) -> Sequence[str]:
    return [sys.executable, "-m", "finetune_advisor.cli", "serve"]


def _opa(desk: Desk, port: int) -> Sequence[str]:
    policies = [str(desk.file("tree.rego")), str(tools.HERE / "peers" / "opa" / "batch.rego")]
    options = ["--addr", f"127.0.0.1:{port}", "--log-level", "error", "--disable-telemetry"]
    return [str(tools.opa()), "run", "--server", *options, *policies]


def _drools(desk: Desk, port: int) -> Sequence[str]:
    built = tools.drools()
    options = ["-cp", f"{built}/lib/*:{built}", "-Dsun.net.httpserver.nodelay=true"]
    return ["java", *options, "Service", str(desk.file("tree.dmn")), str(port)]


def request(version: str, profile: Any) -> dict[str, Any]:
    """The body of POST /assess for a profile."""
    return {"profile": profile, "tree_version": version}


def _itself(_version: str, value: Any) -> Any:
    return value


def _outcomes(answer: Any) -> list[str]:
    return [one["recommendation"] for one in answer]


ASSESS = Question("/assess", request, lambda answer: answer["recommendation"]["id"])
ASSESS_BATCH = Question(
    "/assess/batch",
    lambda version, profiles: {"profiles": profiles, "tree_version": version},
    lambda answer: [one["recommendation"] for one in answer["results"]],
)
EVALUATE = Question("/evaluate", _itself, lambda answer: answer["recommendation"])

FLOOR = Contestant("plain Flask", "limit", "Flask, constant bytes", _gunicorn("plain_flask"), ASSESS)
BARE = Contestant("bare WSGI", "limit", "no framework, constant bytes", _gunicorn("bare"), ASSESS)
OWN = Contestant("this service", "own", "as shipped", _serve, ASSESS, ASSESS_BATCH, LARGE)
STRAIGHT = Contestant(
    "straightforward", "plain", "flask-smorest and marshmallow", _gunicorn("straightforward"), ASSESS
)
ZEN = Contestant(
    "ZEN",
    "peer",
    "the exported JDM, `zen-engine` behind Flask",
    _gunicorn("zen_engine"),
    EVALUATE,
    Question("/evaluate/batch", _itself, _outcomes),
)
OPA = Contestant(
    "OPA",
    "peer",
    "the exported Rego, OPA's own server",
    _opa,
    Question(
        "/v1/data/finetune_advisor/outcome",
        lambda _, profile: {"input": profile},
        lambda answer: answer["result"]["recommendation"],
    ),
    Question(
        "/v1/data/batch/outcomes",
        lambda _, profiles: {"input": {"profiles": profiles}},
        lambda answer: _outcomes(answer["result"]),
    ),
    health="/health",
)
DROOLS = Contestant(
    "Drools",
    "peer",
    "the exported DMN, Drools behind the JDK's HTTP server",
    _drools,
    EVALUATE,
    Question("/evaluate", _itself, _outcomes),
    warm_up=4,
)
PEERS = (ZEN, OPA, DROOLS)
ALL = (FLOOR, BARE, OWN, STRAIGHT, *PEERS)
