"""Headers that every answer has: the same ones whoever makes the answer, and added in one place."""

from __future__ import annotations

from collections import Counter

import pytest
from flask.testing import FlaskClient

from finetune_advisor.api.http import headers
from finetune_advisor.api.http.problems import MalformedRequest
from finetune_advisor.app import create_app
from finetune_advisor.server import refused_requests
from finetune_advisor.settings import Settings
from finetune_advisor.telemetry.tracing import make_trace_context
from tests.conftest import Server
from tests.contract.wire import CRLF, Answer, request, send

COMMON = (
    "content-security-policy",
    "referrer-policy",
    "traceparent",
    "x-content-type-options",
    "x-request-id",
)
JSON = ("Content-Type", "application/json")


def post(path: str, body: bytes, *fields: tuple[str, str]) -> bytes:
    return request("POST", path, [*(fields or [JSON]), ("Content-Length", str(len(body)))], body)


ASKED = {
    "an assessment": (200, post("/assess", b'{"profile":{}}')),
    "a batch": (200, post("/assess/batch", b'{"profiles":[{},1]}')),
    "an explanation": (200, post("/assess/explain", b'{"profile":{}}')),
    "a tree": (200, request("GET", "/tree")),
    "no content": (204, request("OPTIONS", "/tree")),
    "only headers": (200, request("HEAD", "/tree")),
    "what is known already": (304, request("GET", "/tree", [("If-None-Match", "*")])),
    "a picture": (200, request("GET", "/tree/versions/1.0.0/diagram")),
    "the contract": (200, request("GET", "/openapi.json")),
    "a page": (200, request("GET", "/docs")),
    "an explained problem": (200, request("GET", "/problems/not-found")),
    "a probe": (200, request("GET", "/healthz")),
    "readiness": (200, request("GET", "/readyz")),
    "metrics": (200, request("GET", "/metrics")),
    "an invalid profile": (422, post("/assess", b'{"profile":null}')),
    "no JSON": (400, post("/assess", b"{")),
    "another media type": (415, post("/assess", b"a", ("Content-Type", "text/plain"))),
    "nothing acceptable": (406, request("GET", "/tree", [("Accept", "image/png")])),
    "nothing there": (404, request("GET", "/nowhere")),
    "another method": (405, request("DELETE", "/tree")),
    "no host": (400, b"GET /tree HTTP/1.1" + CRLF + b"Connection: close" + CRLF * 2),
    "no HTTP": (400, b"nonsense" + CRLF * 2),
    "too long a line": (414, request("GET", f"/tree?{'a' * 9000}")),
}


@pytest.mark.parametrize(("status", "sent"), ASKED.values(), ids=list(ASKED))
def test_every_kind_of_answer_has_them_once(server: Server, status: int, sent: bytes) -> None:
    """From the application, its errors, its pages, its operations, and from the worker itself."""
    answer: Answer = send(server.host, server.port, sent)

    assert status == answer.status
    names = Counter(name for name, _ in answer.fields)
    assert dict.fromkeys(COMMON, 1) == {name: names[name] for name in COMMON}


def test_they_are_added_in_one_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """A header that is added there reaches every answer: prepared ones, errors, and the worker's."""
    app = create_app(Settings(log_level="critical"))

    @app.get("/broken")
    def fail() -> str:
        raise RuntimeError

    monkeypatch.setattr(headers, "PRIVACY_HEADERS", (*headers.PRIVACY_HEADERS, ("X-New", "1")))
    client: FlaskClient = app.test_client()
    answers = [
        client.post("/assess", json={"profile": {}}),
        client.post("/assess", json={"profile": 1}),
        client.get("/tree"),
        client.get("/healthz"),
        client.get("/nowhere"),
        client.get("/broken"),
    ]

    assert [200, 422, 200, 200, 404, 500] == [answer.status_code for answer in answers]
    assert [["1"]] * 6 == [answer.headers.getlist("X-New") for answer in answers]
    whole = refused_requests.render_refusal(MalformedRequest("it is"), make_trace_context(None, None))
    assert b"\r\nX-New: 1\r\n" in whole


def test_no_hook_is_promised_an_answer() -> None:
    """The application has no after_request of its own, as some answers would pass it by."""
    assert None not in create_app(Settings(log_level="error")).after_request_funcs
