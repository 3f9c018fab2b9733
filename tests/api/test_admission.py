"""Large requests take turns, and whatever becomes of one, the next one has its own."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from threading import Event, Thread
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import EnvironBuilder

from finetune_advisor.api.http import admission
from finetune_advisor.api.http.admission import ByteSemaphore
from finetune_advisor.app import create_app
from finetune_advisor.assessing.assessor import Assessor
from finetune_advisor.settings import Settings

JSON = {"content_type": "application/json"}


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """An application that works on no more than 50 bytes at once of bodies over 20 bytes."""
    monkeypatch.setattr(admission, "UNLIMITED_BELOW", 20)
    monkeypatch.setattr(admission, "body_bytes", ByteSemaphore(50))
    yield create_app(Settings(log_level="error"))
    assert admission.body_bytes.free == admission.body_bytes.budget


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"profiles":[{},{},{},{}]}', 200),
        (b'{"profiles":[{},{},{},{}],"x":1}', 422),
        (b'{"profiles":[{},{},{},{}]', 400),
        (b'{"profiles":[]}', 200),
    ],
)
def test_a_turn_ends_with_its_request(app: Flask, body: bytes, status: int) -> None:
    """However it is answered."""
    client = app.test_client()
    for _ in range(2):
        assert client.post("/assess/batch", data=body, **JSON).status_code == status


def test_a_turn_ends_with_a_fault(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(Assessor, "assess_batch", fail)
    body = b'{"profiles":[{},{},{},{}]}'
    for _ in range(2):
        assert app.test_client().post("/assess/batch", data=body, **JSON).status_code == 500


@pytest.mark.parametrize(("size", "together"), [(26, 1), (25, 2), (51, 1), (500, 1)])
def test_only_so_much_is_worked_on_at_once(
    app: Flask, monkeypatch: pytest.MonkeyPatch, size: int, together: int
) -> None:
    """Larger ones wait for each other; a small one doesn't."""
    begun, go_on, whole = Event(), Event(), Assessor.assess_batch
    running = most = 0

    def slow(self: Assessor, *given: Any, **options: Any) -> bytes:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == together:
            begun.set()
        go_on.wait(20)
        running -= 1
        return whole(self, *given, **options)

    monkeypatch.setattr(Assessor, "assess_batch", slow)
    body = b'{"profiles":[{}]}'.ljust(size)
    answers: list[int] = []

    def ask() -> None:
        answers.append(app.test_client().post("/assess/batch", data=body, **JSON).status_code)

    threads = [Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert begun.wait(20)
    assert app.test_client().post("/assess", data=b'{"profile":{}}', **JSON).status_code == 200
    go_on.set()
    for thread in threads:
        thread.join(20)

    assert answers == [200] * 3
    assert most == together


MARK = "a-value-of-this-test"


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "body",
    [
        '{"profiles":["MARK",{"a":["MARK"]},{"MARK":1}]}',
        '{"profiles":[{}],"defaults":{"MARK":["MARK"]}}',
        '{"profiles":{"MARK":["MARK"]}}',
        '{"profiles":[{"MARK":1,"MARK":["MARK"]}]}',
        '{"profiles":[{"MARK":["MARK"]}',
    ],
)
def test_an_answered_request_leaves_nothing_to_the_garbage_collector(body: str) -> None:
    """What it sent is freed with its answer, valid or not: many large requests need no more than one."""
    app = create_app(Settings())
    data = body.replace("MARK", MARK).encode()
    post = EnvironBuilder("/assess/batch", method="POST", data=data, content_type="application/json")
    environ = post.get_environ()
    gc.collect()
    gc.disable()
    try:
        statuses: list[str] = []
        b"".join(app(environ, lambda status, _: statuses.append(status)))
        # Not isinstance(): it raises for a weak proxy whose object is gone.
        kept = [one for one in gc.get_objects() if type(one) in (dict, list) and MARK in one]
    finally:
        gc.enable()

    assert len(statuses) == 1
    assert kept == []
