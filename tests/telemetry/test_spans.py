"""With TRACES=otlp, each request and each assessment is a span, without any answer."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest
import requests
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from finetune_advisor.app import create_app
from finetune_advisor.settings import Settings, SettingsError
from finetune_advisor.telemetry.spans import SpanTracer
from tests.api import guide
from tests.conftest import Server, StartServer, free_port, start
from tests.telemetry.span_receiver import SERVER_KIND, ReceivedSpan, Receiver, receiving

TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED = {"traceparent": f"00-{TRACE}-{CALLER}-01"}
COMPLETE = {"profile": dict.fromkeys(guide.INPUTS, False), "tree_version": "1.0.0"}
AMOUNT = 918273
"""A number that comes up nowhere but in a profile."""
Traced = tuple[Server, Receiver]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver of spans, of this test alone."""
    with receiving() as started:
        yield started


@pytest.fixture
def exporting(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment in which a process exports its spans, often, to the receiver."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traced]:
    """A server with its receiver, for all tests that only ask it something."""
    with receiving() as receiver, pytest.MonkeyPatch.context() as environment:
        environment.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
        environment.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
        server = start(tmp_path_factory.mktemp("traced") / "log", TRACES="otlp")
        yield server, receiver
        server.stop()


@pytest.fixture
def traced(shared: Traced) -> Traced:
    """The shared server, without the spans of other tests."""
    _, receiver = shared
    settle(receiver)
    receiver.spans.clear()
    receiver.bodies.clear()
    return shared


def settle(receiver: Receiver) -> None:
    """Wait until no more spans come."""
    count = -1
    while count != (count := len(receiver.spans)):
        time.sleep(0.2)


def post(server: Server, path: str, body: object, **headers: str) -> requests.Response:
    return requests.post(f"{server.url}{path}", json=body, headers=headers, timeout=20)


def read_log(server: Server) -> list[dict[str, str]]:
    """The lines that a server has written, with those of the last request."""
    time.sleep(0.3)
    return [json.loads(line) for line in server.log.read_text().splitlines()]


def is_of_request(span: ReceivedSpan) -> bool:
    return span.kind == SERVER_KIND


def test_a_request_and_its_assessment_are_spans_of_the_callers_trace(traced: Traced) -> None:
    """The request's span continues the caller's, and has the assessment's as its child; both say what
    OpenTelemetry's conventions want and what was decided, and nothing else.
    """
    server, receiver = traced
    answer = post(server, "/assess", COMPLETE, **SAMPLED)
    of_request, of_assessment = sorted(receiver.wait_for(2), key=is_of_request, reverse=True)
    tree = answer.json()["tree"]

    assert (TRACE, CALLER) == (of_request.trace_id, of_request.parent_id)
    assert (TRACE, of_request.span_id) == (of_assessment.trace_id, of_assessment.parent_id)
    assert f"00-{TRACE}-{of_request.span_id}-01" == answer.headers["traceparent"]
    assert ("POST /assess", "assess") == (of_request.name, of_assessment.name)
    assert {
        "http.request.method": "POST",
        "url.path": "/assess",
        "url.scheme": "http",
        "network.protocol.version": "1.1",
        "http.route": "/assess",
        "http.response.status_code": 200,
    } == of_request.attributes
    assert {
        "finetune_advisor.tree.version": "1.0.0",
        "finetune_advisor.tree.digest": tree["digest"],
        "finetune_advisor.decided": 1,
        "finetune_advisor.status": "decided",
        "finetune_advisor.recommendation": answer.json()["recommendation"]["id"],
    } == of_assessment.attributes
    assert "finetune-advisor" == of_request.service["service.name"]
    assert [TRACE] == [line["trace_id"] for line in read_log(server) if line.get("route") == "/assess"][
        -1:
    ]


def test_batches_explanations_and_pages_say_what_was_decided(traced: Traced) -> None:
    """Counts of a batch, and the status of a profile, whichever endpoint or page shows its recommendation."""
    server, receiver = traced
    post(
        server,
        "/assess/batch",
        {"profiles": [COMPLETE["profile"], {}, {"x": 1}], "tree_version": "1.0.0"},
    )
    post(server, "/assess", {"profile": {}})
    post(server, "/assess/explain", COMPLETE)
    answers = "&".join(f"{name}=no" for name in guide.INPUTS)
    page = requests.get(f"{server.url}/interview?tree=1.0.0&{answers}", timeout=20)
    assert 200 == page.status_code
    spans = {span.name: span for span in receiver.wait_for(7)}

    batch = spans["assess batch"].attributes
    assert (1, 1) == (batch["finetune_advisor.decided"], batch["finetune_advisor.undecided"])
    assert "finetune_advisor.status" not in batch
    decided = spans["GET /interview"].attributes
    assert "decided" == decided["finetune_advisor.status"]
    assert {"POST /assess/batch", "POST /assess", "POST /assess/explain", "assess"} < spans.keys()


def test_no_answer_is_in_a_span(traced: Traced) -> None:
    """Not from a body, a query, a header, an invalid profile, or a path that is percent-encoded."""
    server, receiver = traced
    profile = {"monthly_requests": AMOUNT}
    post(server, "/assess", {"profile": profile, "tree_version": "2.0.0"})
    post(server, "/assess", {"profile": {"monthly_requests": f"{AMOUNT} a month"}})
    post(
        server,
        "/assess/batch",
        {"profiles": [profile], "tree_version": "2.0.0"},
        **{"X-Request-ID": f"{AMOUNT}"},
    )
    query = f"tree=2.0.0&monthly_requests={AMOUNT}"
    requests.get(f"{server.url}/interview?{query}", timeout=20)
    requests.get(f"{server.url}/nowhere?{query}", timeout=20)
    receiver.wait_for(5, is_of_request)
    settle(receiver)

    assert 5 == len([*filter(is_of_request, receiver.spans)])
    assert not any(str(AMOUNT).encode() in body for body in receiver.bodies)


def test_strange_requests_get_spans_and_no_log_lines(traced: Traced) -> None:
    """Methods, paths and trace headers without a meaning start a new trace, and log only requests."""
    server, receiver = traced
    strange = {"traceparent": "00-zz", "tracestate": "==,\xff", "baggage": "a=" + "b" * 7000, "b3": "x"}
    connection = HTTPConnection("127.0.0.1", server.port, timeout=20)
    for method, path in (("BREW", "/assess"), ("GET", "/%ff%00/%2e"), ("PATCH", "/tree")):
        connection.request(method, path, headers=strange)
        assert connection.getresponse().read()
    connection.close()
    spans = receiver.wait_for(3, is_of_request)

    names = {span.name: span.attributes for span in spans}
    assert {"HTTP", "GET", "PATCH"} == names.keys()
    assert "_OTHER" == names["HTTP"]["http.request.method"]
    assert "/\N{REPLACEMENT CHARACTER}\0/." == names["GET"]["url.path"]
    assert {""} == {span.parent_id for span in spans}
    assert 3 == len({span.trace_id for span in spans})
    assert {"gunicorn.error", "finetune_advisor.access"} == {line["logger"] for line in read_log(server)}


def test_probes_and_unsampled_requests_are_not_exported(traced: Traced) -> None:
    """Probes and scrapes make no spans, and a trace that its caller doesn't record isn't recorded here."""
    server, receiver = traced
    for path in ("/healthz", "/readyz", "/metrics"):
        requests.get(f"{server.url}{path}", headers=SAMPLED, timeout=20)
    unsampled = post(server, "/assess", COMPLETE, traceparent=f"00-{TRACE}-{CALLER}-00")
    post(server, "/assess", COMPLETE)
    receiver.wait_for(2)
    settle(receiver)

    assert ["POST /assess", "assess"] == sorted(span.name for span in receiver.spans)
    assert ("00", TRACE) == (
        unsampled.headers["traceparent"][-2:],
        unsampled.headers["traceparent"][3:35],
    )


@pytest.mark.usefixtures("exporting")
def test_a_failure_is_an_error_without_its_message(receiver: Receiver) -> None:
    """The span of a 500 has the status as its error, and no event or text of the exception."""
    script = f"""
from finetune_advisor.app import create_app
from finetune_advisor.assessing.assessor import Assessor
from finetune_advisor.settings import Settings

def fail(*_):
    raise RuntimeError({AMOUNT})

Assessor.assess = fail
client = create_app(Settings(traces="otlp")).test_client()
print(client.post("/assess", json={COMPLETE!r}).status_code)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert "500" == done.stdout.strip(), done.stderr
    spans = receiver.wait_for(3)  # one by the fast path, and one by Flask

    [failed] = filter(is_of_request, spans)
    assert (True, "500") == (failed.is_error, failed.attributes["error.type"])
    assert [0, 0, 0] == [span.events for span in spans]
    assert not any(str(AMOUNT).encode() in body for body in receiver.bodies)


def test_answers_are_the_same_with_and_without(traced: Traced, server: Server) -> None:
    """Bodies and all headers but the ids, by the fast path and by Flask."""
    with_spans, _ = traced
    changing = {"date", "x-request-id", "traceparent"}
    for path, body in (
        ("/assess", COMPLETE),
        ("/assess", {"profile": {}}),
        ("/assess", {"profile": 1}),
        ("/assess/batch", {"profiles": [{}]}),
    ):
        one, other = post(with_spans, path, body), post(server, path, body)
        assert (one.status_code, one.content) == (other.status_code, other.content)
        kept = [
            {name: value for name, value in answer.headers.items() if name.lower() not in changing}
            for answer in (one, other)
        ]
        assert kept[0] == kept[1]


def test_latencies_lead_to_a_trace(traced: Traced) -> None:
    """The histogram of durations has a span's ids as its exemplar, in the format that shows exemplars."""
    server, receiver = traced
    post(server, "/assess", COMPLETE, **SAMPLED)
    [span] = receiver.wait_for(1, is_of_request)
    accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
    text = requests.get(f"{server.url}/metrics", headers=accept, timeout=20).text
    shown = [
        sample.exemplar.labels
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.exemplar
    ]

    assert {"trace_id": TRACE, "span_id": span.span_id} in shown


@pytest.mark.usefixtures("exporting")
def test_the_service_has_the_name_that_the_environment_gives(
    start_server: StartServer, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES are OpenTelemetry's own variables for that."""
    monkeypatch.setenv("OTEL_SERVICE_NAME", "advice")
    monkeypatch.setenv(
        "OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=staging,service.version=9"
    )
    server = start_server(TRACES="otlp")
    post(server, "/assess", COMPLETE)
    service = receiver.wait_for(1)[0].service

    named = [
        service[name] for name in ("service.name", "deployment.environment.name", "service.version")
    ]
    assert ["advice", "staging", "9"] == named


@pytest.mark.usefixtures("exporting")
def test_a_stop_exports_what_waits(
    start_server: StartServer, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No span is lost, by no worker, where the exporter would have waited for minutes."""
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "300000")
    server = start_server(TRACES="otlp", WORKERS="2")
    for _ in range(50):
        post(server, "/assess", COMPLETE)

    assert [] == receiver.spans
    assert 0 == server.stop()
    assert 100 == len(receiver.spans)


def test_a_collector_that_is_gone_delays_nothing_but_the_stop(
    start_server: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests are answered, and the stop waits for seconds; the exporter alone would take half a minute."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "5")
    server = start_server(TRACES="otlp")
    for _ in range(50):
        assert 200 == post(server, "/assess", COMPLETE).status_code
    began = time.monotonic()

    assert 0 == server.stop()
    assert 15 > time.monotonic() - began  # three seconds, and some for a busy machine


def test_a_missing_library_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says what to install."""
    monkeypatch.delitem(sys.modules, "finetune_advisor.telemetry.spans", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)

    with pytest.raises(
        SettingsError, match=r"TRACES: otlp needs opentelemetry: pip install 'finetune-advisor\[otel\]'"
    ):
        create_app(Settings(traces="otlp"))


def test_a_wrong_variable_stops_the_start(
    start_server: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What OpenTelemetry refuses would otherwise fail in the first request."""
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "5000")

    with pytest.raises(RuntimeError, match="TRACES: a variable of OpenTelemetry: "):
        start_server(TRACES="otlp")


@pytest.mark.parametrize("name", ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"])
@pytest.mark.parametrize(
    "endpoint",
    [
        "collector:4318",
        "collector",
        "grpc://collector:4317",
        "http://",
        "http://[::1",
        "http://a:b",
        " ",
        "http://collector:4318\n",
        "http://a b:4318",
        "http://*:4318",
        "http://.x:4318",
    ],
)
def test_an_endpoint_that_is_no_url_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, name: str, endpoint: str
) -> None:
    """The exporter would drop all spans, with a line in the log for each attempt."""
    monkeypatch.setenv(name, endpoint)

    with pytest.raises(ValueError, match=f"^{name}: not a URL; give one such as http://collector:4318$"):
        SpanTracer("1.0.0")


@pytest.mark.parametrize("endpoint", ["", "http://collector:4318", "HTTPS://[::1]:4318/base/"])
def test_an_endpoint_that_is_a_url_is_taken(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    """An empty variable counts as none, as OpenTelemetry has it."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)

    SpanTracer("1.0.0")


def test_the_endpoint_of_traces_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """The general endpoint isn't used then, so that it may be anything."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://collector:4318/v1/traces")

    SpanTracer("1.0.0")
