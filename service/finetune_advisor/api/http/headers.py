"""Request headers that are checked or repaired, and the headers that every answer carries."""

from __future__ import annotations

import re
from collections.abc import Iterable

from flask import Response, request

from finetune_advisor.api.http.problems import MalformedRequest, PreconditionFailed
from finetune_advisor.telemetry.tracing import TraceContext

HOST_PATTERN = re.compile(r"(\[[0-9A-Za-z:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]*)(:[0-9]{0,5})?")
"""Host and port (RFC 3986, 3.2.2 and 3.2.3). An address in brackets isn't checked further."""
DEFAULT_CSP = ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
ENTITY_TAG_VARIABLES = ("HTTP_IF_NONE_MATCH", "HTTP_IF_MATCH")
CODING_SUFFIX = re.compile(r'(?:--?|;)(?:gzip|br|zstd|deflate)(?=")')
"""The suffix that a compressing server appends to an ETag: Apache `-gzip`, Jetty `--gzip`, others `;gzip`."""
PRIVACY_HEADERS = (("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"))


def require_host() -> None:
    """Refuse a current request with an invalid Host, or with HTTP/1.1 and no Host. Raises MalformedRequest.

    RFC 9112, 3.2 requires this; gunicorn lets such requests pass.
    """
    environ = request.environ
    # The variable itself: Werkzeug's `request.host` falls back to the name of the server.
    host = environ.get("HTTP_HOST")
    if host is None:
        if environ["SERVER_PROTOCOL"] == "HTTP/1.1":
            raise MalformedRequest("an HTTP/1.1 request needs a Host header", header="Host")
    elif not HOST_PATTERN.fullmatch(host):
        raise MalformedRequest("the Host header is not a host with an optional port", header="Host")


def restore_entity_tags() -> None:
    """Restore the ETags in the current request's conditions to those that this service sent.

    A proxy that compresses answers appends a suffix to their ETags. Without this, no condition would ever
    match behind such a proxy.
    """
    environ = request.environ
    for name in ENTITY_TAG_VARIABLES:
        if name in environ:
            environ[name] = CODING_SUFFIX.sub("", environ[name])


def ignore_range() -> None:
    """Remove Range from the current request, so that the answer is the whole file.

    RFC 9110, 14.2 lets a server ignore the header.
    """
    request.environ.pop("HTTP_RANGE", None)


def explain_precondition(response: Response) -> Response:
    """Turn a 412 into a problem, and return any other response as it is.

    Werkzeug answers a file request whose conditions fail with a 412 that contains the file.
    """
    if response.status_code != PreconditionFailed.code:
        return response
    response.close()  # or the file stays open
    problem = PreconditionFailed("the file doesn't meet the request's conditions; leave them out")
    return Response(problem.get_body(request.environ), problem.code, problem.get_headers())


def common_headers(
    headers: Iterable[tuple[str, str]], trace: TraceContext
) -> tuple[tuple[str, str], ...]:
    """Build the headers that every answer carries besides its own `headers`, whatever produces the answer.

    The security headers limit what a browser does with the answer. The ids lead to the request's log line and
    trace.
    """
    # Pages and diagrams set a policy of their own.
    policy = () if DEFAULT_CSP[0] in dict(headers) else (DEFAULT_CSP,)
    return (*policy, *PRIVACY_HEADERS, *trace.headers)
