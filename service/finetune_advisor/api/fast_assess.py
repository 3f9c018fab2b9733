"""The fast path of POST /assess: a WSGI callable in front of Flask for common, plainly valid requests."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from io import BytesIO
from typing import TYPE_CHECKING

from finetune_advisor.api.http.headers import HOST_PATTERN
from finetune_advisor.api.http.request_parser import JSON_MEDIA_TYPE
from finetune_advisor.assessing.assessor import Assessor
from finetune_advisor.schemas.requests import assess_request_schema
from finetune_advisor.telemetry.middleware import ROUTE_ENVIRON_KEY
from finetune_advisor.telemetry.tracing import log_fields_of_request
from finetune_advisor.trees.catalog import Catalog

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger("finetune_advisor.api")

ASSESS_PATH = "/assess"
CONTENT_TYPE, CACHE_CONTROL = ("Content-Type", JSON_MEDIA_TYPE), ("Cache-Control", "no-store")
MAX_FAST_BODY_BYTES = 1 << 14
"""Larger bodies go to Flask, where admission control bounds their memory."""
PLAIN_ACCEPT = frozenset({"*/*", JSON_MEDIA_TYPE})
CONTENT_LENGTH_PATTERN = re.compile("[0-9]{1,5}")
"""As many digits as MAX_FAST_BODY_BYTES has. `int` would also take signs and digits of other scripts."""
BODY_CODING_HEADERS = ("HTTP_CONTENT_ENCODING", "HTTP_TRANSFER_ENCODING")
"""Headers that say that the body is encoded, or that its length is unknown."""


class FastAssess:
    """A WSGI middleware that answers POST /assess by itself if a request is plainly the common case.

    Every other request goes to the application unchanged, so that errors have one source. An answer is the
    application's, byte for byte, including its headers. `assessors` has one assessor for each version that
    the catalog serves. `metrics_port` and `max_body_bytes` are those of the settings.
    """

    def __init__(
        self,
        application: WSGIApplication,
        catalog: Catalog,
        assessors: Mapping[str, Assessor],
        metrics_port: int | None,
        max_body_bytes: int,
    ) -> None:
        self._application, self._metrics_port = application, str(metrics_port)
        self._max_body_bytes = min(max_body_bytes, MAX_FAST_BODY_BYTES)
        self._schema = assess_request_schema(catalog)()
        self._default = catalog.default.version
        # The answers of deprecated versions have more headers: they come from the application.
        self._assessors = {
            version: assessors[version]
            for version, tree in catalog.trees.items()
            if tree.status != "deprecated"
        }

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        body = self._read_plain_body(environ)
        try:
            answer = None if body is None else self._assess(body)
        except Exception:
            # The application meets the same failure and answers it, or is right where this code is wrong.
            log.exception("the fast path failed", extra=log_fields_of_request())
            answer = None
        if answer is None:
            return self._application(environ, start_response)
        environ[ROUTE_ENVIRON_KEY] = ASSESS_PATH
        length = "Content-Length", str(len(answer))
        start_response("200 OK", [CACHE_CONTROL, CONTENT_TYPE, length])
        return [answer]

    def _assess(self, body: bytes) -> bytes | None:
        """Return the answer to a body, or None if the application has to look at it."""
        request = self._schema.decode(body)
        if request is None:
            return None
        assessor = self._assessors.get(request.get("tree_version", self._default))
        return assessor.assess(request["profile"], ASSESS_PATH) if assessor else None

    def _read_plain_body(self, environ: WSGIEnvironment) -> bytes | None:
        """Return a request's body, or None if a header isn't plain or the body isn't as long as it says."""
        # On the operations' port, the application answers this path with a 404.
        if not _has_plain_headers(environ) or environ["SERVER_PORT"] == self._metrics_port:
            return None
        length = int(environ["CONTENT_LENGTH"])
        if length > self._max_body_bytes:
            return None
        body: bytes = environ["wsgi.input"].read(length)
        environ["wsgi.input"] = BytesIO(body)  # the application may have to read it again
        return body if len(body) == length else None


def _has_plain_headers(environ: WSGIEnvironment) -> bool:
    """Return whether a request is POST /assess with headers that need no interpretation."""
    # No helpers and no loops: tests/test_hot_path.py counts every call.
    return (
        environ["REQUEST_METHOD"] == "POST"
        and environ["PATH_INFO"] == ASSESS_PATH
        and not environ["QUERY_STRING"]
        and not environ["SCRIPT_NAME"]
        and environ.get("CONTENT_TYPE") == JSON_MEDIA_TYPE
        and environ.get("HTTP_ACCEPT", JSON_MEDIA_TYPE) in PLAIN_ACCEPT
        and HOST_PATTERN.fullmatch(environ.get("HTTP_HOST", " ")) is not None
        and CONTENT_LENGTH_PATTERN.fullmatch(environ.get("CONTENT_LENGTH", "")) is not None
        and environ.keys().isdisjoint(BODY_CODING_HEADERS)
    )
