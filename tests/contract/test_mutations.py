"""Mutated requests: none is answered with a 5xx, none stops the server, and each can be made again."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.conftest import Server
from tests.contract.hammer import hammer
from tests.contract.mutations import (
    BODY_MUTATIONS,
    BYTE_MUTATIONS,
    FIELD_MUTATIONS,
    mutated,
    valid_requests,
)
from tests.contract.wire import send

pytestmark = pytest.mark.exhaustive

COUNT = 3000


def test_no_mutated_request_is_a_fault_of_the_server(server: Server) -> None:
    """Each is answered as HTTP, an error as a problem, and never with a 5xx."""
    outcome = hammer(server.url, seed=1, count=COUNT)

    assert outcome.passed, outcome.text
    assert outcome.cases >= COUNT


def test_a_request_is_the_same_each_time() -> None:
    """Its seed and its number alone make it."""
    assert [mutated(3, number).sent for number in range(200)] == [
        mutated(3, number).sent for number in range(200)
    ]
    assert mutated(3, 7).sent != mutated(4, 7).sent


def test_every_mutation_is_used() -> None:
    """Each kind is among the requests of a short run, and so is each forwarder's header."""
    requests = [mutated(1, number) for number in range(COUNT)]
    used = Counter(name for request in requests for name in request.mutations)

    kinds = {one.__name__.strip("_") for one in (*FIELD_MUTATIONS, *BODY_MUTATIONS, *BYTE_MUTATIONS)}
    assert kinds == used.keys()
    assert any(b"SCRIPT_NAME: /a\r\n" in request.sent for request in requests)


@pytest.mark.parametrize("number", range(len(valid_requests())))
def test_what_is_mutated_is_valid(server: Server, number: int) -> None:
    """Without a mutation every request is answered with a 200."""
    request = mutated(0, 0)
    request.method, request.target, request.body = valid_requests()[number]
    request.headers = [(b"Host", b"a"), (b"Connection", b"close")]
    request.headers += [(b"Content-Type", b"application/json")] if request.body else []

    assert 200 == send(server.host, server.port, request.write()).status
