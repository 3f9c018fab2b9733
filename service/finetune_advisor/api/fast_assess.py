"""The fast path of POST /assess: a WSGI callable in front of Flask for requests that are plainly right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any

import orjson

from finetune_advisor.api.assessing import Assessor
from finetune_advisor.api.headers import HOST
from finetune_advisor.api.parsing import JSON
from finetune_advisor.api.schemas.fields import Swift
from finetune_advisor.telemetry.requests import ROUTE

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    Headers = Iterable[tuple[str, str]]

PATH = "/assess"
MAX_BODY_BYTES = 1 << 14
"""Larger bodies take turns in Flask, so that the memory that they take is bounded."""
PLAIN_ACCEPT = frozenset({"*/*", JSON})
READING_HEADERS = ("HTTP_CONTENT_ENCODING", "HTTP_TRANSFER_ENCODING")
"""Headers that change how a body is read."""


class FastAssess:
    """Answers POST /assess where everything about a request is plainly the common case.

    Whatever else comes goes on to the application untouched, so that errors have one source. The answers are
    the application's, byte for byte, headers included. `assessors` and `headers` are those of each tree
    version that is served, and under None those of the default one.
    """

    def __init__(
        self,
        application: WSGIApplication,
        schema: Swift,
        assessors: Mapping[str | None, Assessor],
        headers: Mapping[str | None, Headers],
    ) -> None:
        self._application, self._schema = application, schema
        self._assessors, self._headers = assessors, headers

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = self._plain_request(environ)
        if request is None:
            return self._application(environ, start_response)
        version = request.get("tree_version")
        body = self._assessors[version].assess(request["profile"], PATH)
        environ[ROUTE] = PATH
        own = ("Content-Type", JSON), ("Content-Length", str(len(body)))
        start_response("200 OK", [*own, *self._headers[version]])
        return [body]

    def _plain_request(self, environ: WSGIEnvironment) -> Any:
        """The request that a body holds, None if anything takes a closer look."""
        if not _has_plain_headers(environ):
            return None
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        environ["wsgi.input"] = BytesIO(body)  # for the application, should it come to that
        try:
            request = orjson.loads(body)
        except orjson.JSONDecodeError:
            return None
        if not self._schema.is_plainly_valid(request):
            return None
        # Each name has a colon, and no valid value has one: more of them mean a repeated name.
        is_repeated = body.count(b":") != len(request) + len(request["profile"])
        return None if is_repeated or b"\\" in body else request


def _has_plain_headers(environ: WSGIEnvironment) -> bool:
    length = environ.get("CONTENT_LENGTH", "")
    return (
        environ["REQUEST_METHOD"] == "POST"
        and environ["PATH_INFO"] == PATH
        and not environ["QUERY_STRING"]
        and not environ["SCRIPT_NAME"]
        and environ.get("CONTENT_TYPE") == JSON
        and environ.get("HTTP_ACCEPT", JSON) in PLAIN_ACCEPT
        and HOST.fullmatch(environ.get("HTTP_HOST", " ")) is not None
        and len(length) <= len(str(MAX_BODY_BYTES))
        and length.isascii()
        and length.isdecimal()
        and int(length) <= MAX_BODY_BYTES
        and not any(name in environ for name in READING_HEADERS)
    )
