"""How long browsers and proxies may keep a page."""

from __future__ import annotations

from flask import Response, request

MAX_AGE_SECONDS = 60


def cache_page(page: str) -> Response:
    """A page that is the same for all, with its ETag; 304 for those who have it already."""
    response = Response(page, mimetype="text/html")
    response.add_etag()
    response.cache_control.public = True
    response.cache_control.max_age = MAX_AGE_SECONDS
    return response.make_conditional(request)  # type: ignore[return-value]  # is the response itself


def keep_private(response: Response) -> Response:
    """A response that holds somebody's answers: neither kept nor found by search engines."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    return response
