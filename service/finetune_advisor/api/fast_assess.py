"""The fast path of POST /assess: a WSGI callable in front of Flask for requests that are plainly right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any

import orjson
from marshmallow import ValidationError

from finetune_advisor.api.assessing import Assessor
from finetune_advisor.api.headers import HOST
from finetune_advisor.api.parsing import JSON
from finetune_advisor.api.schemas.fields import Swift
from finetune_advisor.telemetry.requests import ROUTE

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

PATH = "/assess"
MAX_BODY_BYTES = 1 << 14
"""Larger bodies wait for their turn in Flask, so that memory stays bounded."""
PLAIN_ACCEPT = frozenset({None, "*/*", JSON})
UNCOMMON = frozenset({"HTTP_CONTENT_ENCODING", "HTTP_TRANSFER_ENCODING"})
"""What changes how a body is read."""


class FastAssess:
    """Answers POST /assess where everything about a request is the common case.

    Whatever else comes goes on to the application untouched, so that errors have one source. The answers are
    the application's, byte for byte, headers included.
    """

    def __init__(
        self,
        application: WSGIApplication,
        schema: Swift,
        assessors: Mapping[str | None, Assessor],
        headers: Mapping[str | None, list[tuple[str, str]]],
    ) -> None:
        self._application, self._schema = application, schema
        self._assessors, self._headers = assessors, headers

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = self._read(environ)
        if request is None:
            return self._application(environ, start_response)
        version = request.get("tree_version")
        body = self._assessors[version].assess(request["profile"], PATH)
        environ[ROUTE] = PATH
        length = "Content-Length", str(len(body))
        start_response("200 OK", [CONTENT_TYPE, length, *self._headers[version]])
        return [body]

    def _read(self, environ: WSGIEnvironment) -> Any:
        """The request in a body, None if anything takes a closer look."""
        if not _is_plain(environ):
            return None
        length = environ.get("CONTENT_LENGTH", "")
        if not (length.isdecimal() and len(length) <= 5 and int(length) <= MAX_BODY_BYTES):
            return None
        body = environ["wsgi.input"].read(int(length))
        environ["wsgi.input"] = BytesIO(body)  # for the application, should it come to that
        ...
