"""What answers cost, in calls: a count that is the same on every machine, whatever else runs there.

A call is one of a Python function or a builtin, as `sys.setprofile` sees them. A limit lies a little
above what was counted when it was set. Who exceeds it knowingly sets it anew and says so in the changelog;
a lower count lowers it.
"""

from __future__ import annotations

import gc
import json
import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from bench.desk import Desk
from bench.sizes import generated
from flask import Flask, Response, request
from werkzeug.test import EnvironBuilder
from werkzeug.wsgi import ClosingIterator

from finetune_advisor.access.key_file import make_key, render_line
from finetune_advisor.app import create_app
from finetune_advisor.engine.evaluation.compiled import CompiledTree
from finetune_advisor.settings import Settings
from finetune_advisor.telemetry import deferred, log_output
from tests.api import guide
from tests.conftest import BUNDLED, server_logging

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

COMPLETE = dict.fromkeys(guide.INPUTS, False)
TIMES_PLAIN_FLASK = 0.35
MANY = 50
CALLS_A_QUESTION = 5
CALLS_OF_AN_API_KEY = 25
CALLS_OF_A_COMPLETE_PROFILE, CALLS_OF_A_TYPED_PROFILE, CALLS_OF_A_PARTIAL_PROFILE = 8, 55, 185


def calls(function: Callable[[], object]) -> int:
    """How many calls a function makes once everything that is made only once is there."""
    count = 0

    def seen(_: object, event: str, __: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    for _ in range(2):
        function()
    gc.collect()
    gc.disable()  # what others left is nobody's cost
    sys.setprofile(seen)
    try:
        function()
    finally:
        sys.setprofile(None)
        gc.enable()
    return count


def posting(
    app: WSGIApplication, path: str, body: object, times: int = 1, *later: object
) -> Callable[[], object]:
    """What posts a body as a server would, so many times, and does what that leaves to do; later calls post
    other bodies, if there are some.
    """
    texts = [json.dumps(one).encode() for one in (body, *(later or (body, body))) for _ in range(times)]
    requests = [
        EnvironBuilder(path, method="POST", data=text, content_type="application/json").get_environ()
        for text in reversed(texts)
    ]

    def post() -> None:
        for _ in range(times):
            statuses: list[str] = []
            answer = app(requests.pop(), lambda status, _, said=statuses: said.append(status))
            b"".join(ClosingIterator(answer))
            assert statuses == ["200 OK"]
        deferred.flush()

    return post


@pytest.fixture(scope="module", autouse=True)
def _only_here() -> Iterator[None]:
    """A flush calls what this module's applications registered, and not those that other tests left."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deferred, "_registered", [])
        yield


@pytest.fixture(autouse=True)
def _only_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left to do is done when it's counted, and by no other thread."""
    monkeypatch.setattr(deferred, "schedule", lambda: None)


@pytest.fixture(scope="module")
def app() -> Flask:
    return create_app(Settings(log_level="info"))


@server_logging()
def test_an_assessment_costs_few_times_what_flask_does(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a multiple of what plain Flask takes to read a body and to answer always alike."""
    root = logging.getLogger()
    monkeypatch.setattr(
        root,
        "handlers",
        [one for one in root.handlers if isinstance(one, log_output.BufferedStreamHandler)],
    )
    plain = Flask("plain")

    @plain.post("/assess")
    def assess() -> Response:
        return Response(request.get_data(), mimetype="application/json")

    body = {"profile": COMPLETE}
    ours, flasks = (calls(posting(one, "/assess", body, MANY)) for one in (app, plain))

    assert ours / flasks < TIMES_PLAIN_FLASK


def test_an_api_key_costs_few_calls(app: Flask, tmp_path: Path) -> None:
    """To find it, to count it and to log it. Without the setting, nothing looks for one."""
    key = make_key()
    (path := tmp_path / "keys").write_text(render_line("caller", key))
    keyed = create_app(Settings(log_level="info", api_keys_file=path))

    def with_key(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ["HTTP_AUTHORIZATION"] = f"Bearer {key}"
        return keyed(environ, start_response)

    body = {"profile": COMPLETE}
    ours, plain = (calls(posting(one, "/assess", body, MANY)) for one in (with_key, app))
    assert (ours - plain) / MANY < CALLS_OF_AN_API_KEY


def test_versions_cost_nothing(app: Flask, tmp_path: Path) -> None:
    """However many are served, an answer takes the same."""
    text = (BUNDLED / "1.0.0.yaml").read_text()
    for patch in range(1, 6):
        (tmp_path / f"{patch}.yaml").write_text(text.replace("version: 1.0.0", f"version: 1.0.{patch}"))
    more = create_app(Settings(log_level="info", trees_dir=tmp_path))
    for path, body in (("/assess", {"profile": COMPLETE}), ("/assess/batch", {"profiles": [COMPLETE]})):
        body["tree_version"] = "1.0.0"
        assert calls(posting(more, path, body)) == calls(posting(app, path, body))


def test_evaluation_grows_with_depth_and_not_with_size() -> None:
    """A question more on the way costs the same in a tree of fifteen questions as in one of 4,095."""
    depths = (4, 8, 12)
    costs = []
    for depth in depths:
        tree = CompiledTree(generated("balanced", 2**depth - 1))
        profile = {f"i{2**level - 1}": True for level in range(depth)}
        costs.append(calls(partial(tree.evaluate, profile)))

    assert costs[1] - costs[0] == costs[2] - costs[1] <= 4 * CALLS_A_QUESTION


BATCHES = {
    "complete": ("1.0.0", 1.0, CALLS_OF_A_COMPLETE_PROFILE),
    "typed": ("2.0.0", 1.0, CALLS_OF_A_TYPED_PROFILE),
    "half known": ("2.0.0", 0.5, CALLS_OF_A_PARTIAL_PROFILE),
}


@pytest.mark.exhaustive
@pytest.mark.parametrize(("version", "share", "limit"), BATCHES.values(), ids=BATCHES)
def test_a_never_seen_profile_of_a_batch_costs_few_calls(
    app: Flask, version: str, share: float, limit: int
) -> None:
    """Reading, deciding, writing and counting it, as the mean of a batch of a thousand."""
    drawn = Desk(Path(), version).drawn(3030, share)

    def batches(size: int, start: int) -> list[dict[str, Any]]:
        firsts = range(start, start + 3 * size, size)
        return [{"profiles": drawn[one : one + size], "tree_version": version} for one in firsts]

    few, many = (
        calls(posting(app, "/assess/batch", bodies[0], 1, *bodies[1:]))
        for bodies in (batches(10, 3000), batches(1000, 0))
    )
    assert (many - few) / 990 < limit
