"""The limit of the server: WSGI without a framework, the same bytes for every request."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from bench.apps import constant

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

BODY = constant.body()
HEADERS = [("Content-Type", "application/json"), ("Content-Length", str(len(BODY)))]


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    start_response("200 OK", list(HEADERS))
    return [BODY]
