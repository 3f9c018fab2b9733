"""Headers that every request needs and every answer carries."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from flask import request

from finetune_advisor.api.problems import MalformedRequest

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

POLICY = ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
DISCRETION = (("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"))


def require_host() -> None:
    """Refuse an HTTP/1.1 request without Host, as RFC 9112, 3.2 asks; gunicorn lets it pass."""
    environ = request.environ
    if environ["SERVER_PROTOCOL"] == "HTTP/1.1" and "HTTP_HOST" not in environ:
        raise MalformedRequest("an HTTP/1.1 request needs a Host header")


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
