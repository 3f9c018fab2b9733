"""A raw HTTP/1.1 client: sends exactly the bytes it is given, and reads the whole answer."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

CRLF = b"\r\n"
TIMEOUT = 10


@dataclass(frozen=True)
class Answer:
    """A final answer, with the statuses of the interim ones before it."""

    status: int
    fields: tuple[tuple[str, str], ...]
    body: bytes
    interim: tuple[int, ...] = ()

    @property
    def headers(self) -> dict[str, str]:
        """The header fields, names in lower case; of a repeated one, its values joined."""
        joined: dict[str, str] = {}
        for name, value in self.fields:
            joined[name] = f"{joined[name]}, {value}" if name in joined else value
        return joined

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "")

    def json(self) -> Any:
        return orjson.loads(self.body)


def send(host: str, port: int, request: bytes, *, finish: bool = False) -> Answer:
    """The answer to a request that asks to close; `finish` ends the sending side after the bytes."""
    return parse(exchange(host, port, request, finish=finish))


def exchange(host: str, port: int, request: bytes, *, finish: bool = False) -> bytes:
    """Every byte that the server sends until it closes the connection."""
    with socket.create_connection((host, port), TIMEOUT) as connection:
        connection.sendall(request)
        if finish:
            connection.shutdown(socket.SHUT_WR)
        return b"".join(_received(connection))


def _received(connection: socket.socket) -> Iterator[bytes]:
    while part := connection.recv(65536):
        yield part


def parse(received: bytes) -> Answer:
    """The final answer in some bytes."""
    interim: list[int] = []
    while True:
        head, _, rest = received.partition(CRLF + CRLF)
        status_line, *lines = head.decode("latin-1").split("\r\n")
        status = int(status_line.split(" ")[1])
        if status >= 200:
            return Answer(status, tuple(_field(line) for line in lines), rest, tuple(interim))
        interim.append(status)
        received = rest


def _field(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.lower(), value.strip()


def request(
    method: str, target: str, fields: Iterable[tuple[str, str]] = (), body: bytes = b""
) -> bytes:
    """The bytes of a request that asks to close, with these header fields and no others but Host."""
    lines = [f"{method} {target} HTTP/1.1", "Host: advisor.example", "Connection: close"]
    lines.extend(f"{name}: {value}" for name, value in fields)
    return "\r\n".join(lines).encode("latin-1") + CRLF + CRLF + body


def chunked(*chunks: bytes) -> bytes:
    """A body in the chunked transfer coding."""
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in (*chunks, b""))
