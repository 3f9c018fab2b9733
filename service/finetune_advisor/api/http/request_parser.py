"""Parsing: requests are read strictly, so that nothing is silently dropped, coerced or ignored."""

from __future__ import annotations

from itertools import islice
from typing import Any, NoReturn

from flask import Request, current_app
from marshmallow import RAISE, Schema, ValidationError
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge
from werkzeug.wsgi import get_content_length

from finetune_advisor.api.http import admission
from finetune_advisor.api.http.problems import (
    BodyTooLarge,
    InvalidRequest,
    MalformedRequest,
    UnsupportedMediaType,
)
from finetune_advisor.schemas.error_details import MAX_ERRORS, iter_error_details
from finetune_advisor.schemas.strict_json import InvalidJsonError, count_containers, parse_json

try:
    from gunicorn.http.errors import ParseException
except ImportError:  # on Windows, where commands that don't serve run

    class ParseException(Exception):  # type: ignore[no-redef]  # noqa: N818
        """What only gunicorn raises."""


JSON_MEDIA_TYPE = "application/json"
DISCARD_CHUNK_BYTES = 65536


class StrictParser(FlaskParser):
    """webargs' parser for Flask, strict about media types, JSON, sizes and query parameters."""

    DEFAULT_UNKNOWN_BY_LOCATION = {"json": RAISE, "query": RAISE}

    def handle_error(
        self, error: ValidationError, req: Request, schema: Schema, **_: Any
    ) -> NoReturn:  # webargs' signature
        """Raise the problem for what a schema refuses."""
        [(location, messages)] = error.messages_dict.items()
        raise _refusal(messages, schema, in_body=location == "json") from None

    def load_json(self, req: Request, schema: Schema) -> Any:  # webargs' signature
        _require_plain_json(req)
        config = current_app.config
        # MAX_CONTENT_LENGTH is one more than the limit: Werkzeug cuts a chunked body there without a word.
        body = _read_body(req, config["MAX_CONTENT_LENGTH"] - 1)
        admission.acquire_for_request(len(body))
        _require_few_containers(body, config["MAX_CONTAINERS"])
        try:
            return parse_json(body)
        except InvalidJsonError as error:
            raise MalformedRequest(str(error), error.errors) from None

    def load_querystring(self, req: Request, schema: Schema) -> Any:
        for name, values in req.args.lists():
            if len(values) > 1:
                error = {
                    "parameter": name,
                    "detail": "the parameter is given more than once; give it once",
                }
                raise InvalidRequest("a query parameter is repeated", [error])
        return super().load_querystring(req, schema)


def _refusal(messages: Any, schema: Schema, *, in_body: bool) -> InvalidRequest:
    """The problem for marshmallow's messages."""
    found = list(islice(iter_error_details(messages, schema, in_body=in_body), MAX_ERRORS + 1))
    many = f"; the first {MAX_ERRORS} are listed" if len(found) > MAX_ERRORS else ""
    where = "body" if in_body else "query"
    return InvalidRequest(f"the {where} breaks the contract{many}", found[:MAX_ERRORS])


def _require_plain_json(req: Request) -> None:
    charset = req.mimetype_params.get("charset", "utf-8").lower()
    if req.mimetype != JSON_MEDIA_TYPE or charset not in ("utf-8", "utf8"):
        detail = "send the body with Content-Type: application/json, in UTF-8"
        raise UnsupportedMediaType(
            detail, headers={"Accept-Post": JSON_MEDIA_TYPE}, header="Content-Type"
        )
    if req.headers.get("Content-Encoding", "identity").lower() != "identity":
        detail = "send the body without Content-Encoding"
        headers = {"Accept-Encoding": "identity"}
        raise UnsupportedMediaType(detail, headers=headers, header="Content-Encoding")
    # gunicorn leaves codings beneath the chunks to the application.
    if req.environ.get("HTTP_TRANSFER_ENCODING", "chunked").strip().lower() != "chunked":
        detail = "the body has a transfer coding besides chunked; send it without"
        raise MalformedRequest(detail, header="Transfer-Encoding")


def _read_body(req: Request, limit: int) -> bytes:
    length = get_content_length(req.environ) or 0
    try:
        body = (
            req.environ["wsgi.input"].read(length) if 0 < length <= limit else req.get_data(cache=False)
        )
    except RequestEntityTooLarge:
        if length <= 2 * limit:
            _discard(req, 2 * limit)
        raise _too_large(limit) from None
    except (OSError, ParseException, ClientDisconnected):
        detail = "the body was cut off, took too long, or its chunks are malformed"
        raise MalformedRequest(detail) from None
    if len(body) > limit:
        _discard(req, limit)
        raise _too_large(limit)
    if len(body) < length:
        raise MalformedRequest("the body is shorter than its Content-Length, or took too long")
    return body


def _require_few_containers(body: bytes, most: int) -> None:
    """Refuse what would take a hundred times its size in memory, as brackets that hold nothing do.

    The first two counts are fast and include brackets in strings; only a body that exceeds the limit by them
    gets the exact count.
    """
    if len(body) <= 16 * most or body.count(b"[") + body.count(b"{") <= most:
        return
    if count_containers(body, most + 1) > most:
        raise MalformedRequest(f"the body opens more than {most} arrays and objects; send less at once")


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"the body is larger than {limit} bytes; send a smaller one")


def _discard(req: Request, most: int) -> None:
    """Read what is left of a body: a client that sends all of it first would be cut off before the answer."""
    stream = req.environ["wsgi.input"]
    try:
        while most > 0 and (part := stream.read(min(most, DISCARD_CHUNK_BYTES))):
            most -= len(part)
    except (OSError, ParseException):
        return
