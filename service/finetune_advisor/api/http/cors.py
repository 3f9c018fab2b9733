"""Cross-origin resource sharing: lets pages of other origins call the API (Fetch standard, 3.2).

It is a WSGI middleware rather than a Flask extension so that every answer gets the headers, including errors
and answers that are given before Flask.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

from werkzeug.datastructures import Headers

from finetune_advisor.telemetry.middleware import OPERATIONS_PATHS

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

ANY_ORIGIN = "*"
EXPOSED_HEADERS = (
    "Allow, Deprecation, ETag, Link, Retry-After, Sunset, Traceparent, WWW-Authenticate, X-Request-ID"
)
"""Response headers that scripts may read besides those that the standard always allows."""
PREFLIGHT_HEADERS = (
    ("Access-Control-Allow-Methods", "GET, HEAD, POST"),
    # The wildcard doesn't include Authorization, which may have an API key or be for a gateway.
    ("Access-Control-Allow-Headers", "*, Authorization"),
    ("Access-Control-Max-Age", "600"),
)


class CrossOriginSharing:
    """A WSGI middleware that allows pages of some origins to read the application's answers.

    Requests from other origins are answered, too: the browser keeps these answers from their pages.
    """

    def __init__(self, application: WSGIApplication, origins: Collection[str]) -> None:
        self._application, self._origins = application, frozenset(origins)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        # No page calls these; their answers stay unreadable for other origins.
        if environ["PATH_INFO"] in OPERATIONS_PATHS:
            return self._application(environ, start_response)

        def start_with_sharing(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            shared = Headers(headers)
            for name, value in self._sharing_headers(environ):
                shared.add(name, value)
            if ANY_ORIGIN not in self._origins:  # otherwise, all origins get the same answer
                # For caches, even if this request has no Origin: the next one for the same URL may have one.
                shared["Vary"] = ", ".join([*shared.getlist("Vary"), "Origin"])
            return start_response(status, shared.to_wsgi_list(), *error)

        return self._application(environ, start_with_sharing)

    def _sharing_headers(self, environ: WSGIEnvironment) -> Iterable[tuple[str, str]]:
        """Yield the headers that let a request's origin read the answer; none if it isn't allowed to."""
        origin = environ.get("HTTP_ORIGIN")
        if origin is None or not self._origins.intersection((origin, ANY_ORIGIN)):
            return
        yield "Access-Control-Allow-Origin", ANY_ORIGIN if ANY_ORIGIN in self._origins else origin
        yield "Access-Control-Expose-Headers", EXPOSED_HEADERS
        if environ["REQUEST_METHOD"] == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ:
            yield from PREFLIGHT_HEADERS
