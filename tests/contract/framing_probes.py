"""Probes of how bodies are framed: lengths, chunks, limits and expectations."""

from __future__ import annotations

import gzip
from typing import Any

from tests.contract.probe import EMPTY, JSON, Probe, get, post
from tests.contract.wire import chunked, request

LIMIT = 1_048_576
"""The largest body of the server that is probed: less than the default, for the sake of time."""
TYPED = ("Content-Type", JSON)
CHUNKED = (TYPED, ("Transfer-Encoding", "chunked"))
CHUNKS = "RFC 9112 §7.1: the chunked coding"
LARGE = "RFC 9110 §15.5.14: a body over the limit is 413, one at the limit is read"
CUT = "RFC 9112 §8: a body that ends early is incomplete"


def _raw(
    name: str, clause: str, status: int, fields: tuple[tuple[str, str], ...], body: bytes, **more: Any
) -> Probe:
    """A POST to /assess whose framing fields are all given."""
    slugs = {400: "malformed-request", 413: "body-too-large"}
    known = {
        "slug": slugs.get(status, ""),
        "operation": "assess",
        **more,
    }
    return Probe(name, clause, request("POST", "/assess", fields, body), status, **known)


def _padded(size: int) -> bytes:
    return EMPTY.ljust(size)


def _pieces(body: bytes) -> bytes:
    return chunked(*(body[start : start + 65_536] for start in range(0, len(body), 65_536)))


LENGTHS = [
    post("length at the limit", LARGE, 200, _padded(LIMIT)),
    post("length over the limit by one", LARGE, 413, _padded(LIMIT + 1)),
    _raw("length far over the limit", LARGE, 413, (TYPED, ("Content-Length", "9" * 15)), b""),
    post(
        "415 before 413", "RFC 9110 §15.5.16", 415, _padded(LIMIT + 1), (("Content-Type", "text/plain"),)
    ),
    _raw("no body", "RFC 9112 §6.3: without a length there is no body", 400, (TYPED,), b""),
    _raw("no body, no type", "RFC 9110 §8.3", 415, (), b"", slug="unsupported-media-type"),
    _raw(
        "length zero",
        "RFC 8259 §2: an empty text is no JSON",
        400,
        (TYPED, ("Content-Length", "0")),
        b"",
    ),
    _raw("length zero-padded", "RFC 9110 §8.6", 200, (TYPED, ("Content-Length", "0014")), EMPTY),
    *(
        _raw(
            f"length {value}",
            "RFC 9112 §6.3: an invalid length is unrecoverable",
            400,
            (TYPED, ("Content-Length", value)),
            EMPTY,
            by_server=True,
            operation="",
        )
        for value in ("-1", "+14", "14, 14", "0x0e", "14.0", "", "\xb914", "1" * 5000)
    ),
    _raw(
        "two lengths",
        "RFC 9112 §6.3",
        400,
        (TYPED, ("Content-Length", "14"), ("Content-Length", "15")),
        EMPTY,
        by_server=True,
    ),
    _raw(
        "one length twice",
        "RFC 9112 §6.3: a repeated length may be refused",
        400,
        (TYPED, ("Content-Length", "14"), ("Content-Length", "14")),
        EMPTY,
        by_server=True,
        operation="",
    ),
    _raw(
        "length in white space",
        "RFC 9110 §5.5: white space around a value isn't part of it",
        200,
        (TYPED, ("Content-Length", " 14 ")),
        EMPTY,
    ),
    *(
        _raw(
            f"{name} with an underscore",
            "RFC 9110 §5.1: a field with an underscore is another one, and frames nothing",
            200,
            (TYPED, ("Content-Length", "14"), (name, value)),
            EMPTY,
        )
        for name, value in (("Content_Length", "3"), ("Transfer_Encoding", "chunked"))
    ),
    _raw("length cut", CUT, 400, (TYPED, ("Content-Length", "50")), b'{"profile":', finish=True),
    _raw("length cut after a value", CUT, 400, (TYPED, ("Content-Length", "50")), EMPTY, finish=True),
    get(
        "GET with a body",
        "RFC 9110 §9.3.1: content of a GET means nothing",
        "/tree",
        200,
        ("Content-Length", "0"),
    ),
]

CHUNKED_BODIES = [
    _raw("chunks", CHUNKS, 200, CHUNKED, chunked(EMPTY)),
    _raw("chunks of one byte", CHUNKS, 200, CHUNKED, chunked(*(bytes([one]) for one in EMPTY))),
    _raw("chunk extension", CHUNKS + ".1", 200, CHUNKED, b"e;name=value\r\n" + EMPTY + b"\r\n0\r\n\r\n"),
    _raw("chunk size in upper case", CHUNKS, 200, CHUNKED, b"E\r\n" + EMPTY + b"\r\n0\r\n\r\n"),
    _raw("chunk size with zeros", CHUNKS, 200, CHUNKED, b"0000e\r\n" + EMPTY + b"\r\n0\r\n\r\n"),
    _raw("chunk size with a separator", CHUNKS, 400, CHUNKED, b"0_e\r\n" + EMPTY + b"\r\n0\r\n\r\n"),
    _raw("chunk size after a space", CHUNKS, 400, CHUNKED, b" e\r\n" + EMPTY + b"\r\n0\r\n\r\n"),
    _raw("chunk size before a space", CHUNKS, 400, CHUNKED, b"e \r\n" + EMPTY + b"\r\n0\r\n\r\n"),
    _raw("chunk size without CR", CHUNKS, 400, CHUNKED, b"e\n" + EMPTY + b"\r\n0\r\n\r\n"),
    _raw("chunk extension with LF", CHUNKS, 400, CHUNKED, b"e;a\nb\r\n" + EMPTY + b"\r\n0\r\n\r\n"),
    _raw(
        "chunk extension far too long",
        CHUNKS + ".1: the length of extensions is limited",
        400,
        CHUNKED,
        b"e;" + b"a" * 20_000 + b"\r\n" + EMPTY + b"\r\n0\r\n\r\n",
        finish=True,
    ),
    _raw(
        "chunk trailer no field", CHUNKS, 400, CHUNKED, b"e\r\n" + EMPTY + b"\r\n0\r\nno field\r\n\r\n"
    ),
    _raw(
        "chunk trailer that frames",
        CHUNKS + ".2: a trailer must not carry a length",
        400,
        CHUNKED,
        b"e\r\n" + EMPTY + b"\r\n0\r\nContent-Length: 5\r\n\r\n",
    ),
    _raw(
        "chunks of gzip",
        "RFC 9112 §6.1: no other transfer coding is undone, so its bytes are no JSON",
        400,
        (TYPED, ("Transfer-Encoding", "gzip, chunked")),
        chunked(gzip.compress(EMPTY)),
    ),
    _raw(
        "chunks that aren't gzip",
        "RFC 9112 §6.1: a body isn't what its transfer coding says",
        400,
        (TYPED, ("Transfer-Encoding", "gzip, chunked")),
        chunked(EMPTY),
    ),
    *(
        _raw(
            f"transfer coding {value!r}", "RFC 9112 §7: codings in any case", 200, fields, chunked(EMPTY)
        )
        for value in ("Chunked", "\tchunked")
        for fields in ((TYPED, ("Transfer-Encoding", value)),)
    ),
    _raw("chunk trailer", CHUNKS + ".2", 200, CHUNKED, b"e\r\n" + EMPTY + b"\r\n0\r\nX-A: 1\r\n\r\n"),
    _raw("chunks at the limit", LARGE, 200, CHUNKED, _pieces(_padded(LIMIT))),
    _raw("chunks over the limit by one", LARGE, 413, CHUNKED, _pieces(_padded(LIMIT + 1))),
    _raw("chunks twice the limit", LARGE, 413, CHUNKED, _pieces(_padded(2 * LIMIT))),
    _raw("no chunks", "RFC 8259 §2", 400, CHUNKED, chunked()),
    _raw("chunk size no number", CHUNKS, 400, CHUNKED, b"zz\r\n" + EMPTY + b"\r\n0\r\n\r\n"),
    _raw("chunk size negative", CHUNKS, 400, CHUNKED, b"-e\r\n" + EMPTY + b"\r\n0\r\n\r\n"),
    _raw("chunk size prefixed", CHUNKS, 400, CHUNKED, b"0xe\r\n" + EMPTY + b"\r\n0\r\n\r\n"),
    _raw("chunk size empty", CHUNKS, 400, CHUNKED, b"\r\n" + EMPTY + b"\r\n0\r\n\r\n"),
    _raw("chunk size huge", CHUNKS, 400, CHUNKED, b"f" * 40 + b"\r\n" + EMPTY, finish=True),
    _raw("chunk longer than its size", CHUNKS, 400, CHUNKED, b"5\r\n" + EMPTY + b"\r\n0\r\n\r\n"),
    _raw("chunk cut", CUT, 400, CHUNKED, b'e\r\n{"profile"', finish=True),
    _raw("last chunk missing", CUT, 400, CHUNKED, b"e\r\n" + EMPTY + b"\r\n", finish=True),
    _raw("chunks missing", CUT, 400, CHUNKED, b"", finish=True),
]

CODINGS = [
    _raw(
        name,
        "RFC 9112 §6.1, §6.3: ambiguous framing may smuggle requests",
        status,
        (TYPED, *fields),
        chunked(EMPTY),
        by_server=True,
        operation="",
    )
    for name, status, fields in (
        ("chunked and a length", 400, (("Transfer-Encoding", "chunked"), ("Content-Length", "14"))),
        ("a length and chunked", 400, (("Content-Length", "14"), ("Transfer-Encoding", "chunked"))),
        ("chunked twice", 400, (("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "chunked"))),
        ("gzip transfer", 400, (("Transfer-Encoding", "gzip"),)),
        ("unknown transfer", 400, (("Transfer-Encoding", "xchunked"),)),
        ("quoted transfer", 400, (("Transfer-Encoding", '"chunked"'),)),
        ("open list of transfers", 400, (("Transfer-Encoding", "chunked,"),)),
        ("empty transfer", 400, (("Transfer-Encoding", ""),)),
        ("chunked before identity", 400, (("Transfer-Encoding", "chunked, identity"),)),
        ("identity transfer", 400, (("Transfer-Encoding", "identity"), ("Content-Length", "14"))),
        ("vertical tab transfer", 400, (("Transfer-Encoding", "\x0bchunked"),)),
        ("space before the colon", 400, (("Transfer-Encoding ", "chunked"),)),
        ("folded transfer", 400, (("Transfer-Encoding", "\r\n chunked"),)),
    )
]
OLDER = [
    Probe(
        "HTTP/1.0 POST",
        "RFC 9112 §2.3: an older client is answered too",
        _raw("", "", 0, (TYPED, ("Content-Length", "14")), EMPTY).sent.replace(b"/1.1", b"/1.0"),
        200,
    ),
    Probe(
        "HTTP/1.0 chunked",
        "RFC 9112 §6.1: a transfer coding in HTTP/1.0 is faulty framing",
        _raw("", "", 0, CHUNKED, chunked(EMPTY)).sent.replace(b"/1.1", b"/1.0"),
        400,
        "malformed-request",
        by_server=True,
    ),
]

EXPECTATIONS = [
    _raw(
        "Expect 100-continue",
        "RFC 9110 §10.1.1: the body is asked for, then answered",
        200,
        (TYPED, ("Content-Length", "14"), ("Expect", "100-continue")),
        EMPTY,
        interim=(100,),
    ),
    _raw(
        "Expect in another case",
        "RFC 9110 §10.1.1: an expectation's case doesn't count",
        200,
        (TYPED, ("Content-Length", "14"), ("Expect", "100-Continue")),
        EMPTY,
        interim=(100,),
    ),
    _raw(
        "Expect nothing",
        "RFC 9110 §10.1.1: what can't be expected may be refused",
        400,
        (TYPED, ("Content-Length", "14"), ("Expect", "")),
        EMPTY,
        by_server=True,
        operation="",
    ),
    _raw(
        "Expect something else",
        "RFC 9110 §10.1.1: what can't be expected may be refused",
        400,
        (TYPED, ("Content-Length", "14"), ("Expect", "200-maybe")),
        EMPTY,
        by_server=True,
        operation="",
    ),
]

PROBES = [*LENGTHS, *CHUNKED_BODIES, *CODINGS, *OLDER, *EXPECTATIONS]
