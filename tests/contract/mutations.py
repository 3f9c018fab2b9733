"""Valid requests to every endpoint, with mutations: method, target, version, headers, framing and body.

A request depends on its seed and its number alone, so that one which failed can be sent again:
`python -m tests.contract.mutations SEED NUMBER` prints its bytes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote

import orjson
from ruamel.yaml import YAML

from tests.conftest import ROOT

JSON = b"application/json"
REFERENCE = ("/docs", "/docs/swagger-ui.css", "/static/docs.js", "/openapi.json")
INTERVIEW_OF_TWO = "/interview?tree=2.0.0&rules_sufficient=false&success_metric=quantitative"
ENDED_INTERVIEW = (
    "/interview?tree=1.0.0&prompt_engineering_sufficient=false&knowledge_retrieval_problem=true"
    "&real_time_data_needed=false"
)
PAGES = (
    *("/", "/trees/1.0.0", "/trees/2.0.0", "/trees/3.0.0", "/static/pages.css"),
    *("/interview", "/interview?tree=1.0.0&skip=prompt_engineering_sufficient", INTERVIEW_OF_TWO),
    f"{INTERVIEW_OF_TWO}&eval_examples=30&change=test_set",
    "/interview?tree=1.0.0&prompt_engineering_sufficient=true",
    f"{ENDED_INTERVIEW}&data_volume_very_large=true",
    "/interview/worksheet?tree=3.0.0&input=payback_months",
    "/interview/worksheet?tree=3.0.0&input=payback_months&quantity.monthly_saving=500",
    "/interview/plan.md?tree=1.0.0&prompt_engineering_sufficient=true",
    "/interview/plan.json?tree=1.0.0&prompt_engineering_sufficient=true",
)
OPERATIONS = ("/healthz", "/readyz", "/metrics")
MUTATIONS = (0, *[1] * 12, *[2] * 6, 3)
"""How many a request has, each as often as here."""

WORDS = Path(__file__).with_suffix(".yaml")
TIMES = " times "


def _bytes(word: str) -> bytes:
    """A word as bytes, repeated if it says so."""
    text, _, times = word.partition(TIMES)
    return text.encode("latin-1") * int(times or 1)


def _read(words: Any) -> Any:
    if isinstance(words, dict):
        return {name: _read(inner) for name, inner in words.items()}
    return [_bytes(word) for word in words]


WORD: dict[str, Any] = _read(YAML(typ="safe").load(WORDS))
"""Lists of words by their names; of headers, by the header."""


@dataclass
class Request:
    """A request that is still to be written, and what was done to it.

    Where its end can't be relied on, `is_framed` is false: nothing may follow it on its connection. An error
    of a page may be a page as well.
    """

    method: bytes
    target: bytes
    body: bytes = b""
    version: bytes = b"HTTP/1.1"
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    is_chunked: bool = False
    is_framed: bool = True
    is_page: bool = False
    mutations: list[str] = field(default_factory=list)
    sent: bytes = b""

    def write(self) -> bytes:
        """Its bytes, framed as it says."""
        framing: list[tuple[bytes, bytes]] = []
        body = self.body
        if self.is_chunked:
            framing = [(b"Transfer-Encoding", b"chunked")]
            body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
        elif body or self.method == b"POST":
            framing = [(b"Content-Length", b"%d" % len(body))]
        lines = [b" ".join((self.method, self.target, self.version))]
        lines += [b"%b: %b" % pair for pair in (*self.headers, *framing)]
        return b"\r\n".join(lines) + b"\r\n\r\n" + body


Mutation = Callable[[Random, Request], None]


def _method(random: Random, request: Request) -> None:
    request.method = random.choice(WORD["methods"])


def _bad_method(random: Random, request: Request) -> None:
    request.method, request.is_framed = random.choice(WORD["bad_methods"]), False


def _version(random: Random, request: Request) -> None:
    request.version, request.is_framed = random.choice(WORD["versions"]), False


def _suffix(random: Random, request: Request) -> None:
    path, mark, query = request.target.partition(b"?")
    request.target = path + random.choice(WORD["path_suffixes"]) + mark + query


def _prefix(random: Random, request: Request) -> None:
    request.target = random.choice(WORD["path_prefixes"]) + request.target


def _path_character(random: Random, request: Request) -> None:
    """Change the case of a character of the target, escape it, drop it or double it."""
    if not request.target:  # another mutation dropped its only character
        return
    place = random.randrange(len(request.target))
    old = request.target[place : place + 1]
    new = random.choice((old.swapcase(), b"%%%02x" % old[0], b"%%25%02x" % old[0], b"", old * 2, b"%"))
    request.target = request.target[:place] + new + request.target[place + 1 :]


def _query(random: Random, request: Request) -> None:
    mark = b"&" if b"?" in request.target else b"?"
    request.target += mark + random.choice(WORD["queries"])


def _answer(random: Random, request: Request) -> None:
    """Put another name or value in the place of one in the query, or repeat a pair."""
    path, _, query = request.target.partition(b"?")
    pairs = [pair.partition(b"=") for pair in query.split(b"&")]
    place = random.randrange(len(pairs))
    name, mark, value = pairs[place]
    pairs[place] = (
        (random.choice(WORD["answer_names"]), mark or b"=", value)
        if random.random() < 0.4
        else (name, mark or b"=", random.choice(WORD["answers"]))
    )
    if random.random() < 0.2:
        pairs.append((name, mark, value))
    request.target = path + b"?" + b"&".join(b"".join(pair) for pair in pairs)


def _forwarder(random: Random, request: Request) -> None:
    request.headers.append((random.choice(WORD["forwarder_headers"]), random.choice(WORD["forwarded"])))


def _header(random: Random, request: Request) -> None:
    name = random.choice(list(WORD["headers"]))
    request.headers.append((name.encode(), random.choice(WORD["headers"][name])))


def _replaced_header(random: Random, request: Request) -> None:
    name = random.choice(list(WORD["headers"]))
    others = [pair for pair in request.headers if pair[0] != name.encode()]
    request.headers = [*others, (name.encode(), random.choice(WORD["headers"][name]))]


def _lost_header(random: Random, request: Request) -> None:
    if request.headers:
        request.headers.pop(random.randrange(len(request.headers)))


def _repeated_header(random: Random, request: Request) -> None:
    if request.headers:
        request.headers.append(random.choice(request.headers))


def _many_headers(random: Random, request: Request) -> None:
    request.headers += [(b"X-%d" % number, b"a") for number in range(random.choice((20, 90, 150)))]


def _broken_header(random: Random, request: Request) -> None:
    name, value = random.choice(request.headers or [(b"X-A", b"a")])
    bad = random.choice(WORD["line_breaks"])
    pair = (name + bad, value) if random.random() < 0.5 else (name, value + bad + b"x")
    request.headers.append(pair)
    request.is_framed = False


def _chunked(_: Random, request: Request) -> None:
    request.is_chunked = True


def _byte_order_mark(_: Random, request: Request) -> None:
    request.body = b"\xef\xbb\xbf" + request.body


def _body_bytes(random: Random, request: Request) -> None:
    """Drop, double, replace or add some bytes."""
    start = random.randrange(len(request.body) + 1)
    end = min(len(request.body), start + random.choice((0, 1, 1, 5, 50)))
    part = request.body[start:end]
    new = random.choice((part * 2, random.randbytes(1), *WORD["json_tokens"]))
    request.body = request.body[:start] + new + request.body[end:]


def _body_value(random: Random, request: Request) -> None:
    """Put another value in the place of one in the body."""
    try:
        body = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        return
    where: Any = body
    while isinstance(where, dict | list) and where:
        key = random.choice(list(where) if isinstance(where, dict) else range(len(where)))
        if random.random() < 0.5 or not isinstance(where[key], dict | list) or not where[key]:
            where[key] = "\x01"
            break
        where = where[key]
    value = random.choice(WORD["json_values"])
    request.body = orjson.dumps(body).replace(b'"\\u0001"', value)


def _repeated_member(random: Random, request: Request) -> None:
    name, value = random.choice(WORD["json_names"]), random.choice(WORD["json_values"])
    request.body = request.body.replace(b"{", b'{"%b":%b,' % (name, value), 1)


def _another_body(random: Random, request: Request) -> None:
    request.body = random.choice(WORD["bodies"])


def _length(random: Random, request: Request) -> None:
    """A Content-Length that isn't one, that isn't that of the body, or that comes twice."""
    wrong = (*WORD["lengths"], b"%d" % (len(request.body) + 7), b"%d" % max(0, len(request.body) - 3))
    request.headers.append((b"Content-Length", random.choice(wrong)))
    request.is_framed = False


def _coding(random: Random, request: Request) -> None:
    request.headers.append((b"Transfer-Encoding", random.choice(WORD["codings"])))
    request.is_framed = False


def _expectation(random: Random, request: Request) -> None:
    request.headers.append((b"Expect", random.choice((b"100-continue", b"200-ok", b""))))
    request.is_framed = False


FIELD_MUTATIONS: Sequence[Mutation] = (
    *(
        _method,
        _bad_method,
        _version,
        _suffix,
        _prefix,
        _path_character,
        _path_character,
        _query,
        _query,
        _answer,
        _answer,
    ),
    *(_forwarder, _forwarder, _forwarder, _header, _header, _header, _replaced_header, _replaced_header),
    *(_lost_header, _repeated_header, _many_headers, _broken_header),
)
BODY_MUTATIONS: Sequence[Mutation] = (
    *(_chunked, _byte_order_mark, _body_bytes, _body_bytes, _body_value, _body_value, _body_value),
    *(_repeated_member, _another_body, _length, _coding, _expectation),
)


def _bad_chunks(random: Random, sent: bytes) -> bytes:
    head = sent.partition(b"\r\n\r\n")[0]
    return head + b"\r\nTransfer-Encoding: chunked\r\n\r\n" + random.choice(WORD["chunks"])


def _cut_off(random: Random, sent: bytes) -> bytes:
    return sent[: random.randrange(1, len(sent))]


def _any_byte(random: Random, sent: bytes) -> bytes:
    place = random.randrange(len(sent))
    return (
        sent[:place]
        + random.choice((b"", *WORD["line_breaks"], random.randbytes(1)))
        + sent[place + 1 :]
    )


def _bare_line_feeds(_: Random, sent: bytes) -> bytes:
    return sent.replace(b"\r\n", b"\n")


def _long_line(_: Random, sent: bytes) -> bytes:
    return sent.replace(b" HTTP/", b"?" + b"a" * 9000 + b" HTTP/", 1)


def _garbage_before(random: Random, sent: bytes) -> bytes:
    return random.choice(WORD["before"]) + sent


BYTE_MUTATIONS = (
    _bad_chunks,
    _cut_off,
    _any_byte,
    _any_byte,
    _bare_line_feeds,
    _long_line,
    _garbage_before,
)


@cache
def valid_requests() -> tuple[tuple[bytes, bytes, bytes], ...]:
    """Method, target and body of valid requests to every endpoint, pages and operations included."""
    contract = YAML(typ="safe").load(ROOT / "openapi" / "openapi.yaml")
    named = contract["components"]["examples"]
    found = []
    for path, item in contract["paths"].items():
        parameters = [one for one in item.get("parameters", ()) if one["in"] == "path"]
        values = {one["name"]: quote(one["example"]) for one in parameters if "example" in one}
        if "{input}" in path:
            # As long as no tree that is served has a worksheet, no request to one is valid.
            if "worksheet" not in named:
                continue
            answer = named["worksheet"]["value"]
            values = {"version": answer["tree"]["version"], "input": answer["input"]}
        target = path.format_map(values).encode()
        if "get" in item:
            query = b"?since=1.0.0" if path.endswith("/changes") else b""
            found.append((b"GET", target + query, b""))
        if "post" in item:
            examples = item["post"]["requestBody"]["content"]["application/json"]["examples"]
            for name, example in examples.items():
                value = example["value"] if "value" in example else named[name]["value"]
                found.append((b"POST", target, orjson.dumps(value)))
    found += [(b"GET", path.encode(), b"") for path in (*REFERENCE, *PAGES, *OPERATIONS)]
    return tuple(found)


def mutated(seed: int, number: int) -> Request:
    """A request with up to three mutations."""
    random = Random(f"{seed} {number}")
    method, target, body = random.choice(valid_requests())
    request = Request(method, target, body, headers=[(b"Host", b"advisor.example"), (b"Accept", b"*/*")])
    request.is_page = target.decode() in PAGES
    if body:
        request.headers.append((b"Content-Type", JSON))
    kinds = (*FIELD_MUTATIONS, *BODY_MUTATIONS) if body or random.random() < 0.2 else FIELD_MUTATIONS
    for _ in range(random.choice(MUTATIONS)):
        mutation = random.choice(kinds)
        mutation(random, request)
        request.mutations.append(mutation.__name__.strip("_"))
    request.sent = request.write()
    if random.random() < 0.1:
        change = random.choice(BYTE_MUTATIONS)
        request.sent, request.is_framed = change(random, request.sent), False
        request.mutations.append(change.__name__.strip("_"))
    return request


if __name__ == "__main__":
    sys.stdout.buffer.write(mutated(int(sys.argv[1]), int(sys.argv[2])).sent)
