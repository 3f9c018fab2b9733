"""A body over the limit, from clients that send all of it before they read the answer."""

from __future__ import annotations

from finetune_advisor.settings import Settings
from tests.conftest import Server
from tests.contract.wire import chunked, request, send

TYPED = ("Content-Type", "application/json")
BODY = b"x" * (Settings().max_body_bytes * 3 // 2)


def test_the_answer_arrives_with_a_length(server: Server) -> None:
    """The server reads the body to its end, so that the connection isn't reset under the answer."""
    sent = request("POST", "/assess", (TYPED, ("Content-Length", str(len(BODY)))), BODY)
    assert [413] * 5 == [send(server.host, server.port, sent).status for _ in range(5)]


def test_the_answer_arrives_in_chunks(server: Server) -> None:
    """The same of a body that doesn't say how long it is."""
    fields = (TYPED, ("Transfer-Encoding", "chunked"))
    sent = request("POST", "/assess", fields, chunked(BODY))
    assert [413] * 5 == [send(server.host, server.port, sent).status for _ in range(5)]
