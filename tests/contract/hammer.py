"""Sends mutated requests on kept connections, many at a time, and looks at each answer."""

from __future__ import annotations

import re
import socket
import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit
from urllib.request import urlopen

import orjson

from tests.contract.fuzzer import Outcome
from tests.contract.mutations import Request, mutated
from tests.contract.probe import PROBLEM
from tests.contract.wire import Answer

PIPELINED = 16
"""Requests that are sent on a connection before the first answer is read."""
TIMEOUT = 60
MAX_FAILURES = 20
"""Failures after which a run ends early."""
STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9][0-9]) [ -~]+")
FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([\t -~\x80-\xff]*)")
BODILESS = (204, 304)
PAGE = "text/html"
MEMBERS = {"type", "title", "status", "detail"}


class MalformedAnswerError(Exception):
    """What came back isn't HTTP, or not what every answer has; the message says why."""


@dataclass
class Tally:
    """What the requests of a run were answered with."""

    statuses: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def add(self, seed: int, number: int, request: Request, said: str, fault: str) -> None:
        """Count an answer, and keep how to send the request again if there was a fault."""
        self.statuses[said] += 1
        if fault:
            done = ", ".join(request.mutations)
            again = f"python -m tests.contract.mutations {seed} {number}"
            self.failures.append(f"{said} {fault}: {request.sent[:200]!r} ({done}); {again}")


def hammer(url: str, seed: int, count: int) -> Outcome:
    """Send so many mutated requests to a server, and see that it lives."""
    started = time.monotonic()
    tally = Tally()
    address = urlsplit(url).hostname or "", urlsplit(url).port or 80
    waiting: deque[tuple[int, Request]] = deque()
    numbers = iter(range(count))
    while len(tally.failures) < MAX_FAILURES:
        waiting.extend(
            (number, mutated(seed, number)) for number in _some(numbers, PIPELINED - len(waiting))
        )
        if not waiting:
            break
        batch = _batch(waiting)
        answers, fault = _asked(address, [request for _, request in batch])
        _count(tally, seed, batch, answers, fault)
        for _ in range(min(len(batch), max(1, len(answers) + bool(fault)))):
            waiting.popleft()
    tally.failures += _dead(url)
    total = sum(tally.statuses.values())
    counts = ", ".join(f"{said}: {times:,}" for said, times in sorted(tally.statuses.items()))
    return Outcome(
        passed=not tally.failures,
        cases=total,
        failures=len(tally.failures),
        server_errors=sum(times for said, times in tally.statuses.items() if said.startswith("5")),
        warnings=0,
        phases=[],
        seconds=time.monotonic() - started,
        text="\n".join([f"{total:,} answers ({counts})", *tally.failures]),
    )


def _some(numbers: Iterator[int], count: int) -> Iterator[int]:
    for _ in range(count):
        try:
            yield next(numbers)
        except StopIteration:
            return


def _batch(waiting: deque[tuple[int, Request]]) -> list[tuple[int, Request]]:
    """The requests that may share a connection: nothing follows one whose end can't be relied on."""
    batch = []
    for number, request in waiting:
        batch.append((number, request))
        if not request.is_framed:
            break
    return batch


def _count(
    tally: Tally, seed: int, batch: list[tuple[int, Request]], answers: list[Answer], fault: str
) -> None:
    """Count the answers of a connection. What follows the last one's belongs to its request."""
    for place, answer in enumerate(answers):
        number, request = batch[min(place, len(batch) - 1)]
        if place >= len(batch) and request.is_framed:
            fault = "one answer too many"
        tally.add(seed, number, request, str(answer.status), _fault(answer, request))
    if fault:
        number, request = batch[min(len(answers), len(batch) - 1)]
        tally.add(seed, number, request, "malformed", fault)
    elif not answers:
        number, request = batch[0]
        tally.add(seed, number, request, "closed", "no answer" if request.is_framed else "")


def _asked(address: tuple[str, int], requests: list[Request]) -> tuple[list[Answer], str]:
    """The answers on a connection that sends requests and ends its side, and what is wrong with the rest."""
    received = b""
    try:
        with socket.create_connection(address, TIMEOUT) as connection:
            try:
                connection.sendall(b"".join(request.sent for request in requests))
                connection.shutdown(socket.SHUT_WR)
            except (BrokenPipeError, ConnectionResetError):
                pass  # it was closed behind an answer
            while part := connection.recv(1 << 16):
                received += part
    except ConnectionResetError:
        pass
    except OSError as error:
        return [], f"{type(error).__name__}: {error}"
    answers: list[Answer] = []
    try:
        while received:
            request = requests[min(len(answers), len(requests) - 1)]
            answer, received = _parsed(received, is_head=request.method == b"HEAD")
            if answer.status >= 200:
                answers.append(answer)
    except MalformedAnswerError as error:
        return answers, str(error)
    return answers, ""


def _parsed(received: bytes, *, is_head: bool) -> tuple[Answer, bytes]:
    """The first answer, and what comes behind it. Raises MalformedAnswerError."""
    head, end, rest = received.partition(b"\r\n\r\n")
    line, *lines = head.split(b"\r\n")
    status_line = STATUS_LINE.fullmatch(line)
    if not end or status_line is None:
        raise MalformedAnswerError(f"no status line: {received[:60]!r}")
    fields = [FIELD.fullmatch(one) for one in lines]
    if None in fields:
        raise MalformedAnswerError(f"no header field: {head!r}")
    pairs = [(one[1].decode().lower(), one[2].decode("latin-1")) for one in fields if one]
    status, named = int(status_line[1]), dict(pairs)
    length = 0
    if status >= 200 and status not in BODILESS:
        if not named.get("content-length", "").isdecimal():
            raise MalformedAnswerError(f"no Content-Length: {head!r}")
        # A HEAD that can't be read as HTTP is refused with a problem, as nobody knows that it is one.
        is_bodiless = is_head and not rest.startswith(b"{")
        length = 0 if is_bodiless else int(named["content-length"])
    if len(rest) < length:
        raise MalformedAnswerError(f"cut off: {head!r}")
    return Answer(status, tuple(pairs), rest[:length]), rest[length:]


def _fault(answer: Answer, request: Request) -> str:
    """What is wrong with an answer, if anything is."""
    if answer.status >= 500:
        return "server error"
    if "x-request-id" not in answer.headers:
        return "no X-Request-ID"
    return _problem_fault(answer, request) if answer.status >= 400 else ""


def _problem_fault(answer: Answer, request: Request) -> str:
    if answer.media_type.startswith(PAGE) and (request.is_page or PAGE.encode() in request.sent):
        return "" if b"<h1" in answer.body or request.method == b"HEAD" else "no page"
    if answer.media_type != PROBLEM:
        return f"no problem but {answer.media_type}"
    if request.method == b"HEAD" and not answer.body:
        return ""
    try:
        body = answer.json()
    except orjson.JSONDecodeError:
        return "no JSON"
    return "" if body.keys() >= MEMBERS and body["status"] == answer.status else f"no problem: {body}"


def _dead(url: str) -> list[str]:
    """What is wrong with a server that doesn't answer any more."""
    try:
        with urlopen(f"{url}/healthz", timeout=TIMEOUT) as answer:
            return [] if answer.status == 200 else [f"/healthz answers {answer.status}"]
    except OSError as error:
        return [f"/healthz doesn't answer: {error}"]
