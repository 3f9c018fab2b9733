"""The gateway of docs/public.md: real nginx with its site, over sockets."""

from __future__ import annotations

import ssl
import threading
import time
from collections import Counter
from hashlib import sha256
from http.client import HTTPException, HTTPSConnection

import pytest

from tests.conftest import Server
from tests.public import nginx
from tests.public.nginx import Gateway

ROTATIONS = 3
BURST = 40
HEADERS = {"Content-Type": "application/json"}
UNLIMITED = {"rate=20r/s": "rate=1000000r/m", "burst=40": "burst=100000"}


def connect(gateway: Gateway, version: ssl.TLSVersion | None = None) -> HTTPSConnection:
    """A connection that takes any certificate, as these sign themselves."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = version or context.maximum_version
    return HTTPSConnection("127.0.0.1", gateway.port, timeout=30, context=context)


def assess(connection: HTTPSConnection) -> tuple[int, dict[str, str], bytes]:
    """The answer to an assessment."""
    connection.request("POST", "/assess", b'{"profile": {}}', HEADERS)
    answer = connection.getresponse()
    return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()


def fingerprint(connection: HTTPSConnection) -> str:
    """The hash of the certificate that a connection was opened with."""
    certificate = connection.sock.getpeercert(binary_form=True)
    return sha256(certificate).hexdigest()


def test_more_than_the_limit_gets_a_429(server: Server) -> None:
    """A burst is served, what is over it is told when to ask again, and then all is served."""
    with nginx.running(f"{server.host}:{server.port}") as gateway:
        connection = connect(gateway)
        started = time.monotonic()
        answers = [assess(connection) for _ in range(200)]
        allowed = BURST + 1 + 20 * (time.monotonic() - started)
        statuses = Counter(status for status, _, _ in answers)
        refused = [answer for answer in answers if answer[0] == 429]
        time.sleep(1.1)
        later = [assess(connection)[0] for _ in range(20)]
        connection.close()

    assert {200, 429} == statuses.keys()
    assert BURST <= statuses[200] <= allowed + 1
    assert {("application/problem+json", "1")} == {
        (headers["content-type"], headers["retry-after"]) for _, headers, _ in refused
    }
    assert b'"status": 429' in refused[0][2]
    assert [200] * 20 == later


class Caller:
    """Somebody who asks over and over, through a connection that is kept or a new one each time."""

    def __init__(self, gateway: Gateway, *, keep: bool) -> None:
        self._gateway, self._keep = gateway, keep
        self.statuses: Counter[str] = Counter()
        self.certificates: set[str] = set()

    def call_until(self, stopped: threading.Event) -> None:
        """Ask until the event is set."""
        connection = connect(self._gateway)
        while not stopped.is_set():
            try:
                status = self._ask(connection)
            except (OSError, HTTPException) as error:
                status = type(error).__name__
                connection.close()
            self.statuses[str(status)] += 1
            if not self._keep:
                connection.close()
            time.sleep(0.001)
        connection.close()

    def _ask(self, connection: HTTPSConnection) -> int:
        is_kept = connection.sock is not None
        try:
            return self._ask_once(connection)
        except (ConnectionError, HTTPException, ssl.SSLEOFError):
            # The page says so: a kept connection may be closed at any time, and the request is sent again.
            if not is_kept:
                raise
            connection.close()
            return self._ask_once(connection)

    def _ask_once(self, connection: HTTPSConnection) -> int:
        if connection.sock is None:
            connection.connect()
            self.certificates.add(fingerprint(connection))
        return assess(connection)[0]


def test_a_rotated_certificate_loses_no_request(server: Server) -> None:
    """By the page's commands, under load, over new connections and kept ones; new ones get the new one."""
    with nginx.running(f"{server.host}:{server.port}", **UNLIMITED) as gateway:
        callers = [Caller(gateway, keep=number % 2 == 0) for number in range(4)]
        stopped = threading.Event()
        threads = [threading.Thread(target=caller.call_until, args=(stopped,)) for caller in callers]
        for thread in threads:
            thread.start()
        for _ in range(ROTATIONS):
            time.sleep(1)
            gateway.rotate_certificate()
        time.sleep(1)
        stopped.set()
        for thread in threads:
            thread.join()

    for caller in callers:
        assert ["200"] == list(caller.statuses)
        assert ROTATIONS + 1 == len(caller.certificates)
        assert caller.statuses["200"] > 50


@pytest.mark.parametrize("protocol", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_connection_is_encrypted(server: Server, protocol: ssl.TLSVersion) -> None:
    """By the protocols that the page names."""
    with nginx.running(f"{server.host}:{server.port}") as gateway:
        connection = connect(gateway, protocol)
        assert 200 == assess(connection)[0]
        assert protocol.name.replace("_", ".") == connection.sock.version()
        connection.close()
