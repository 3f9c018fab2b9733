"""OpenTelemetry's own collector has a request through nginx and the service as one trace."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from bench import tools

from tests.conftest import StartServer, free_port
from tests.tools import built
from tests.web import proxy

SOURCE = Path(__file__).parent / "collector"
CONFIGURATION = """
receivers:
  otlp:
    protocols:
      http:
        endpoint: 127.0.0.1:{port}
exporters:
  debug:
    verbosity: detailed
service:
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [debug]
  telemetry:
    metrics:
      level: none
"""
SPAN = re.compile(r"Trace ID +: (\w+)\n +Parent ID +: (\w*)\n +ID +: (\w+)\n +Name +: (.+)\n")
CLIENT = """
import sys
from urllib.request import Request, urlopen

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.propagate import inject
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter()))
with provider.get_tracer("client").start_as_current_span("ask", kind=trace.SpanKind.CLIENT):
    headers = {"Content-Type": "application/json"}
    inject(headers)
    with urlopen(Request(sys.argv[1], b'{"profile": {}}', headers), timeout=20) as answer:
        assert answer.status == 200
"""


@contextmanager
def collecting(place: Path) -> Iterator[tuple[str, Path]]:
    """A collector; its address, and the file in which it lists what it received."""
    program = built("collector", SOURCE, ["go"], lambda at: tools.go_build(at, ".")) / "collector"
    port, configuration, listed = free_port(), place / "collector.yaml", place / "spans"
    configuration.write_text(CONFIGURATION.format(port=port))
    with listed.open("wb") as out:
        process = subprocess.Popen(
            [program, "--config", f"file:{configuration}"], stderr=out, stdout=out
        )
        try:
            wait_for(listed, re.compile("Everything is ready"))
            yield f"http://127.0.0.1:{port}", listed
        finally:
            process.terminate()
            process.wait(30)


def wait_for(file: Path, pattern: re.Pattern[str], count: int = 1) -> list[tuple[str, ...]]:
    """Wait until a pattern is so often in a file, and return what it finds."""
    deadline = time.monotonic() + 60
    while len(found := pattern.findall(file.read_text())) < count and time.monotonic() < deadline:
        time.sleep(0.1)
    assert len(found) >= count, file.read_text()
    return found


def test_a_request_through_a_proxy_is_one_trace(
    start_server: StartServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The spans of the client, of the request and of the assessment hang together."""
    with collecting(tmp_path) as (url, listed):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        server = start_server(TRACES="otlp")
        with proxy.running(server.url, strip=True) as front:
            client = [sys.executable, "-c", CLIENT, f"{front}/assess"]
            subprocess.run(client, check=True, timeout=60)
        server.stop()
        spans = wait_for(listed, SPAN, 3)

    by_name = {name: (trace, parent, own) for trace, parent, own, name in spans}
    assert ["POST /assess", "ask", "assess"] == sorted(by_name)
    (trace, root, asked), (_, caller, answered) = by_name["ask"], by_name["POST /assess"]
    assert ("", asked, answered) == (root, caller, by_name["assess"][1])
    assert {trace} == {one for one, *_ in by_name.values()}
