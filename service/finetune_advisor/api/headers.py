"""Headers that every request needs and every answer carries."""

from __future__ import annotations

from flask import Response, request

from finetune_advisor.api.problems import MalformedRequest

NOTHING_ELSE = "default-src 'none'; frame-ancestors 'none'"


def require_host() -> None:
    """Refuse an HTTP/1.1 request without Host, as RFC 9112, 3.2 asks; gunicorn lets it pass."""
    if request.environ["SERVER_PROTOCOL"] == "HTTP/1.1" and "HTTP_HOST" not in request.environ:
        raise MalformedRequest("an HTTP/1.1 request needs a Host header")


def secure(response: Response) -> Response:
    """Tell browsers to trust an answer no further than it needs; a page brings its own policy."""
    response.headers.setdefault("Content-Security-Policy", NOTHING_ELSE)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
