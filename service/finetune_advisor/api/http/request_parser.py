"""Parses requests strictly: nothing is silently dropped, coerced or ignored."""

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
from finetune_advisor.schemas.plain_requests import PlainRequestSchema
from finetune_advisor.schemas.strict_json import InvalidJsonError, count_containers, parse_json

try:
    from gunicorn.http.errors import ParseException
except ImportError:  # on Windows, where only commands that don't serve run

    class ParseException(Exception):  # type: ignore[no-redef]  # noqa: N818
        """Stands in for gunicorn's exception, which nothing raises without gunicorn."""


JSON_MEDIA_TYPE = "application/json"
DISCARD_CHUNK_BYTES = 65536


class StrictParser(FlaskParser):
    """webargs' parser for Flask, strict about media types, JSON, sizes and query parameters.

    It raises a problem for every request that it refuses.
    """

    # webargs would ignore unknown query parameters.
    DEFAULT_UNKNOWN_BY_LOCATION = {"json": RAISE, "query": RAISE}

    def handle_error(
        self, error: ValidationError, req: Request, schema: Schema, **_: Any
    ) -> NoReturn:  # webargs' signature
        """Raise the problem for the errors that a schema found."""
        [(location, messages)] = error.messages_dict.items()
        raise invalid_request(messages, schema, in_body=location == "json") from None

    def load_json(self, req: Request, schema: Schema) -> Any:  # webargs' signature
        _require_plain_json(req)
        config = current_app.config
        # MAX_CONTENT_LENGTH is one byte more than the limit: Werkzeug silently cuts a chunked body there, and
        # the additional byte shows that there was more.
        body = _read_body(req, config["MAX_CONTENT_LENGTH"] - 1)
        # Before parsing, which takes many times the memory of the body.
        admission.acquire_for_request(len(body))
        _limit_containers(body, config["MAX_CONTAINERS"])
        if isinstance(schema, PlainRequestSchema) and (request := schema.decode(body)) is not None:
            return request
        try:
            return parse_json(body)
        except InvalidJsonError as error:
            raise MalformedRequest(str(error), error.errors) from None

    def load_querystring(self, req: Request, schema: Schema) -> Any:
        # A schema reads only the first value, and would silently drop the others.
        for name, values in req.args.lists():
            if len(values) > 1:
                detail = "the parameter is given more than once; give it once"
                error = {"parameter": name, "detail": detail}
                raise InvalidRequest("a query parameter is repeated", [error])
        return super().load_querystring(req, schema)


def invalid_request(
    messages: Any, schema: Schema, *, in_body: bool, place: tuple[str, ...] = ()
) -> InvalidRequest:
    """Build the problem for messages about what is at `place`, with the first MAX_ERRORS errors."""
    details = iter_error_details(messages, schema, in_body=in_body, location=place)
    errors = list(islice(details, MAX_ERRORS + 1))
    truncated = f"; the first {MAX_ERRORS} errors are listed" if len(errors) > MAX_ERRORS else ""
    location = "body" if in_body else "query"
    return InvalidRequest(f"the {location} is invalid{truncated}", errors[:MAX_ERRORS])


def _require_plain_json(req: Request) -> None:
    """Raise a problem unless the headers say that the body is JSON in UTF-8 without codings."""
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
    # gunicorn decodes only chunks, and leaves any other transfer coding to the application.
    if req.environ.get("HTTP_TRANSFER_ENCODING", "chunked").strip().lower() != "chunked":
        detail = "the body has a transfer coding besides chunked; send it without"
        raise MalformedRequest(detail, header="Transfer-Encoding")


def _read_body(req: Request, limit: int) -> bytes:
    """Read a body of up to `limit` bytes. Raises BodyTooLarge, and MalformedRequest if it is incomplete."""
    length = get_content_length(req.environ) or 0
    try:
        # Werkzeug's stream, which chunks need, collects a body in pieces and copies it.
        body: bytes = (
            req.environ["wsgi.input"].read(length) if 0 < length <= limit else req.get_data(cache=False)
        )
    except RequestEntityTooLarge:
        # A body that is much too large isn't worth reading, even if its client then misses the answer.
        if length <= 2 * limit:
            _discard_body(req, 2 * limit)
        raise _body_too_large(limit) from None
    except (OSError, ParseException, ClientDisconnected):
        detail = "the body was cut off, took too long, or its chunks are malformed"
        raise MalformedRequest(detail) from None
    if len(body) > limit:
        _discard_body(req, limit)
        raise _body_too_large(limit)
    if len(body) < length:
        raise MalformedRequest("the body is shorter than its Content-Length, or took too long")
    return body


def _limit_containers(body: bytes, limit: int) -> None:
    """Raise MalformedRequest for a body that opens more than `limit` arrays and objects.

    Empty ones take a hundred times their size in memory once they are parsed.
    """
    # Small bodies are harmless, and the fast count includes brackets in strings: the exact count, which is
    # slow, is for the rest.
    if len(body) <= 16 * limit or body.count(b"[") + body.count(b"{") <= limit:
        return
    if count_containers(body, limit + 1) > limit:
        raise MalformedRequest(f"the body opens more than {limit} arrays and objects; send less at once")


def _body_too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"the body is larger than {limit} bytes; send a smaller one")


def _discard_body(req: Request, limit: int) -> None:
    """Read up to `limit` bytes of the rest of a body.

    Many clients read the answer only once they have sent the body; a closed connection would hide the answer.
    """
    stream = req.environ["wsgi.input"]
    remaining = limit
    try:
        while remaining > 0 and (chunk := stream.read(min(remaining, DISCARD_CHUNK_BYTES))):
            remaining -= len(chunk)
    except (OSError, ParseException):
        return
