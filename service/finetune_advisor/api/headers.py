"""Headers that every request needs and every answer carries."""

from __future__ import annotations

from flask import Response, request

from finetune_advisor.api.problems import MalformedRequest

POLICY = (("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),)
DISCRETION = (("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"))


def require_host() -> None:
    """Refuse an HTTP/1.1 request without Host, as RFC 9112, 3.2 asks; gunicorn lets it pass."""
    environ = request.environ
    if environ["SERVER_PROTOCOL"] == "HTTP/1.1" and "HTTP_HOST" not in environ:
        raise MalformedRequest("an HTTP/1.1 request needs a Host header")


def secure(response: Response) -> Response:
    """Tell browsers to trust an answer no further than it needs; a page brings its own policy."""
    policy = () if "Content-Security-Policy" in response.headers else POLICY
    response.headers.extend((*policy, *DISCRETION))
    return response
