"""Parsing: requests are read strictly, so that nothing is silently dropped, coerced or ignored."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from itertools import islice
from typing import Any, NoReturn
from urllib.parse import quote

import orjson
from flask import Request, current_app
from marshmallow import RAISE, Schema, ValidationError
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge
from werkzeug.wsgi import get_content_length

from finetune_advisor.api import turns
from finetune_advisor.api.problems import (
    BodyTooLarge,
    InvalidRequest,
    MalformedRequest,
    UnsupportedMediaType,
)
from finetune_advisor.api.schemas.fields import UNKNOWN

try:
    from gunicorn.http.errors import ParseException
except ImportError:  # on Windows, where commands that don't serve run

    class ParseException(Exception):  # type: ignore[no-redef]  # noqa: N818
        """What only gunicorn raises."""


JSON = "application/json"
MOST_ERRORS = 20
LONGEST_NAME = 64
PART = 65536
FRAGMENT = "~!$&'()*+,;=:@"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""What some programs begin a text in UTF-8 with. RFC 8259, 8.1 lets a reader ignore it."""
NO_MARKS = bytes(set(range(256)) - set(b'"[{'))
"""Every byte but a quote and what opens an array or an object."""


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
        body = _body(req, config["MAX_CONTENT_LENGTH"] - 1)
        turns.acquire_for_request(len(body))
        _require_few_containers(body, config["MAX_CONTAINERS"])
        return parse(body)

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
    found = list(islice(invalid(messages, schema, in_body=in_body), MOST_ERRORS + 1))
    many = f"; the first {MOST_ERRORS} are listed" if len(found) > MOST_ERRORS else ""
    where = "body" if in_body else "query"
    return InvalidRequest(f"the {where} breaks the contract{many}", found[:MOST_ERRORS])


def _require_plain_json(req: Request) -> None:
    charset = req.mimetype_params.get("charset", "utf-8").lower()
    if req.mimetype != JSON or charset not in ("utf-8", "utf8"):
        detail = "send the body with Content-Type: application/json, in UTF-8"
        raise UnsupportedMediaType(detail, headers={"Accept-Post": JSON}, header="Content-Type")
    if req.headers.get("Content-Encoding", "identity").lower() != "identity":
        detail = "send the body without Content-Encoding"
        headers = {"Accept-Encoding": "identity"}
        raise UnsupportedMediaType(detail, headers=headers, header="Content-Encoding")
    # gunicorn leaves codings beneath the chunks to the application.
    if req.environ.get("HTTP_TRANSFER_ENCODING", "chunked").strip().lower() != "chunked":
        detail = "the body has a transfer coding besides chunked; send it without"
        raise MalformedRequest(detail, header="Transfer-Encoding")


def _body(req: Request, limit: int) -> bytes:
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


def count_containers(body: bytes, limit: int) -> int:
    """Count the arrays and objects that a JSON text opens, which are the brackets outside of its strings.

    Time and memory are linear: what is cut off at the end has `limit` brackets before it.
    """
    # An escape is always in a string, and a pair of backslashes escapes nothing behind it.
    without_escapes = body.replace(rb"\\", b"").replace(rb"\"", b"")
    marks = without_escapes.translate(None, NO_MARKS)
    # Two quotes in a row end one string and begin the next, or the other way round: neither changes what is
    # inside of a string. Without them, each part between two quotes has a bracket.
    parts = marks.replace(b'""', b"").split(b'"', 2 * limit + 1)
    return sum(map(len, parts[::2]))


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"the body is larger than {limit} bytes; send a smaller one")


def _discard(req: Request, most: int) -> None:
    """Read what is left of a body: a client that sends all of it first would be cut off before the answer."""
    stream = req.environ["wsgi.input"]
    try:
        while most > 0 and (part := stream.read(min(most, PART))):
            most -= len(part)
    except (OSError, ParseException):
        return


def parse(text: bytes, what: str = "body") -> Any:
    """The value of a JSON text, which a byte order mark may begin.

    Raises MalformedRequest, for a repeated member name too.
    """
    text = text.removeprefix(BYTE_ORDER_MARK)
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if not text.strip():
            raise MalformedRequest(f"the {what} is empty; send a JSON object") from None
        _require_utf8(text, what)
        raise MalformedRequest(f"the {what} can't be read as JSON: {error}") from None
    if b"\\" in text or not _written_once(value, text):
        _require_unrepeated(text, what)
    return value


def _require_utf8(text: bytes, what: str) -> None:
    try:
        text.decode()
    except UnicodeDecodeError as error:
        detail = f"the {what} is not UTF-8 (byte {error.start}); encode it so"
        raise MalformedRequest(detail) from None


def _written_once(value: Any, text: bytes) -> bool:
    """Whether every name in a text without escapes is in its value, which then has all the colons."""
    colons = text.count(b":")
    if colons <= _names(value):
        return True
    try:
        return colons <= orjson.dumps(value).count(b":")
    except orjson.JSONEncodeError:
        return False  # too deep to be written


def _names(value: Any) -> int:
    """How many names are in an object, in the objects in it, and in those in its arrays; none further in."""
    if value.__class__ is not dict:
        return 0
    inner = [
        sum([len(one) for one in member if one.__class__ is dict])
        if member.__class__ is list
        else len(member)
        for member in value.values()
        if member.__class__ in (dict, list)
    ]
    return len(value) + sum(inner)


class _Repeated:
    """Stands for an object with a name twice."""

    def __init__(self, name: str) -> None:
        self.name = name


def _require_unrepeated(text: bytes, what: str) -> None:
    """Read a text slowly, and refuse it if an object in it has a name twice."""
    try:
        value = json.loads(text, object_pairs_hook=_members)
        place, name = next(_repeated(value, ()), ((), None))
    except RecursionError:
        raise MalformedRequest(f"the {what} is nested too deep; send a flatter one") from None
    if name is not None:
        detail = f"an object in the {what} has two members named {name!r}; keep one"
        error = _error((*place, name), "two members have this name; keep one", in_body=True)
        raise MalformedRequest(detail, [error])


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any] | _Repeated:
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            return _Repeated(name[:LONGEST_NAME])
        members[name] = value
    return members


def _repeated(value: Any, place: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """The place of each object with a name twice, and that name."""
    if isinstance(value, _Repeated):
        yield place, value.name
    elif isinstance(value, dict | list):
        for name, member in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(member, dict | list | _Repeated):
                yield from _repeated(member, (*place, str(name)[:LONGEST_NAME]))


def invalid(
    messages: Any, schema: Schema | None, *, in_body: bool, place: tuple[str, ...] = ()
) -> Iterator[dict[str, str]]:
    """marshmallow's messages as a problem's `errors`, each with its place and what to do."""
    if isinstance(messages, Mapping):
        for key, inner in sorted(messages.items(), key=_by_name):
            known = schema.fields if schema else {}
            here = (*place, str(key)[:LONGEST_NAME])
            if inner == [UNKNOWN]:
                yield _error(here, unknown(here[-1], list(known)), in_body=in_body)
            else:
                here = place if key == "_schema" else here
                below = getattr(known.get(key), "schema", schema if key == "_schema" else None)
                yield from invalid(inner, below, in_body=in_body, place=here)
    else:
        for message in messages:
            yield _error(place, message, in_body=in_body)


def _by_name(item: tuple[Any, Any]) -> tuple[bool, Any]:
    """Array items by place, fields by name."""
    place = isinstance(item[0], int)
    return not place, item[0] if place else str(item[0])


def _error(place: tuple[str, ...], detail: str, *, in_body: bool) -> dict[str, str]:
    if not in_body:
        return {"parameter": ".".join(place), "detail": detail}
    escaped = (part.replace("~", "~0").replace("/", "~1") for part in place)
    pointer = "".join(f"/{quote(part, safe=FRAGMENT)}" for part in escaped)
    return {"pointer": f"#{pointer}", "detail": detail}


def unknown(name: str, known: list[str]) -> str:
    """What is said of a name that isn't among those that are known."""
    close = get_close_matches(name, known, 1)
    if not known:
        return "there is no such name here; remove it"
    hint = f"did you mean {close[0]}?" if close else f"remove it; known are: {', '.join(known)}"
    return f"there is no such name here; {hint}"
