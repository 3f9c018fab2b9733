"""Serves the application below a path prefix that a proxy doesn't strip."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


def serve_below_prefix(prefix: str, application: WSGIApplication) -> WSGIApplication:
    """Wrap an application so that it answers below a prefix such as /advisor, and without the prefix, too.

    Probes and scrapes reach the service without the proxy, and so without the prefix.
    """

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == prefix or path.startswith(f"{prefix}/"):
            environ["SCRIPT_NAME"], environ["PATH_INFO"] = prefix, path.removeprefix(prefix)
        return application(environ, start_response)

    return answer
