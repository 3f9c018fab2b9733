"""The telemetry around the application: whatever the application does, a request is answered and counted."""

from __future__ import annotations

import json
import logging

import pytest

from finetune_advisor.api.fast_assess import FastAssess
from finetune_advisor.api.http import cors
from finetune_advisor.app import create_app
from finetune_advisor.assessing.assessor import Assessor
from finetune_advisor.settings import Settings
from finetune_advisor.telemetry import middleware, spans
from tests.conftest import server_logging


@server_logging()
def test_a_failure_of_an_assessment_is_a_problem_that_is_counted_and_logged(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """500 as problem details; the metrics have it once, under its route; the log has its place and type, and
    no message.
    """

    def fail(*_: object) -> None:
        raise RuntimeError("a profile")

    monkeypatch.setattr(Assessor, "assess", fail)
    client = create_app(Settings()).test_client()
    answer = client.post("/assess", json={"profile": {}}, headers={"X-Request-ID": "mine"})
    counted = 'http_requests_total{method="POST",route="/assess",status="500"} 1.0'
    metrics = client.get("/metrics").text
    line = json.loads(capsys.readouterr().out.splitlines()[0])

    assert (500, "application/problem+json") == (answer.status_code, answer.content_type)
    assert ("problems/internal-error", "mine") == (answer.json["type"], answer.headers["X-Request-ID"])
    assert "nosniff" == answer.headers["X-Content-Type-Options"]
    assert counted in metrics
    assert "http_requests_in_progress 1.0" in metrics  # the scrape itself
    assert ("ERROR", "mine") == (line["level"], line["request_id"])
    assert line["exc_info"].endswith("builtins.RuntimeError")


def test_a_failure_of_the_fast_path_alone_is_flasks_to_answer(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The answer is the usual one, and the log says that the fast path failed."""
    client = create_app(Settings()).test_client()
    expected = client.post("/assess", json={"profile": {}})

    def fail(*_: object) -> None:
        raise RuntimeError("a profile")

    monkeypatch.setattr(FastAssess, "_assess", fail)
    answer = client.post("/assess", json={"profile": {}})

    assert (200, expected.data) == (answer.status_code, answer.data)
    assert "the fast path failed" in caplog.messages


def test_what_flask_lets_through_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception that Flask propagates, as in tests, is not turned into an answer."""

    def fail(*_: object) -> None:
        raise KeyError("mine")

    monkeypatch.setattr(Assessor, "assess", fail)
    app = create_app(Settings())
    app.testing = True

    with pytest.raises(KeyError):
        app.test_client().post("/assess", json={"profile": {}})


def test_logging_is_left_to_whoever_embeds_the_application() -> None:
    """create_app neither removes nor adds handlers, and sets no level."""
    root = logging.getLogger()
    handler = logging.NullHandler()
    root.addHandler(handler)
    try:
        before = root.handlers[:], root.level
        create_app(Settings(log_level="debug"))
        assert before == (root.handlers, root.level)
    finally:
        root.removeHandler(handler)


def test_operations_have_one_set_of_paths() -> None:
    """The paths of their endpoints, which have neither spans nor readers of other origins."""
    rules = create_app(Settings(log_level="error")).url_map.iter_rules()

    assert {
        rule.rule for rule in rules if rule.endpoint.startswith("operations.")
    } == middleware.OPERATIONS_PATHS
    for module in (cors, spans):
        assert middleware.OPERATIONS_PATHS is vars(module)["OPERATIONS_PATHS"]
