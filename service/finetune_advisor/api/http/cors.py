"""Cross-origin resource sharing: which pages of other origins may call the API (Fetch standard, 3.2).

A WSGI middleware rather than an extension of Flask: every answer gets the headers here, errors and those that
are given before Flask included.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

from werkzeug.datastructures import Headers

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

ANY_ORIGIN = "*"
OPERATION_PATHS = frozenset(("/healthz", "/readyz", "/metrics"))
"""Paths that no page needs."""
EXPOSED_HEADERS = "Allow, Deprecation, ETag, Link, Retry-After, Sunset, Traceparent, X-Request-ID"
"""Response headers that scripts may read besides those that the standard lets them read anyway."""
PREFLIGHT_HEADERS = (
    ("Access-Control-Allow-Methods", "GET, HEAD, POST"),
    # The wildcard doesn't include Authorization. A gateway may ask for that; the service itself ignores it.
    ("Access-Control-Allow-Headers", "*, Authorization"),
    ("Access-Control-Max-Age", "600"),
)


class CrossOriginSharing:
    """A WSGI application whose answers may be read by pages of some origins.

    Requests of other origins are answered, too: it is the browser that keeps the answer from the page.
    """

    def __init__(self, application: WSGIApplication, origins: Collection[str]) -> None:
        self._application, self._origins = application, frozenset(origins)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] in OPERATION_PATHS:
            return self._application(environ, start_response)

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            shared = Headers(headers)
            for name, value in self._sharing(environ):
                shared.add(name, value)
            if ANY_ORIGIN not in self._origins:
                # For caches: even without Origin, as the next request may have one.
                shared["Vary"] = ", ".join([*shared.getlist("Vary"), "Origin"])
            return start_response(status, shared.to_wsgi_list(), *error)

        return self._application(environ, start)

    def _sharing(self, environ: WSGIEnvironment) -> Iterable[tuple[str, str]]:
        """The headers for the origin of a request, if it is one that may read answers."""
        origin = environ.get("HTTP_ORIGIN")
        if origin is None or not self._origins.intersection((origin, ANY_ORIGIN)):
            return
        yield "Access-Control-Allow-Origin", ANY_ORIGIN if ANY_ORIGIN in self._origins else origin
        yield "Access-Control-Expose-Headers", EXPOSED_HEADERS
        if environ["REQUEST_METHOD"] == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ:
            yield from PREFLIGHT_HEADERS
