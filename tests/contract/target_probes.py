"""Probes of request targets, methods and queries."""

from __future__ import annotations

from tests.contract.probe import CHANGES, DIAGRAM, OPERATIONS, WORKSHEET, Probe, ask, get, post, target
from tests.contract.wire import request

READ = "GET, HEAD, OPTIONS"
METHODS = {
    **dict.fromkeys(OPERATIONS, READ),
    "/assess": "OPTIONS, POST",
    "/assess/batch": "OPTIONS, POST",
    "/assess/explain": "OPTIONS, POST",
    WORKSHEET: "OPTIONS, POST",
    "/healthz": READ,
    "/readyz": READ,
    "/metrics": READ,
    "/openapi.json": READ,
    "/docs": READ,
    "/docs/swagger-ui.css": READ,
    "/static/docs.js": READ,
}
NOT_TAKEN = ("PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND", "BREW", "GET-")

WRONG_METHODS = [
    ask(
        f"{method} {path}",
        "RFC 9110 §15.5.6: a 405 lists the methods that the target takes in Allow",
        method,
        path,
        405,
        headers={"allow": allow},
        operation="",
    )
    for path, allow in METHODS.items()
    for method in (*NOT_TAKEN, "GET" if "POST" in allow else "POST")
]

HEADS = [
    ask(
        f"HEAD {path}",
        "RFC 9110 §9.3.2: HEAD is answered as GET, without content",
        "HEAD",
        target(path),
        200,
        empty=True,
        operation="",
    )
    for path in (*OPERATIONS, "/healthz", "/readyz", "/openapi.json")
]

OPTIONS = [
    ask(
        f"OPTIONS {path}",
        "RFC 9110 §9.3.7: OPTIONS says how the target can be talked to",
        "OPTIONS",
        path,
        204,
        headers={"allow": allow},
        absent=("content-type", "content-length"),
        empty=True,
        any_media=True,
        operation="",
    )
    for path, allow in METHODS.items()
]

READS = [
    get(f"GET {path}", "RFC 9110 §9.3.1: GET transfers the representation", target(path), 200)
    for path in OPERATIONS
]

NOWHERE = {
    "unknown path": "/nope",
    "slashes alone": "///",
    "double slash": "/tree//versions",
    "double slash at the end": "/tree//",
    "double slash below": "/assess//batch",
    "backslash": "/tree\\versions",
    "encoded backslash": "/tree%5cversions",
    "path parameter": "/tree;version=1.0.0",
    "encoded space": "/tree%20",
    "encoded question mark": "/tree%3fa=1",
    "encoded dot segments": "/tree/%2e%2e/tree",
    "single dot segment": "/tree/./versions",
    "slug in upper case": "/problems/NOT-FOUND",
    "slug with NUL": "/problems/not-found%00",
    "trailing slash": "/tree/",
    "trailing slash below": "/tree/versions/1.0.0/",
    "no version": "/tree/versions/",
    "no slug": "/problems/",
    "trailing slash after changes": f"{CHANGES}/?since=1.0.0",
    "trailing slash after diagram": f"{DIAGRAM}/",
    "no version, changes": "/tree/versions//changes?since=1.0.0",
    "no version, diagram": "/tree/versions//diagram",
    "nothing below a diagram": f"{DIAGRAM}/svg",
    "a diagram's file name": f"{DIAGRAM}.svg",
    "the default tree's diagram": "/tree/diagram",
    "unknown slug": "/problems/nope",
    "upper case": "/TREE",
    "dot segments aren't resolved": "/tree/../tree",
    "encoded NUL": "/tree%00",
    "encoded line break": "/tree%0d%0aX-Injected:%20yes",
    "invalid UTF-8": "/%ff%fe",
    "overlong UTF-8": "/%c0%afetc%c0%afpasswd",
    "invalid UTF-8 slug": "/problems/%ff",
    "unfinished escape": "/tree%2",
    "escape twice": "/%2574ree",
    "asset outside": "/docs/%2e%2e%2fopenapi.json",
    "asset that isn't listed": "/docs/index.html",
    "static outside": "/static/..%2ftemplates%2fdocs.html",
}

PATHS = [
    *(
        get(name, "RFC 9110 §15.5.5, RFC 3986 §2.1: nothing is found at this path", path, 404)
        for name, path in NOWHERE.items()
    ),
    *(
        get(
            f"version {name}: {operation}",
            "RFC 9110 §15.5.5: this version isn't served",
            f"/tree/versions/{version}{rest}",
            404,
            slug="unknown-version",
            operation=operation,
        )
        for operation, rest in {
            "getVersion": "",
            "getChanges": "/changes?since=1.0.0",
            "getDiagram": "/diagram",
        }.items()
        for name, version in {
            "unknown": "9.9.9",
            "prefix": "1.0",
            "with v": "v1.0.0",
            "padded": "1.0.0%20",
            "line break": "1.0.0%0a",
            "NUL": "1.0.0%00",
            "invalid UTF-8": "%ff%fe",
            "lone percent": "%f",
            "other digits": "%D9%A1.0.0",
            "very long": "1" * 3000,
            "dot segments": "%2e%2e",
            "script": "%3Cscript%3E",
        }.items()
    ),
    get("problem nobody has", "RFC 9457 §4", "/problems/no-such-thing", 404, operation="explainProblem"),
    get("encoded letter", "RFC 3986 §6.2.2.2: an encoded letter is that letter", "/%74ree", 200),
    get("encoded dots", "RFC 3986 §6.2.2.2", "/tree/versions/1%2e0%2e0", 200),
    get("encoded slash", "PEP 3333: a path is decoded before it is matched", "/tree%2Fversions", 200),
    get(
        "slashes before",
        "RFC 9112 §3.2.1: gunicorn drops a first slash",
        "//tree",
        200,
    ),
    get("fragment", "RFC 9112 §3.2.1: no target has a fragment, and gunicorn drops it", "/tree#x", 200),
    get(
        "absolute form",
        "RFC 9112 §3.2.2: absolute form is accepted",
        "http://elsewhere.example/tree",
        200,
    ),
]

GET_QUERIES = {
    "unknown": "?verbose=1",
    "without value": "?verbose",
    "without name": "?=1",
    "repeated": "?since=1&since=2",
    "repeated by escape": "?since=1&%73ince=2",
    "invalid UTF-8": "?%ff=%ff",
    "NUL": "?a%00=b",
    "header's name": "?If-None-Match=*",
    "hardly fitting in the line": f"?{'a' * 3900}",
    "of many parameters": f"?{'&'.join(f'a{n}=1' for n in range(500))}",
    "separated by a semicolon": "?;",
    "in brackets": "?since[]=1.0.0",
}

QUERIES = [
    *(
        get(
            f"query {name}: {path}",
            "design §4: an unknown or repeated query parameter is refused; RFC 9110 §15.5.21",
            target(path, query),
            422,
        )
        for path in OPERATIONS
        for name, query in GET_QUERIES.items()
    ),
    *(
        post(
            f"query {name}: /assess",
            "design §4: an unknown or repeated query parameter is refused; RFC 9110 §15.5.21",
            422,
            target=f"/assess{query}",
        )
        for name, query in {**GET_QUERIES, "body's field": "?tree_version=1.0.0"}.items()
    ),
    *(
        get(
            f"query empty: {path}", "RFC 3986 §3.4: an empty query names nothing", target(path, "?"), 200
        )
        for path in OPERATIONS
    ),
]

SINCE_REFUSED = {
    "missing": "",
    "empty": "?since=",
    "without value": "?since",
    "unknown": "?since=9",
    "not served": "?since=9.9.9",
    "padded": "?since=%201.0.0",
    "padded by plus": "?since=1.0.0+",
    "line break": "?since=1.0.0%0a",
    "NUL": "?since=1.0.0%00",
    "prefix": "?since=1.0",
    "list": "?since=1.0.0,1.0.0",
    "quoted": "?since=%221.0.0%22",
    "invalid UTF-8": "?since=%ff",
    "same one twice": "?since=1.0.0&since=1.0.0",
}
SINCE = [
    *(
        get(
            f"since {name}",
            "contract: since is one served version, given once; RFC 9110 §15.5.21",
            CHANGES + query,
            422,
            parameters=("since",),
        )
        for name, query in SINCE_REFUSED.items()
    ),
    get(
        "since in another case",
        "RFC 3986 §6.2.2.1: a query's case counts",
        f"{CHANGES}?Since=1.0.0",
        422,
        parameters=("Since", "since"),
    ),
    get("since escaped", "RFC 3986 §6.2.2.2", f"{CHANGES}?s%69nce=1%2e0.0", 200),
]

NOT_WRITTEN_BOOLEANS = {
    "1": "1",
    "0": "0",
    "1.0": "1.0",
    "yes": "yes",
    "on": "on",
    "t": "t",
    "space before": "%20true",
    "space after": "true%20",
    "plus before": "+true",
    "line break after": "true%0a",
    "no-break space before": "%c2%a0true",
    "NUL after": "true%00",
    "empty": "",
    "null": "null",
    "quoted": "%22true%22",
    "array": "[true]",
    "object": "%7B%7D",
    "two values": "true,false",
    "NaN": "NaN",
    "3,000 digits": "1" * 3000,
    "deep": "[" * 3000,
    "invalid UTF-8": "%ff",
    "unfinished escape": "tru%6",
}
PROFILES = [
    *(
        get(
            f"boolean in a query as {name}",
            "contract: a boolean input is written true or false; RFC 9110 §15.5.21",
            f"{DIAGRAM}?data_sensitive={value}",
            422,
            parameters=("data_sensitive",),
        )
        for name, value in NOT_WRITTEN_BOOLEANS.items()
    ),
    *(
        get(
            f"profile in a query: {name}",
            "contract: inputs are given by name, once each; RFC 9110 §15.5.21",
            f"{DIAGRAM}?{query}",
            422,
            parameters=parameters,
        )
        for name, (query, parameters) in {
            "input without value": ("data_sensitive", ("data_sensitive",)),
            "input twice": ("data_sensitive=true&data_sensitive=true", ("data_sensitive",)),
            "unknown input": ("data_sensitve=true", ("data_sensitve",)),
            "body's field": ("profile=%7B%7D", ("profile",)),
            "version": ("tree_version=1.0.0", ("tree_version",)),
            "format": ("format=svg", ("format",)),
            "two faults": ("api_usable=2&data_sensitive=1", ("api_usable", "data_sensitive")),
            "other case": ("Data_Sensitive=true", ("Data_Sensitive",)),
        }.items()
    ),
    *(
        get(f"profile in a query: {name}", "contract: a profile as query", f"{DIAGRAM}?{query}", 200)
        for name, query in {
            "true": "data_sensitive=true",
            "false": "data_sensitive=false",
            "escaped": "data%5fsensitive=tr%75e",
            "several": "prompt_engineering_sufficient=false&knowledge_retrieval_problem=true",
        }.items()
    ),
]

ASSESSING = {
    "/assess": "assess",
    "/assess/batch": "assessBatch",
    "/assess/explain": "explain",
    WORKSHEET: "workOutInput",
}
OVERLONG = [
    ask(
        f"overlong line: {path}",
        "RFC 9110 §15.5.15",
        "POST" if path in ASSESSING else "GET",
        f"{path}?{'a' * 9000}",
        414,
        operation=operation,
    )
    for path, operation in {**OPERATIONS, **ASSESSING}.items()
] + [get("long line", "RFC 9112 §3: 8000 octets at least", f"{DIAGRAM}?a={'a' * 8000}", 422)]

SERVERS_OWN = "contract description: what can't be read is a problem all the same; "
LINES = [
    Probe(
        name,
        SERVERS_OWN + clause,
        sent.replace(b"\n", b"\r\n") + b"\r\n\r\n",
        status,
        "malformed-request",
        by_server=True,
    )
    for name, clause, sent, status in (
        ("lower-case method", "RFC 9112 §3", b"get /tree HTTP/1.1\nHost: a", 400),
        ("overlong method", "RFC 9112 §3", b"A" * 30 + b" /tree HTTP/1.1\nHost: a", 400),
        ("NUL in the method", "RFC 9112 §3.1", b"G\x00T /tree HTTP/1.1\nHost: a", 400),
        ("line without version", "RFC 9112 §3", b"GET /tree", 400),
        ("two spaces", "RFC 9112 §3", b"GET  /tree HTTP/1.1\nHost: a", 400),
        ("tab in the line", "RFC 9112 §3", b"GET\t/tree HTTP/1.1\nHost: a", 400),
        ("space after the line", "RFC 9112 §3", b"GET /tree HTTP/1.1 \nHost: a", 400),
        ("no target", "RFC 9112 §3.2", b"GET  HTTP/1.1\nHost: a", 400),
        ("target without slash", "RFC 9112 §3.2.1", b"GET tree HTTP/1.1\nHost: a", 400),
        ("query without path", "RFC 9112 §3.2.1", b"GET ?a HTTP/1.1\nHost: a", 400),
        ("broken authority", "RFC 9112 §3.2.2", b"GET http://[::1/tree HTTP/1.1\nHost: a", 400),
        ("asterisk", "RFC 9112 §3.2.4", b"GET * HTTP/1.1\nHost: a", 400),
        ("HTTP/2.0 in a line", "RFC 9112 §2.3", b"GET /tree HTTP/2.0\nHost: a", 400),
        ("HTTP/0.9 in a line", "RFC 9112 §2.3", b"GET /tree HTTP/0.9", 400),
        ("HTTP in lower case", "RFC 9112 §2.3", b"GET /tree http/1.1\nHost: a", 400),
        ("HTTP/2 preface", "RFC 9113 §3.4", b"PRI * HTTP/2.0\n\nSM", 400),
        ("TLS", "RFC 8446 §4.1.2", bytes.fromhex("160301020001000001fc0303") + b"a" * 40, 400),
        (
            "PROXY line",
            "RFC 9112 §3",
            b"PROXY UNKNOWN\nGET /tree HTTP/1.1\nHost: a",
            400,
        ),
        ("bytes outside ASCII", "RFC 9112 §3.2", b"GET /tr\xc3\xa9e HTTP/1.1\nHost: a", 400),
        ("two hosts", "RFC 9112 §3.2", b"GET /tree HTTP/1.1\nHost: a\nHost: b", 400),
        ("hostile host", "RFC 9112 §3.2", b"GET /tree HTTP/1.1\nHost: a b\x01", 400),
        ("no colon", "RFC 9112 §5", b"GET /tree HTTP/1.1\nHost: a\nX-A", 400),
        ("no name", "RFC 9112 §5", b"GET /tree HTTP/1.1\nHost: a\n: 1", 400),
        ("name with brackets", "RFC 9110 §5.1", b"GET /tree HTTP/1.1\nHost: a\nX(A): 1", 400),
        ("space before colon", "RFC 9112 §5.1", b"GET /tree HTTP/1.1\nHost : a", 400),
        ("space before the first field", "RFC 9112 §2.2", b"GET /tree HTTP/1.1\n Host: a", 400),
        ("folded field", "RFC 9112 §5.2", b"GET /tree HTTP/1.1\nHost: a\nX-A: 1\n 2", 400),
        ("NUL in a field", "RFC 9110 §5.5", b"GET /tree HTTP/1.1\nHost: a\nX-A: \x00", 400),
        ("DEL in a field", "RFC 9110 §5.5", b"GET /tree HTTP/1.1\nHost: a\nX-A: \x7f", 400),
        ("bare CR in a field", "RFC 9112 §2.2", b"GET /tree HTTP/1.1\nHost: a\rX-A: 1", 400),
        ("overlong field", "RFC 6585 §5", b"GET /tree HTTP/1.1\nHost: a\nX-A: " + b"a" * 9000, 400),
        ("too many fields", "RFC 6585 §5", b"GET /tree HTTP/1.1\nHost: a" + b"\nX-A: 1" * 200, 400),
    )
]
LINES.append(
    Probe(
        "line ends without CR",
        SERVERS_OWN + "RFC 9112 §2.2: a lone LF may be taken for a line's end, and isn't",
        b"GET /tree HTTP/1.1\nHost: a\n\n",
        400,
        "malformed-request",
        by_server=True,
        finish=True,
    )
)

HOSTS = [
    Probe(
        "no host, HTTP/1.0",
        "RFC 9112 §3.2: HTTP/1.0 asks for no Host",
        b"GET /tree HTTP/1.0\r\n\r\n",
        200,
        path="/tree",
    ),
    Probe(
        "no host, HTTP/1.1",
        "RFC 9112 §3.2: a server answers 400 to an HTTP/1.1 request without Host",
        b"GET /tree HTTP/1.1\r\nConnection: close\r\n\r\n",
        400,
        slug="malformed-request",
        path="/tree",
    ),
    *(
        Probe(
            f"host {host!r}",
            "RFC 9112 §3.2: a server answers 400 to an invalid Host",
            request("GET", "/tree").replace(b"advisor.example", host),
            400,
            slug="malformed-request",
            path="/tree",
        )
        for host in (b"a b", b"evil/@", b"[::1", b"x:y", b"x:999999", b"a,b@c", b"\xc3\xa9", b"a\tb")
    ),
    *(
        Probe(
            f"host {host!r}",
            "RFC 3986 §3.2.2: a name, an address, and a port or none",
            request("GET", "/tree").replace(b"advisor.example", host),
            200,
            path="/tree",
        )
        for host in (b"[::1]:8080", b"127.0.0.1", b"a-b.example:", b"x_y", b"%41")
    ),
    Probe(
        "empty line first",
        "RFC 9112 §2.2: an empty line before the request line is ignored",
        b"\r\n" + request("GET", "/tree"),
        200,
        path="/tree",
    ),
    Probe(
        "later minor version",
        "RFC 9110 §2.5: a higher minor version is read as the highest one that is known",
        request("GET", "/tree").replace(b"HTTP/1.1", b"HTTP/1.2"),
        200,
        path="/tree",
    ),
    Probe(
        "empty host",
        "RFC 9112 §3.2: a target without an authority has an empty Host",
        request("GET", "/tree").replace(b"advisor.example", b""),
        200,
        path="/tree",
    ),
    Probe(
        "foreign host",
        "RFC 9110 §7.2: which hosts there are is the gateway's to know",
        request("GET", "/tree").replace(b"advisor.example", b"evil.example:99"),
        200,
        path="/tree",
    ),
]

PROBES = [
    *WRONG_METHODS,
    *HEADS,
    *OPTIONS,
    *READS,
    *PATHS,
    *QUERIES,
    *SINCE,
    *PROFILES,
    *OVERLONG,
    *LINES,
    *HOSTS,
]
