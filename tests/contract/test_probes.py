"""Every probe over a real socket: exact status, media type, headers and problem."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest

from tests.conftest import Server, start
from tests.contract import (
    body_probes,
    described,
    framing_probes,
    header_probes,
    lifecycle_probes,
    target_probes,
)
from tests.contract.probe import (
    CHANGES,
    DIAGRAM,
    EMPTY,
    ETAG,
    JSON,
    OPERATIONS,
    PROBLEM,
    Probe,
    get,
    post,
    target,
)
from tests.contract.wire import Answer, exchange, parse, request, send

pytestmark = pytest.mark.exhaustive

PROBES = [*target_probes.PROBES, *header_probes.PROBES, *body_probes.PROBES, *framing_probes.PROBES]
ANSWERED = [probe for probe in PROBES if not probe.by_server]
REFUSED = [probe for probe in PROBES if probe.slug]
MEMBERS = ["type", "title", "status", "detail"]
SECURITY = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
SECRET = "s3cret-value-of-a-profile"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose limit the size probes sit on."""
    started = start(tmp_path_factory.mktemp("probed") / "log", MAX_BODY_BYTES=str(framing_probes.LIMIT))
    yield started
    started.stop()


def every(probes: list[Probe]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("probe", probes, ids=[probe.name for probe in probes])


@pytest.fixture(scope="module")
def etags(server: Server) -> dict[str, str]:
    """The ETag of each path that has one."""
    return etags_of(server)


def etags_of(server: Server) -> dict[str, str]:
    paths = [path for path in OPERATIONS if path.startswith("/tree")]
    return {path: answer_to(server, get("", "", target(path), 200)).headers["etag"] for path in paths}


def answer_to(server: Server, probe: Probe, etag: str = "") -> Answer:
    sent = probe.sent.replace(ETAG.encode(), etag.encode())
    return send(server.host, server.port, sent, finish=probe.finish)


@every(PROBES)
def test_each_probe_gets_its_promised_answer(
    server: Server, etags: dict[str, str], probe: Probe
) -> None:
    """The answer is exactly the one that the clause asks for, and right in every other respect."""
    etag = etags.get(probe.path, "")
    answer = answer_to(server, probe, etag)

    require_promised(probe, answer, etag)
    require_secured(answer)
    require_nothing_from_inside(answer)
    if probe.slug:
        require_problem(probe, answer)
    if probe.operation and not probe.by_server:
        require_described(probe, answer)


def require_promised(probe: Probe, answer: Answer, etag: str) -> None:
    """Status, media type, headers and interim answers are exactly those that the clause asks for."""
    assert (probe.status, probe.interim) == (answer.status, answer.interim), answer.body
    if not probe.any_media:
        assert probe.media_type == answer.media_type
    expected = {name: value.replace(ETAG, etag) for name, value in probe.headers.items()}
    assert expected == {name: in_order(name, answer.headers.get(name, "")) for name in expected}
    assert [name for name in probe.absent if name in answer.headers] == []
    if probe.empty:
        assert answer.body == b""


def in_order(name: str, value: str) -> str:
    """A header's value; methods have no order of their own."""
    return ", ".join(sorted(value.split(", "))) if name == "allow" else value


def require_problem(probe: Probe, answer: Answer) -> None:
    """A problem has its members, its type, the answer's own status, and the place of each fault."""
    if probe.sent.startswith(b"HEAD"):
        return  # its answer has no content
    body = answer.json()

    assert [name for name in body if name != "errors"] == MEMBERS
    assert f"/problems/{probe.slug}" == problem_type(probe, body)
    assert answer.status == body["status"]
    errors = body.get("errors", [])
    if any("header" in error for error in errors):
        [error] = errors
        assert {"header": error["header"], "detail": body["detail"]} == error
    else:
        assert (answer.status == 422 or bool(probe.pointers)) == bool(errors)
    if probe.pointers is not None:
        assert probe.pointers == tuple(sorted(error["pointer"] for error in body["errors"]))
    if probe.parameters is not None:
        assert probe.parameters == tuple(sorted(error["parameter"] for error in body["errors"]))


def problem_type(probe: Probe, body: dict[str, Any]) -> str:
    """Where a problem's type leads from the URL of its request; one that can't be read has none."""
    target = "/" if probe.by_server else probe.sent.split(b" ")[1].decode("latin-1")
    return urlsplit(urljoin(f"http://advisor.example{target}", body["type"])).path


def require_secured(answer: Answer) -> None:
    """nosniff, a Content-Security-Policy and no-referrer are on every answer, and so are the ids."""
    headers = answer.headers

    assert {name: headers.get(name) for name in SECURITY} == SECURITY
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert re.fullmatch(r"[A-Za-z0-9._:/+=-]{1,128}", headers["x-request-id"])
    assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", headers["traceparent"])


def require_nothing_from_inside(answer: Answer) -> None:
    """Nothing brings a 5xx, a traceback or a file's name."""
    assert answer.status < 500
    assert [word for word in (b"Traceback", b".py", b"site-packages") if word in answer.body] == []


def require_described(probe: Probe, answer: Answer) -> None:
    """Status, media type and body are among those that the operation documents."""
    assert [*described.faults(probe.operation, answer)] == []


@pytest.mark.parametrize(
    ("line", "status"), [("GET /tree/versions", 200), ("POST /nope", 404), ("DELETE /tree", 405)]
)
@pytest.mark.parametrize(
    "chunks",
    ["3\r\nabc\r\n0\r\nBad Trailer\r\n\r\n", "zz\r\nabc\r\n0\r\n\r\n", "3\r\nabcd\r\n0\r\n\r\n"],
)
def test_each_request_has_one_answer(server: Server, line: str, status: int, chunks: str) -> None:
    """A body that nobody asked for and that can't be read gets no answer of its own."""
    head = f"{line} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    said = b""
    with socket.create_connection((server.host, server.port), timeout=20) as client:
        client.sendall((head + chunks).encode())
        while part := client.recv(65536):
            said += part

    assert said.startswith(f"HTTP/1.1 {status} ".encode())
    assert said.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("slug", sorted({probe.slug for probe in REFUSED}))
def test_each_problem_type_resolves_to_an_explanation(server: Server, slug: str) -> None:
    """GET of a problem's type, where it leads from the request's URL, explains it."""
    refused = next(probe for probe in REFUSED if probe.slug == slug)
    problem = answer_to(server, refused).json()

    explained = get("", "", problem_type(refused, problem), 200)
    explanation = answer_to(server, explained).json()

    assert list(explanation) == ["type", "title", "status", "explanation"]
    assert explained.path == problem_type(explained, explanation)
    assert (problem["title"], problem["status"]) == (explanation["title"], explanation["status"])


def documented(contract: dict[str, Any]) -> Iterator[tuple[str, int]]:
    for path in contract["paths"].values():
        for operation in path.values():
            if "responses" in operation:
                yield from ((operation["operationId"], int(status)) for status in operation["responses"])


def test_every_documented_status_is_reached_and_none_beside(contract: dict[str, Any]) -> None:
    """The probes reach each status of each operation in the contract, and no undocumented one."""
    probes = [*PROBES, *lifecycle_probes.PROBES]
    declared = {(p.operation, p.status) for p in probes if p.operation and not p.by_server}

    assert sorted(documented(contract)) == sorted(declared)


def test_each_probe_has_a_name_of_its_own_and_a_clause() -> None:
    """No row hides another, and each says what it rests on."""
    names = [probe.name for probe in PROBES]

    assert sorted(set(names)) == sorted(names)
    assert [probe.name for probe in PROBES if not probe.clause] == []


UNECHOED = {
    "as a boolean": f'{{"profile":{{"data_sensitive":"{SECRET}"}}}}',
    "of an unknown input": f'{{"profile":{{"nope":"{SECRET}"}}}}',
    "as the profile": f'{{"profile":"{SECRET}"}}',
    "as the version": f'{{"profile":{{}},"tree_version":"{SECRET}"}}',
    "in a list": f'{{"profile":{{"data_sensitive":["{SECRET}"]}}}}',
    "at the top": f'"{SECRET}"',
    "in bad JSON": f'{{"profile":{{"data_sensitive":"{SECRET}"',
    "as a bare word": f'{{"profile":{{"data_sensitive":{SECRET}}}}}',
    "under a repeated name": f'{{"profile":{{"a":"{SECRET}","a":"{SECRET}"}}}}',
    "in no JSON": SECRET,
}


@pytest.mark.parametrize("body", UNECHOED.values(), ids=list(UNECHOED))
def test_a_problem_never_repeats_a_value(server: Server, body: str) -> None:
    """What a profile holds appears neither in the problem nor in the server's log."""
    answer = answer_to(server, post("", "", 0, body.encode()))

    assert answer.status in (400, 422)
    assert SECRET.encode() not in answer.body
    assert SECRET not in server.log.read_text()


@pytest.mark.parametrize("item", ['{"data_sensitive":"%s"}', '{"nope":"%s"}', '"%s"', '["%s"]'])
def test_a_bad_item_s_result_never_repeats_a_value(server: Server, item: str) -> None:
    """Neither does what an item of a batch holds."""
    body = b'{"profiles":[%b]}' % (item % SECRET).encode()
    answer = answer_to(server, post("", "", 200, body, target="/assess/batch"))

    assert answer.json()["summary"]["invalid"] == 1
    assert SECRET.encode() not in answer.body
    assert SECRET not in server.log.read_text()


@pytest.mark.parametrize("query", ["data_sensitive=", "data_sensitive=true&api_usable="])
def test_a_problem_never_repeats_a_query_s_value(server: Server, query: str) -> None:
    """Neither does what a profile in a query holds."""
    answer = answer_to(server, get("", "", f"{DIAGRAM}?{query}{SECRET}", 422))

    assert answer.status == 422
    assert SECRET.encode() not in answer.body
    assert SECRET not in server.log.read_text()


def picture(server: Server, accept: str, query: str = "", etag: str = "") -> Answer:
    """The answer for a picture that Accept asks for, on the condition that it isn't known by its ETag."""
    condition = (("If-None-Match", etag),) if etag else ()
    return answer_to(server, get("", "", DIAGRAM + query, 0, ("Accept", accept), *condition))


def test_each_kind_of_picture_has_a_validator_of_its_own(server: Server) -> None:
    """RFC 9110 §8.8.3.3: a cache must not take one kind for the other; a 304 varies as its 200 does."""
    queries = ("", "?data_sensitive=true", "?prompt_engineering_sufficient=true")
    kinds = ("image/svg+xml", "text/vnd.mermaid")
    etags = {(k, q): picture(server, k, q).headers["etag"] for k in kinds for q in queries}

    assert len(set(etags.values())) == 6
    for (kind, query), etag in etags.items():
        for other in kinds:
            answer = picture(server, other, query, etag)
            assert (304 if other == kind else 200) == answer.status
            assert etags[other, query] == answer.headers["etag"]
            assert answer.headers["vary"] == "Accept"


HEAD_PATHS = ["/tree", "/tree/versions", "/tree/versions/1.0.0", "/problems/not-found", "/healthz"]
OF_THE_REQUEST = ("date", "x-request-id", "traceparent")


HEAD_PATHS += [DIAGRAM, f"{DIAGRAM}?data_sensitive=true", f"{CHANGES}?since=1.0.0", CHANGES]


@pytest.mark.parametrize("path", [*HEAD_PATHS, "/nope", "/tree/versions/0", "/tree?a=1"])
def test_head_has_the_headers_of_get(server: Server, path: str) -> None:
    """RFC 9110 §9.3.2: HEAD sends the header fields of GET, length included, and no content."""
    got, asked = (send(server.host, server.port, request(method, path)) for method in ("GET", "HEAD"))

    assert asked.body == b""
    assert lasting(got) == lasting(asked)
    assert str(len(got.body)) == asked.headers["content-length"]


def lasting(answer: Answer) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name not in OF_THE_REQUEST}


VALID_IDS = ["a", "req-1", "A.b_c:d/e+f=", "7" * 128]
HOSTILE_IDS = ["", "two words", "a" * 129, "a" * 200, "é", "<script>", "a,b", "${x}", '"quoted"', "a\tb"]


@pytest.mark.parametrize("given", VALID_IDS)
def test_a_valid_request_id_is_taken_over(server: Server, given: str) -> None:
    """A caller finds its own id in the answer."""
    assert given == identified(server, ("X-Request-ID", given))["x-request-id"]


@pytest.mark.parametrize("given", HOSTILE_IDS)
def test_a_hostile_request_id_is_replaced(server: Server, given: str) -> None:
    """What could break a log or a page is replaced with an id of the server's own."""
    assert re.fullmatch("[0-9a-f]{32}", identified(server, ("X-Request-ID", given))["x-request-id"])


def test_two_request_ids_are_replaced(server: Server) -> None:
    """Of two ids neither is believed."""
    answered = identified(server, ("X-Request-ID", "a"), ("X-Request-ID", "b"))["x-request-id"]

    assert re.fullmatch("[0-9a-f]{32}", answered)


TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
BAD_PARENTS = {
    "garbage": "garbage",
    "zero trace": f"00-{'0' * 32}-{SPAN}-01",
    "zero span": f"00-{TRACE}-{'0' * 16}-01",
    "version ff": f"ff-{TRACE}-{SPAN}-01",
    "upper case": f"00-{TRACE.upper()}-{SPAN}-01",
    "short trace": f"00-{TRACE[1:]}-{SPAN}-01",
    "no flags": f"00-{TRACE}-{SPAN}",
    "version 00 with more": f"00-{TRACE}-{SPAN}-01-more",
}


@pytest.mark.parametrize("flags", ["00", "01"])
def test_a_valid_traceparent_is_continued(server: Server, flags: str) -> None:
    """W3C Trace Context §3.2: same trace and flags, a span of our own."""
    answered = identified(server, ("traceparent", f"00-{TRACE}-{SPAN}-{flags}"))["traceparent"]

    assert ["00", TRACE, flags] == [answered.split("-")[part] for part in (0, 1, 3)]
    assert re.fullmatch("(?!0{16})[0-9a-f]{16}", answered.split("-")[2])
    assert answered.split("-")[2] != SPAN


@pytest.mark.parametrize("given", BAD_PARENTS.values(), ids=list(BAD_PARENTS))
def test_an_invalid_traceparent_is_replaced(server: Server, given: str) -> None:
    """W3C Trace Context §3.2.2: an invalid parent starts a new trace."""
    answered = identified(server, ("traceparent", given))["traceparent"]

    assert re.fullmatch("00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-0[01]", answered)
    assert TRACE not in answered


def identified(server: Server, *fields: tuple[str, str]) -> dict[str, str]:
    return answer_to(server, get("", "", "/healthz", 200, *fields)).headers


def test_a_refused_body_is_never_read_as_the_next_request(server: Server) -> None:
    """RFC 9112 §9.3: on a kept connection, the body of a refused request stays its body."""
    inner = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
    first = request(
        "POST", "/assess", [("Content-Type", "text/plain"), ("Content-Length", str(len(inner)))]
    )
    kept = first.replace(b"Connection: close\r\n", b"") + inner

    received = exchange(server.host, server.port, kept + request("GET", "/healthz"))

    assert re.findall(rb"HTTP/1\.1 (\d{3})", received) == [b"415", b"200"]


def test_requests_on_one_connection_are_answered_in_order(server: Server) -> None:
    """RFC 9112 §9.3.2: pipelined requests get their answers one after the other."""
    opened = request("GET", "/tree/versions/nope").replace(b"Connection: close\r\n", b"")

    received = exchange(server.host, server.port, opened + request("GET", "/healthz"))

    assert re.findall(rb"HTTP/1\.1 (\d{3})", received) == [b"404", b"200"]


def test_the_server_says_nothing_of_its_versions(server: Server) -> None:
    """RFC 9110 §10.2.4: the Server field gives no detail that helps an attacker."""
    answer = parse(exchange(server.host, server.port, request("GET", "/tree")))

    assert answer.headers["server"] == "gunicorn"
    assert answer.media_type == JSON


def test_a_long_list_of_faults_is_cut(server: Server) -> None:
    """A body with many faults gets the first twenty, and is told so."""
    names = b",".join(b'"x%d":1' % number for number in range(1000))

    answer = answer_to(server, post("", "", 422, EMPTY.replace(b"{}", b"{" + names + b"}")))

    assert (answer.status, answer.media_type) == (422, PROBLEM)
    assert len(answer.json()["errors"]) == 20
    assert answer.json()["detail"].endswith("the first 20 errors are listed")


@pytest.mark.parametrize("depth", [900, 950, 990, 1010, 1030])
def test_depth_near_the_limit_is_refused_all_the_same(server: Server, depth: int) -> None:
    """RFC 8259 §9: just below what the parser takes, with colons that ask for a second reading, no 5xx."""
    body = b'{"profile":{"data_sensitive":' + b"[" * depth + b'":::"' + b"]" * depth + b"}}"

    assert answer_to(server, post("", "", 0, body)).status in (400, 422)
