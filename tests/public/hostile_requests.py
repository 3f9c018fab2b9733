"""Requests of somebody who has no valid key and tries everything, and the answers that they get."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

from finetune_advisor.access.key_file import hash_key, make_key

CLIENT_COUNT = 4
REQUESTS_A_CONNECTION = 50
TIMEOUT_SECONDS = 30
RIGHT_SHARE = 0.02
"""Share of requests with a right key among the others: they show that the instance still serves."""
PROFILE = b'{"profile": {}}'
CLOSED_TARGETS = (
    *("/assess", "/assess/batch", "/assess/explain", "/tree", "/tree/versions", "/openapi.json"),
    *("/tree/versions/1.0.0/diagram", "/metrics", "/", "/interview", "/trees/1.0.0", "/docs", "/nope"),
    *("//assess", "/assess/", "/./assess", "/healthz/../assess", "/ASSESS", "/%61ssess", "/assess%00"),
    *("/assess?key=1", "/assess;x", "/healthz/", "/healthz%2f..%2fassess", "http://x/assess", "*"),
)
METHODS = ("POST", "POST", "GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE")
REFUSALS = frozenset({400, 401, 414})
"""401; or 400 and 414, before the application, for what isn't HTTP that the service takes."""


@dataclass(frozen=True)
class Keys:
    """The keys that an attack plays with: two that hold, and one that no longer does."""

    right: str
    other: str
    revoked: str


@dataclass
class Outcome:
    """The answers to hostile requests by status, and what must not be."""

    statuses: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def add(self, other: Outcome) -> None:
        self.statuses += other.statuses
        self.faults += other.faults


def near(random: Random, key: str) -> str:
    """A key that differs from a right one in a single place, or in its length by one."""
    place = random.randrange(len(key))
    character = random.choice([c for c in "abcXYZ019-_" if c != key[place]])
    return random.choice(
        [key[:place] + character + key[place + 1 :], key[:-1], key[1:], key + character]
    )


def write_credentials(random: Random, keys: Keys) -> list[str]:
    """Header lines that are no valid credentials: wrong, truncated, huge, repeated, revoked."""
    right, other, wrong = keys.right, keys.other, make_key()
    size = random.choice((100, 1_000, 8_000, 20_000))
    attempts: list[Callable[[], list[str]]] = [
        list,
        lambda: [f"Authorization: Bearer {wrong}"],
        lambda: [f"X-API-Key: {wrong}"],
        lambda: [f"X-API-Key: {near(random, right)}"],
        lambda: [f"Authorization: Bearer {near(random, right)}"],
        lambda: [f"X-API-Key: {right[: random.randrange(len(right))]}"],
        lambda: [f"X-API-Key: {'a' * size}"],
        lambda: [f"Authorization: Bearer {right}{' ' * random.randrange(9)}{'a' * size}"],
        lambda: [f"X-API-Key: {right}"] * random.randrange(2, 60),
        lambda: [f"Authorization: Bearer {right}"] * 2,
        lambda: [f"X-API-Key: {right}", f"Authorization: Bearer {other}"],
        lambda: [f"X-API-Key: {wrong}", f"Authorization: Bearer {right}"],
        lambda: ["X-API-Key:", f"Authorization: Bearer {right}"],
        lambda: [f"X-API-Key: {keys.revoked}"],
        lambda: [f"Authorization: Bearer {keys.revoked}"],
        lambda: [f"X-API-Key: {hash_key(right).hex()}"],
        lambda: [f"X-API-Key: {random.choice(('alice', 'bob', 'refused', '*', 'null', ''))}"],
        lambda: [
            f"Authorization: {random.choice(('Basic', 'Digest', 'Bearer:', 'Bearerer', ''))} {right}"
        ],
        lambda: [f"Authorization: {right}", f"X_API_Key: {right}", f"Cookie: X-API-Key={right}"],
        lambda: [f"X-Forwarded-Authorization: Bearer {right}", f"Proxy-Authorization: Bearer {right}"],
        lambda: [f"X-API-Key: {right}\xff\x80", f"Authorization: Bearer \xe4\xf6\xfc{right}"],
        lambda: [f"Authorization: Bearer {right}, Bearer {right}"],
        lambda: [f"X-API-Key: {chr(random.randrange(1, 32))}{right[1:]}"],
        lambda: [f"X-API-Key: {right[:9]}", f"\t{right[9:]}"],
        lambda: [
            "X-Original-URL: /healthz",
            "X-Rewrite-URL: /healthz",
            "X-HTTP-Method-Override: OPTIONS",
        ],
        lambda: ["Origin: https://x", "Access-Control-Request-Method: POST"],
    ]
    return random.choice(attempts)()


def write_request(random: Random, target: str, method: str, credentials: list[str]) -> bytes:
    """The bytes of a request, with the body of an assessment where its method has one."""
    body = PROFILE if method in ("POST", "PUT") else b""
    lines = [f"{method} {target} HTTP/1.1", "Host: advisor", *credentials]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


class Client:
    """A connection that is opened anew where the server has closed it."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._connect()

    def _connect(self) -> None:
        self._socket = socket.create_connection(self._address, TIMEOUT_SECONDS)
        self._file = self._socket.makefile("rb")

    def close(self) -> None:
        """Close the connection."""
        self._file.close()
        self._socket.close()

    def reconnect(self) -> None:
        """Go on with a new connection."""
        self.close()
        self._connect()

    def send(self, request: bytes, *, head: bool) -> tuple[int, bytes]:
        """The status and the body of an answer. Raises OSError if there is none."""
        with suppress(ConnectionError):  # the server may refuse before it has read everything
            self._socket.sendall(request)
        status_line = self._file.readline()
        if not status_line:
            raise ConnectionResetError("no answer")
        length, closes = 0, False
        while (line := self._file.readline().strip().lower()) != b"":
            length = int(line[15:]) if line.startswith(b"content-length:") else length
            closes |= line == b"connection: close"
        body = b"" if head else self._file.read(length)
        if closes:
            self.reconnect()
        return int(status_line.split()[1]), body


def attack(address: tuple[str, int], keys: Keys, count: int, seed: int = 22) -> Outcome:
    """Send so many requests, from several clients. Those with a right key are extra."""
    outcome = Outcome()
    shares = [count // CLIENT_COUNT + (number < count % CLIENT_COUNT) for number in range(CLIENT_COUNT)]
    with ThreadPoolExecutor(CLIENT_COUNT) as pool:
        for found in pool.map(
            lambda share: _attack_alone(address, keys, *share),
            zip(shares, range(seed, seed + CLIENT_COUNT), strict=True),
        ):
            outcome.add(found)
    return outcome


def _attack_alone(address: tuple[str, int], keys: Keys, count: int, seed: int) -> Outcome:
    random, outcome, client = Random(seed), Outcome(), Client(address)
    for number in range(count):
        if number % REQUESTS_A_CONNECTION == 0:
            client.reconnect()  # so that every worker gets some
        target, method = random.choice(CLOSED_TARGETS), random.choice(METHODS)
        request = write_request(random, target, method, write_credentials(random, keys))
        try:
            status, body = client.send(request, head=method == "HEAD")
        except OSError as error:
            # Of a head that is far too large, not everything is read before the answer and the end.
            status, body = 0, type(error).__name__.encode()
            client.reconnect()
        outcome.statuses[str(status or "reset")] += 1
        is_reset_by_size = status == 0 and len(request) > 8_190
        if (status not in REFUSALS and not is_reset_by_size) or b"digest" in body:
            outcome.faults.append(f"{status}: {request[:300]!r}: {body[:200]!r}")
        if random.random() < RIGHT_SHARE:
            _prove_service(client, random, keys, outcome)
    client.close()
    return outcome


def _prove_service(client: Client, random: Random, keys: Keys, outcome: Outcome) -> None:
    """Send an assessment with a right key, which has to be answered."""
    header = random.choice((f"X-API-Key: {keys.right}", f"Authorization: Bearer {keys.other}"))
    status, body = client.send(write_request(random, "/assess", "POST", [header]), head=False)
    outcome.statuses[f"{status} with a right key"] += 1
    if status != 200 or b"digest" not in body:
        outcome.faults.append(f"{status} with a right key: {body[:200]!r}")


def iter_statuses(outcome: Outcome) -> Iterator[str]:
    """The numbers of answers as lines."""
    for status, number in sorted(outcome.statuses.items()):
        yield f"{status:>22}: {number:,}"
