"""Headers that every request needs and every answer carries."""

from __future__ import annotations

import re
from collections.abc import Iterable

from flask import Response, request

from finetune_advisor.api.http.problems import MalformedRequest, PreconditionFailed
from finetune_advisor.telemetry.tracing import TraceContext

HOST_PATTERN = re.compile(r"(\[[0-9A-Za-z:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]*)(:[0-9]{0,5})?")
"""Host and port (RFC 3986, 3.2.2 and 3.2.3); what is in brackets isn't taken apart."""
DEFAULT_CSP = ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
ENTITY_TAG_VARIABLES = ("HTTP_IF_NONE_MATCH", "HTTP_IF_MATCH")
CODING_SUFFIX = re.compile(r'(?:--?|;)(?:gzip|br|zstd|deflate)(?=")')
"""What servers that compress an answer append to its ETag: Apache `-gzip`, Jetty `--gzip`, others `;gzip`."""
PRIVACY_HEADERS = (("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"))


def require_host() -> None:
    """Refuse a Host that is none, or none in HTTP/1.1, as RFC 9112, 3.2 asks; gunicorn lets it pass."""
    environ = request.environ
    host = environ.get("HTTP_HOST")
    if host is None:
        if environ["SERVER_PROTOCOL"] == "HTTP/1.1":
            raise MalformedRequest("an HTTP/1.1 request needs a Host header", header="Host")
    elif not HOST_PATTERN.fullmatch(host):
        raise MalformedRequest("the Host header is no host, with or without a port", header="Host")


def restore_entity_tags() -> None:
    """Turn the ETags in the current request's conditions into those that this service gave.

    A proxy that compresses answers changes their ETags. The answer is the same for whoever asks whether it
    has changed.
    """
    environ = request.environ
    for name in ENTITY_TAG_VARIABLES:
        if name in environ:
            environ[name] = CODING_SUFFIX.sub("", environ[name])


def ignore_range() -> None:
    """Have the current request ask for the whole file, as RFC 9110, 14.2 lets a server do."""
    request.environ.pop("HTTP_RANGE", None)


def explain_precondition(response: Response) -> Response:
    """The problem for a file that isn't what a request's conditions ask for.

    Werkzeug answers 412 with the file in it.
    """
    if response.status_code != PreconditionFailed.code:
        return response
    response.close()
    refusal = PreconditionFailed("the file isn't what the request's conditions ask for; leave them out")
    return Response(refusal.get_body(request.environ), refusal.code, refusal.get_headers())


def common_headers(
    headers: Iterable[tuple[str, str]], trace: TraceContext
) -> tuple[tuple[str, str], ...]:
    """What every answer has besides its own headers, whoever makes it: a header for all belongs here.

    Browsers are told to trust the answer no further than it needs; a page brings a policy of its own. The ids
    lead to the request's log line and trace.
    """
    policy = () if DEFAULT_CSP[0] in dict(headers) else (DEFAULT_CSP,)
    return (*policy, *PRIVACY_HEADERS, *trace.headers)
