"""Headers that every request needs and every answer carries."""

from __future__ import annotations

import re
from collections.abc import Iterable

from flask import Request

from finetune_advisor.api.problems import MalformedRequest
from finetune_advisor.telemetry.tracing import Trace

HOST = re.compile(r"(\[[0-9A-Za-z:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]*)(:[0-9]{0,5})?")
"""Host and port (RFC 3986, 3.2.2 and 3.2.3); what is in brackets isn't taken apart."""
POLICY = ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
DISCRETION = (("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"))


def require_host(request: Request) -> None:
    """Refuse a Host that is none, or none in HTTP/1.1, as RFC 9112, 3.2 asks; gunicorn lets it pass."""
    environ = request.environ
    host = environ.get("HTTP_HOST")
    if host is None:
        if environ["SERVER_PROTOCOL"] == "HTTP/1.1":
            raise MalformedRequest("an HTTP/1.1 request needs a Host header")
    elif not HOST.fullmatch(host):
        raise MalformedRequest("the Host header is no host, with or without a port")


def common_headers(headers: Iterable[tuple[str, str]], trace: Trace) -> tuple[tuple[str, str], ...]:
    """What every answer has besides its own headers, whoever makes it: a header for all belongs here.

    Browsers are told to trust the answer no further than it needs; a page brings a policy of its own. The ids
    lead to the request's log line and trace.
    """
    policy = () if POLICY[0] in dict(headers) else (POLICY,)
    return (*policy, *DISCRETION, *trace.headers)
