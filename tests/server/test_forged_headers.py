"""What a request says of the proxies before it is believed of nobody, wherever it comes from."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from tests.conftest import Server, StartServer
from tests.contract.wire import Answer, request, send
from tests.server.test_operations_port import Apart, serving

FORGED = {
    "SCRIPT_NAME": "/a",
    "Script-Name": "/a",
    "PATH_INFO": "/metrics",
    "Path-Info": "/metrics",
    "SERVER_PORT": "{operations}",
    "Server-Port": "{operations}",
    "X-Script-Name": "/a",
    "X-Forwarded-Prefix": "/a",
    "X-Forwarded-Port": "{operations}",
    "X-Forwarded-Host": "127.0.0.1:{operations}",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Protocol": "ssl",
    "X-Forwarded-Ssl": "on",
    "X-Forwarded-For": "127.0.0.1",
    "X-Original-URL": "/metrics",
    "X-Rewrite-URL": "/metrics",
    "REMOTE_ADDR": "127.0.0.1",
    "REMOTE_USER": "root",
    "wsgi.url_scheme": "https",
}
LINKED = {"location", "link", "content-location"}


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apart]:
    """A server that gunicorn would have believe everybody, and whose operations are on a port apart."""
    with (
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("FORWARDED_ALLOW_IPS", "*")
        with serving(tmp_path_factory.mktemp("apart") / "log") as started:
            yield started


def asked(apart: Apart, target: str, name: str) -> Answer:
    """What the public port answers to a request with a forged header."""
    value = FORGED[name].format(operations=apart.operations[1])
    return send(*apart.public, request("GET", target, [(name, value)]))


def lasting(answer: Answer) -> tuple[int, dict[str, str], bytes]:
    """An answer without what is another one each time."""
    passing = {"date", "x-request-id", "traceparent"}
    fields = {name: value for name, value in answer.headers.items() if name not in passing}
    return answer.status, fields, answer.body


@pytest.mark.parametrize("name", FORGED)
@pytest.mark.parametrize("target", ["/metrics", "/a/metrics", "/a/tree", "/tree", "/docs", "/nope"])
def test_no_forged_header_changes_an_answer(apart: Apart, name: str, target: str) -> None:
    """Path, scheme, port and links are those of the request without it; nothing fails over it."""
    plain = send(*apart.public, request("GET", target))

    assert lasting(plain) == lasting(asked(apart, target, name))


@pytest.mark.parametrize("value", ["a", "/a", "//evil.example", "//evil.example/docs", "/", "%", "*"])
@pytest.mark.parametrize("target", ["//evil.example/docs", "//evil.example/tree", "/tree"])
def test_no_forged_prefix_leads_elsewhere(apart: Apart, value: str, target: str) -> None:
    """Neither a page nor a header links to a host that the request names."""
    answer = send(*apart.public, request("GET", target, [("SCRIPT_NAME", value)]))

    assert answer.status == (200 if target == "/tree" else 404)
    assert b"evil.example" not in answer.body
    assert [one for name, one in answer.fields if name in LINKED and "evil.example" in one] == []


def test_forwarders_that_disagree_refuse_nobody(server: Server) -> None:
    """Of two schemes that a request names, none counts, so they can't contradict each other."""
    fields = [("X-Forwarded-Proto", "http"), ("X-Forwarded-Ssl", "on")]

    assert send(server.host, server.port, request("GET", "/tree", fields)).status == 200


def test_the_proxy_protocol_is_not_spoken(server: Server) -> None:
    """A connection can't say that it is another's."""
    line = b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n"

    assert send(server.host, server.port, line + request("GET", "/tree")).status == 400


@pytest.mark.parametrize("prefix", ["/a", "a", "/a/", "//a"])
def test_a_prefix_in_the_environment_may_be_asked_for(
    start_server: StartServer, monkeypatch: pytest.MonkeyPatch, prefix: str
) -> None:
    """With SCRIPT_NAME set, probes and the API answer below it and at the root, and nothing else does."""
    monkeypatch.setenv("SCRIPT_NAME", prefix)
    server = start_server()
    statuses = {
        path: requests.get(server.url + path, timeout=20).status_code
        for path in (
            "/healthz",
            "/a/healthz",
            "/a/readyz",
            "/a/tree",
            "/tree",
            "/ab/tree",
            "/b/tree",
            "/a",
        )
    }

    assert statuses == {
        "/healthz": 200,
        "/a/healthz": 200,
        "/a/readyz": 200,
        "/a/tree": 200,
        "/tree": 200,
        "/ab/tree": 404,
        "/b/tree": 404,
        "/a": 200,  # the start page
    }


def test_a_prefix_in_the_environment_keeps_operations_apart(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Below it, too, operations are on their own port alone."""
    monkeypatch.setenv("SCRIPT_NAME", "/a")
    with serving(tmp_path_factory.mktemp("below") / "log") as apart:
        assert apart.probe("/a/metrics").status_code == 200
        assert apart.probe("/a/tree").status_code == 404
        assert requests.get(apart.url("/a/metrics"), timeout=20).status_code == 404
        assert requests.get(apart.url("/a/tree"), timeout=20).status_code == 200
