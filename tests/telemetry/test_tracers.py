"""Under a real tracer, log lines and answers name the trace of the span that it has active."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.conftest import Server, free_port, start
from tests.tools import built, run

REQUIREMENTS = Path(__file__).parent / "tracers"
INSTALL = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
SERVE = str(Path(sys.executable).with_name("finetune-advisor"))
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = {"traceparent": f"00-{TRACE}-{SPAN}-01"}
QUIET = {
    "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
    "DD_REMOTE_CONFIGURATION_ENABLED": "false",
    "DD_TRACE_STARTUP_LOGS": "false",
    "OTEL_BSP_SCHEDULE_DELAY": "50",
    "OTEL_LOGS_EXPORTER": "none",
    "OTEL_METRICS_EXPORTER": "none",
    "OTEL_TRACES_EXPORTER": "console",
}


@pytest.fixture(scope="module")
def tracers() -> Path:
    """The folder with OpenTelemetry and ddtrace, to be found beside this project's own environment."""
    install = [sys.executable, *INSTALL, "--target", ".", "--require-hashes", "-r", "requirements.txt"]
    return built("tracers", REQUIREMENTS, [], partial(_run, install))


def _run(command: list[str], at: Path) -> None:
    run(command, at)


def traced(command: str, tracers: Path, log: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server that is started by a tracer's command, with the decision log on."""
    for name, value in {**QUIET, "PYTHONPATH": str(tracers)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DD_TRACE_AGENT_URL", f"http://127.0.0.1:{free_port()}")  # nobody is there
    wrapped = [sys.executable, str(tracers / "bin" / command), SERVE, "serve"]
    server = start(log, wrapped, DECISION_LOG="true")
    yield server
    server.stop()


@pytest.fixture
def under_otel(tracers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server under opentelemetry-instrument, which prints its spans among the lines of the log."""
    yield from traced("opentelemetry-instrument", tracers, tmp_path / "log", monkeypatch)


@pytest.fixture
def under_datadog(tracers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server under ddtrace-run, which adds its ids to whatever is logged within a span."""
    yield from traced("ddtrace-run", tracers, tmp_path / "log", monkeypatch)


def ask_all(server: Server) -> list[str]:
    """The traceparent of answers of every kind."""
    url = server.url
    answers = [
        requests.get(f"{url}/tree/versions", timeout=20),
        requests.get(f"{url}/tree/versions", headers=PARENT, timeout=20),
        requests.post(f"{url}/assess", json={"profile": {}}, timeout=20),
        requests.post(f"{url}/assess", json={"profile": {}}, headers=PARENT, timeout=20),
        requests.post(f"{url}/assess/batch", json={"profiles": [{}]}, timeout=20),
        requests.post(f"{url}/assess", json={"profile": None}, timeout=20),
        requests.get(f"{url}/nowhere", timeout=20),
    ]
    assert [200, 200, 200, 200, 200, 422, 404] == [answer.status_code for answer in answers]
    return [answer.headers["traceparent"] for answer in answers]


def entries(server: Server, logger: str) -> list[dict[str, Any]]:
    """The lines of a logger, apart from those of the wait for the start."""
    lines = [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith('{"')]
    return [one for one in lines if one["logger"] == logger and one.get("route") != "/healthz"]


def test_opentelemetry_s_span_is_named(under_otel: Server) -> None:
    """`opentelemetry-instrument finetune-advisor serve`: answers and log lines lead to the spans."""
    answered = ask_all(under_otel)
    deadline = time.monotonic() + 20
    spans: list[tuple[str, str]] = []
    while len(spans) < len(answered) and time.monotonic() < deadline:
        time.sleep(0.1)
        printed = under_otel.log.read_text()
        pairs = re.findall(r'"trace_id": "0x(\w+)",\s+"span_id": "0x(\w+)"', printed)
        spans = [one for one in pairs if any(one[1] in parent for parent in answered)]
    under_otel.stop()

    assert spans == [tuple(parent.split("-")[1:3]) for parent in answered]
    logged = [one["trace_id"] for one in entries(under_otel, "finetune_advisor.access")]
    assert [trace_id for trace_id, _ in spans] == logged
    assert [place for place, trace_id in enumerate(logged) if trace_id == TRACE] == [1, 3]


def test_datadog_s_span_is_named(under_datadog: Server) -> None:
    """`ddtrace-run finetune-advisor serve`: answers and log lines name its trace, as its own ids do."""
    answered = [parent.split("-")[1] for parent in ask_all(under_datadog)]
    under_datadog.stop()

    logged = [one["trace_id"] for one in entries(under_datadog, "finetune_advisor.access")]
    assert answered == logged
    assert [place for place, trace_id in enumerate(logged) if trace_id == TRACE] == [1, 3]
    decisions = entries(under_datadog, "finetune_advisor.decisions")
    assert logged[2:5] == [one["dd.trace_id"] for one in decisions]
