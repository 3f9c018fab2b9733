"""Headers that every request needs and every answer carries."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from flask import request

from finetune_advisor.api.problems import MalformedRequest

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

HOST = re.compile(r"(\[[0-9A-Za-z:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]*)(:[0-9]{0,5})?")
"""Host and port (RFC 3986, 3.2.2 and 3.2.3); what is in brackets isn't taken apart."""
POLICY = ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
DISCRETION = (("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"))


def require_host() -> None:
    """Refuse a Host that is none, or none in HTTP/1.1, as RFC 9112, 3.2 asks; gunicorn lets it pass."""
    environ = request.environ
    host = environ.get("HTTP_HOST")
    if host is None:
        if environ["SERVER_PROTOCOL"] == "HTTP/1.1":
            raise MalformedRequest("an HTTP/1.1 request needs a Host header")
    elif not HOST.fullmatch(host):
        raise MalformedRequest("the Host header is no host, with or without a port")


def secured(application: WSGIApplication) -> WSGIApplication:
    """A WSGI application whose every answer tells browsers to trust it no further than it needs."""

    def secure(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            return start_response(status, [*headers, *security(headers)], *error)

        return application(environ, start)

    return secure


def security(headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """What an answer with these headers lacks; a page brings its own policy."""
    return DISCRETION if POLICY[0] in dict(headers) else (POLICY, *DISCRETION)
