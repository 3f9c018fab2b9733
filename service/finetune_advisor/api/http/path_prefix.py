"""A prefix that a proxy leaves on paths: what is below it is served as if it were at the root."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


def serve_below_prefix(prefix: str, application: WSGIApplication) -> WSGIApplication:
    """An application that answers below a prefix such as /advisor, and without it, too, as probes ask."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == prefix or path.startswith(f"{prefix}/"):
            environ["SCRIPT_NAME"], environ["PATH_INFO"] = prefix, path.removeprefix(prefix)
        return application(environ, start_response)

    return answer
