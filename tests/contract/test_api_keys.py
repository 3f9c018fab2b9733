"""schemathesis against a server that asks for API keys: each operation is closed to those without one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest
from flask import Flask
from werkzeug.serving import make_server

from finetune_advisor.access.key_file import make_key, render_line
from finetune_advisor.api.http import api_keys
from finetune_advisor.app import create_app
from finetune_advisor.settings import Settings
from tests.conftest import Server, StartServer
from tests.contract.fuzzer import Outcome, fuzz

EXAMPLES = 5
KEY = make_key()
BOTH = ("-H", f"Authorization: Bearer {KEY}", "-H", f"X-API-Key: {KEY}")
"""schemathesis makes up the header of the scheme that isn't given; two different keys are refused."""
PHASES = ["examples", "fuzzing", "stateful"]


@pytest.fixture
def keyed(tmp_path: Path, start_server: StartServer) -> Server:
    """A server that asks for a key."""
    (path := tmp_path / "keys").write_text(render_line("fuzzer", KEY))
    return start_server(API_KEYS_FILE=str(path))


def fuzz_with_key(url: str, place: Path, *options: str) -> Outcome:
    """Run schemathesis in all phases but the one of boundary values, which takes half a minute."""
    return fuzz(url, place, EXAMPLES, "--phases", ",".join(PHASES), *BOTH, *options)


def test_no_operation_ignores_keys(keyed: Server, tmp_path: Path) -> None:
    """All checks find no fault. One, `ignored_auth`, repeats requests without a key and with wrong ones."""
    outcome = fuzz_with_key(keyed.url, tmp_path)

    assert outcome.passed, outcome.text
    assert PHASES == outcome.phases
    assert 0 == outcome.warnings


@contextmanager
def serving(app: Flask) -> Iterator[str]:
    """The address of an application in this process."""
    with make_server("127.0.0.1", 0, app, threaded=True) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.port}"
        finally:
            server.shutdown()
            thread.join()


def test_an_operation_that_ignores_keys_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check has teeth: an operation that is open, and not so in the contract, is found."""
    seeded = api_keys.OPEN_ENDPOINTS | {"trees.get_tree"}
    monkeypatch.setattr(api_keys, "OPEN_ENDPOINTS", seeded)
    (path := tmp_path / "keys").write_text(render_line("fuzzer", KEY))
    with serving(create_app(Settings(api_keys_file=path))) as url:
        outcome = fuzz_with_key(url, tmp_path, "--include-operation-id", "getTree")

    assert not outcome.passed
    assert "API accepts requests without authentication" in outcome.text
