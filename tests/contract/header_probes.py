"""Probes of media types, negotiation, conditional requests, and identification."""

from __future__ import annotations

from tests.contract.probe import (
    DIAGRAM,
    EMPTY,
    ETAG,
    JSON,
    MEDIA,
    MERMAID,
    OPERATIONS,
    SVG,
    Fields,
    Probe,
    ask,
    get,
    post,
    target,
)

CACHED = {"etag": ETAG, "cache-control": "public, max-age=60"}
VARIED = {DIAGRAM: {"vary": "Accept"}}
TREES = [path for path in OPERATIONS if path.startswith("/tree")]


def _typed(name: str, status: int, *types: str) -> Probe:
    fields = tuple(("Content-Type", one) for one in types)
    headers = {"accept-post": JSON} if status == 415 else {"cache-control": "no-store"}
    return post(f"Content-Type {name}", CONTENT_TYPE, status, fields=fields, headers=headers)


CONTENT_TYPE = "RFC 9110 §8.3, §15.5.16; RFC 8259 §11: only application/json in UTF-8 is read"

CONTENT_TYPES = [
    _typed("plain", 200, "application/json"),
    _typed("utf-8", 200, "application/json; charset=utf-8"),
    _typed("quoted UTF-8", 200, 'application/json;charset="UTF-8"'),
    _typed("other case", 200, "Application/JSON"),
    _typed("other parameter", 200, "application/json; profile=x"),
    _typed("long parameter", 200, f"application/json; a={'x' * 7000}"),
    _typed("open parameters", 200, "application/json;"),
    _typed("latin-1", 415, "application/json; charset=latin-1"),
    _typed("utf-16", 415, "application/json; charset=utf-16"),
    _typed("charset in single quotes", 415, "application/json; charset='utf-8'"),
    _typed("charset twice", 415, "application/json; charset=utf-8; charset=latin-1"),
    _typed("extended charset", 415, "application/json; charset*=utf-8''latin-1"),
    _typed("space before slash", 415, "application /json"),
    _typed("outside ASCII", 415, "application/json\xe9"),
    _typed("missing", 415),
    _typed("empty", 415, ""),
    _typed("text", 415, "text/plain"),
    _typed("html", 415, "text/html"),
    _typed("text/json", 415, "text/json"),
    _typed("suffix", 415, "application/vnd.api+json"),
    _typed("problem", 415, "application/problem+json"),
    _typed("form", 415, "application/x-www-form-urlencoded"),
    _typed("multipart", 415, "multipart/form-data; boundary=x"),
    _typed("any", 415, "*/*"),
    _typed("two in one", 415, "application/json, text/plain"),
    _typed("garbage", 415, ";;;"),
    post(
        "Content_Type",
        "RFC 9110 §5.1: a field with an underscore is another one",
        415,
        fields=(("Content_Type", JSON),),
    ),
    Probe(
        "Content-Type twice",
        "RFC 9110 §5.3: a single-valued field given twice; refused by gunicorn",
        post("", "", 0, fields=(("Content-Type", JSON), ("Content-Type", "text/plain"))).sent,
        400,
        "malformed-request",
        by_server=True,
    ),
]

ENCODINGS = [
    post(
        f"Content-Encoding {coding}",
        "RFC 9110 §8.4, §15.5.16: a content coding that isn't taken is 415",
        status,
        fields=(("Content-Type", JSON), ("Content-Encoding", coding)),
        headers={"accept-encoding": "identity"} if status == 415 else {},
    )
    for coding, status in {
        "gzip": 415,
        "br": 415,
        "gzip, identity": 415,
        "nonsense": 415,
        "": 415,
        "identity, identity": 415,
        "identity": 200,
        "Identity": 200,
    }.items()
]

ACCEPT = {
    "*/*": 200,
    "application/*": 200,
    "application/json": 200,
    "Application/JSON": 200,
    "application/json;q=0.1": 200,
    "text/html, application/json;q=0.001": 200,
    "text/html, */*;q=0.1": 200,
    "text/html;q=0, application/json": 200,
    "application/json, ;;;": 200,
    "application/json ; q=0.5": 200,
    'application/json;q="0.5"': 200,
    "application/json;q=0.5;level=1": 200,
    "application/json;q=1.5": 200,
    "application/json;q=-1": 200,
    "application/json;q=nan": 200,
    "application/json;q=1e-1": 200,
    "application/json;q=0.0001": 200,
    f"{'text/x, ' * 900}application/json": 200,
    "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2": 200,
    "text/html, application/json;q=.001": 200,
    "text/html, application/json;q=1.": 200,
    "text/html, application/json;Q=1.000": 200,
    "text/html, application/json; q=.5 ;a=b": 200,
    "text/html, *;q=0.1": 200,
    "*": 200,
    "": 200,
    "text/html": 406,
    "text/*": 406,
    "application/xml": 406,
    "application/problem+json": 406,
    "image/svg+xml, text/vnd.mermaid": 406,
    "*/json": 406,
    "*;q=0": 406,
    "application/json;q=.0, */*": 406,
    "application/json;q=0., */*;q=.1": 406,
    "application/json;q=., text/html": 406,
    "text/html;q=.5": 406,
    "*json": 406,
    "application/json\xe9": 406,
    "application/json;q=0": 406,
    "application/json;Q=0": 406,
    "application/json;q=1;q=0": 406,
    "application/json;q=0.000, */*": 406,
    "*/*;q=0": 406,
    "*/*, application/*;q=0": 406,
    "nonsense": 406,
    ";;;": 406,
}
"""Weights that the grammar has no room for are read as far as they make sense, and rule nothing out."""
NEGOTIATED = "RFC 9110 §12.5.1, §12.4.2, §15.5.7: an answer that Accept rules out is 406"


def _with_type(*fields: tuple[str, str]) -> Fields:
    return (("Content-Type", JSON), *fields)


ACCEPTS = [
    *(
        get(f"Accept {value!r}: {path}", NEGOTIATED, target(path), status, ("Accept", value))
        for path in OPERATIONS
        if path not in MEDIA
        for value, status in ACCEPT.items()
    ),
    *(
        post(f"Accept {value!r}: /assess", NEGOTIATED, status, EMPTY, _with_type(("Accept", value)))
        for value, status in ACCEPT.items()
    ),
    post(
        "Accept with a charset",
        "RFC 8259 §11: JSON has no charset parameter, and one has no effect on compliant recipients",
        200,
        fields=_with_type(("Accept", "application/json; charset=utf-8")),
    ),
    get("Accept in two fields", NEGOTIATED, "/tree", 200, ("Accept", "text/html"), ("Accept", JSON)),
    get(
        "problem anyway",
        "RFC 9110 §12.1: errors need no negotiation",
        "/nope",
        404,
        ("Accept", "image/png"),  # who prefers HTML gets a page
    ),
    post("406 before 415", NEGOTIATED, 406, fields=(("Accept", "text/html"),)),
    *(
        post(
            f"{name}: {value}",
            "RFC 9110 §12.5: what can't be had is disregarded, and there is one charset, language and coding",
            200,
            fields=_with_type((name, value)),
        )
        for name, value in (
            ("Accept-Charset", "utf-16"),
            ("Accept-Language", "tlh"),
            ("Accept-Encoding", "identity;q=0"),
            ("Accept-Patch", "text/plain"),
        )
    ),
    *(
        post(
            f"{name}: {value}",
            "RFC 9110 §5.1: a field that isn't known is ignored; a POST stays one",
            200,
            fields=_with_type((name, value)),
        )
        for name, value in (
            ("X-HTTP-Method-Override", "DELETE"),
            ("X-Forwarded-Host", "evil.example"),
            ("X-Original-URL", "/metrics"),
            ("Upgrade", "h2c"),
            ("TE", "trailers"),
            ("Content-Range", "bytes 0-13/14"),
            ("X-Latin", "\xe9\xff"),
        )
    ),
    post(
        "Accept-Encoding gzip",
        "RFC 9110 §12.5.3: sending no coding is always acceptable",
        200,
        fields=_with_type(("Accept-Encoding", "gzip, br")),
        absent=("content-encoding",),
    ),
]

PICTURES = {
    "": SVG,
    "*/*": SVG,
    "image/svg+xml": SVG,
    "image/*": SVG,
    "Image/SVG+XML": SVG,
    "image/svg+xml; charset=utf-8": SVG,
    "image/svg+xml, text/vnd.mermaid": SVG,
    "text/vnd.mermaid, image/svg+xml": SVG,
    "text/vnd.mermaid;q=0.5, image/svg+xml;q=0.5": SVG,
    "text/vnd.mermaid;q=0.8, image/svg+xml;q=0.9": SVG,
    "text/vnd.mermaid;q=0, */*": SVG,
    "text/vnd.mermaid;q=0.1, */*": SVG,
    "text/vnd.mermaid;q=0.3, image/*;q=0.4": SVG,
    "text/html, application/xhtml+xml, */*;q=0.8": SVG,
    "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2": SVG,
    "text/vnd.mermaid;q=.5, *;q=.6": SVG,
    "application/json, */*;q=0.1": SVG,
    "text/vnd.mermaid": MERMAID,
    "TEXT/VND.Mermaid": MERMAID,
    "text/*": MERMAID,
    "text/vnd.mermaid, */*;q=0.1": MERMAID,
    "text/vnd.mermaid;q=.9, image/svg+xml;q=.8": MERMAID,
    "text/vnd.mermaid, *;q=.2, */*;q=.2": MERMAID,
    "text/vnd.mermaid;q=1., *;q=.9": MERMAID,
    "text/vnd.mermaid;q=0.9, image/svg+xml;q=0.8": MERMAID,
    "image/svg+xml;q=0.8, text/vnd.mermaid;q=0.9": MERMAID,
    "text/html, text/vnd.mermaid;q=0.001": MERMAID,
    "image/svg+xml;q=0, */*": MERMAID,
    "image/svg+xml;q=0.1, */*": MERMAID,
    "image/*;q=0.1, text/*;q=0.9": MERMAID,
}
NO_PICTURES = [
    "application/json",
    "application/*",
    "text/html",
    "image/png",
    "application/problem+json",
    "image/svg+xml;q=0",
    "image/*;q=0, text/*;q=0, */*",
    "image/svg+xml;q=0, text/vnd.mermaid;q=0.0, */*",
    "*/*;q=0",
    "nonsense",
    ";;;",
]
STYLED = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"

ACCEPTED_PICTURES = [
    *(
        get(
            f"Accept {value!r}: {DIAGRAM}",
            NEGOTIATED
            + "; §12.5.5: Vary says that Accept chose; CSP 3 §6.1: its own style, nothing else",
            DIAGRAM,
            200,
            ("Accept", value),
            media=media,
            headers={"vary": "Accept", "content-security-policy": STYLED},
        )
        for value, media in PICTURES.items()
    ),
    *(
        get(f"Accept {value!r}: {DIAGRAM}", NEGOTIATED, DIAGRAM, 406, ("Accept", value))
        for value in NO_PICTURES
    ),
    get(
        "Accept in two fields, mermaid first",
        "RFC 9110 §5.3: fields of one name make up one list",
        DIAGRAM,
        200,
        ("Accept", "text/vnd.mermaid"),
        ("Accept", "image/svg+xml;q=0.5"),
        media=MERMAID,
    ),
    get("406 before 422", NEGOTIATED, f"{DIAGRAM}?a=1", 406, ("Accept", JSON)),
]

CONDITIONS = {
    "exact": (ETAG, 304),
    "weak": (f"W/{ETAG}", 304),
    "in a list": (f'"other", W/"more", {ETAG}', 304),
    "asterisk": ("*", 304),
    "other": ('"other"', 200),
    "garbage": ("garbage", 200),
    "empty": ("", 200),
    "open quote": ('"', 200),
    "only commas": (",,,", 200),
    "long": (f'"{"a" * 3000}"', 200),
    "asterisk in a list": ('"other", *', 200),
    "twice the tag": (ETAG + ETAG, 200),
}
CONDITIONAL = (
    "RFC 9110 §13.1.2, §8.8.3.2, §15.4.5: weak comparison; a 304 has the 200's ETag and no content"
)

MATCHES = {
    "exact": (ETAG, 200),
    "asterisk": ("*", 200),
    "in a list": (f'"other", W/"more", {ETAG}', 200),
    "empty": ("", 200),
    "weak": (f"W/{ETAG}", 412),
    "other": ('"other"', 412),
    "others": ('"other", "more"', 412),
    "garbage": ("garbage", 412),
    "long": (f'"{"a" * 3000}"', 412),
}
MATCHING = "RFC 9110 §13.1.1, §8.8.3.2, §15.5.13: strong comparison; a 412 has no validator"
FUTURE, PAST = "Sun, 01 Nov 2099 00:00:00 GMT", "Mon, 01 Nov 1999 00:00:00 GMT"
UNDATED = "RFC 9110 §13.1.3, §13.1.4: without a modification date the condition is ignored"

MATCHED = [
    *(
        ask(
            f"{method} If-Match {name}: {path}",
            MATCHING,
            method,
            target(path),
            status,
            ("If-Match", value),
            headers=CACHED if status == 200 else {},
            absent=() if status == 200 else ("etag", "cache-control"),
            empty=method == "HEAD",
        )
        for path in TREES
        for method in ("GET", "HEAD")
        for name, (value, status) in MATCHES.items()
    ),
    *(
        get(
            f"{name}: /tree",
            "RFC 9110 §13.2.2: If-Match is looked at first, and If-None-Match before any date",
            "/tree",
            status,
            *fields,
            any_media=status == 304,
        )
        for name, status, fields in (
            ("If-Match fails, If-None-Match too", 412, (("If-Match", '"x"'), ("If-None-Match", ETAG))),
            ("If-Match holds, If-None-Match fails", 304, (("If-Match", ETAG), ("If-None-Match", ETAG))),
            (
                "If-Match holds, as does If-None-Match",
                200,
                (("If-Match", "*"), ("If-None-Match", '"x"')),
            ),
            ("If-None-Match fails, dated", 304, (("If-None-Match", ETAG), ("If-Modified-Since", PAST))),
            (
                "If-None-Match holds, dated",
                200,
                (("If-None-Match", '"x"'), ("If-Modified-Since", FUTURE)),
            ),
            ("If-None-Match twice", 304, (("If-None-Match", '"x"'), ("If-None-Match", ETAG))),
            ("If-Match twice", 200, (("If-Match", '"x"'), ("If-Match", ETAG))),
            ("If-Match on the weak one only", 412, (("If-Match", '"x"'), ("If-Match", f"W/{ETAG}"))),
        )
    ),
    *(
        get(f"{name} {value}", UNDATED, "/tree", 200, (name, value), headers=CACHED)
        for name in ("If-Modified-Since", "If-Unmodified-Since")
        for value in (PAST, FUTURE, "garbage", "0", "Sunday, 01-Nov-99 00:00:00 GMT")
    ),
    *(
        get(
            f"Range {value}, If-Range {condition!r}",
            "RFC 9110 §14.2, §13.1.5: a range may be ignored, whatever its condition",
            "/tree",
            200,
            ("Range", value),
            ("If-Range", condition),
            headers=CACHED,
            absent=("content-range",),
        )
        for value in ("bytes=0-1", "bytes=-1", "bytes=9-0", "lines=1-2", "bytes=0-0,2-3")
        for condition in (ETAG, f"W/{ETAG}", FUTURE)
    ),
    post(
        "If-Match on POST",
        "RFC 9110 §13.2.1: no representation is selected, so the condition is ignored",
        200,
        fields=_with_type(("If-Match", '"x"')),
    ),
    get(
        "If-Match where no validator is",
        "RFC 9110 §13.2.1: a condition counts only where there is a validator to hold it against",
        "/problems/invalid-request",
        200,
        ("If-Match", '"x"'),
    ),
    get(
        "404 before 412",
        "RFC 9110 §13.2.1: a condition counts only where the answer would be a 2xx",
        "/tree/versions/9.9.9",
        404,
        ("If-Match", '"x"'),
        slug="unknown-version",
        operation="getVersion",
    ),
]

CONDITIONALS = [
    *(
        ask(
            f"{method} If-None-Match {name}: {path}",
            CONDITIONAL,
            method,
            target(path),
            status,
            ("If-None-Match", value),
            headers=CACHED | VARIED.get(path, {}),
            absent=("content-length", "content-type") if status == 304 else (),
            empty=status == 304 or method == "HEAD",
            any_media=status == 304,
        )
        for path in TREES
        for method in ("GET", "HEAD")
        for name, (value, status) in CONDITIONS.items()
    ),
    *(get(f"cacheable: {path}", "RFC 9111 §5.2.2", target(path), 200, headers=CACHED) for path in TREES),
    get(
        "refused before the condition",
        "RFC 9110 §13.2.1: a condition counts only where the answer would be a 2xx",
        "/tree?a=1",
        422,
        ("If-None-Match", "*"),
        absent=("etag",),
    ),
    post(
        "If-None-Match on POST",
        "RFC 9110 §13.2.1: no representation is selected, so the condition is ignored",
        200,
        fields=_with_type(("If-None-Match", "*")),
        absent=("etag",),
    ),
]

PROBES = [*CONTENT_TYPES, *ENCODINGS, *ACCEPTS, *ACCEPTED_PICTURES, *CONDITIONALS, *MATCHED]
