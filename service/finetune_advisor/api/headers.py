"""Headers that every answer carries."""

from __future__ import annotations

from flask import Response

NOTHING_ELSE = "default-src 'none'; frame-ancestors 'none'"


def secure(response: Response) -> Response:
    """Tell browsers to trust an answer no further than it needs; a page brings its own policy."""
    response.headers.setdefault("Content-Security-Policy", NOTHING_ELSE)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
