"""A small service that breaks its own contract, each operation in another way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

NUMBER = {"type": "object", "properties": {"one": {"type": "integer"}}, "required": ["one"]}
JSON = "application/json"
ANSWERS = {
    "right": ("200 OK", JSON, {"one": 1}),
    "workOutInput": ("200 OK", JSON, {"one": 1}),
    "broken": ("500 Internal Server Error", JSON, {"one": 1}),
    "untrue": ("200 OK", JSON, {"one": "1"}),
    "unread": ("200 OK", "application/x-one", {"one": 1}),
}
"""By operation. The configuration of the fuzzer names the second one, and a name that nothing has is worth a
warning; so is the last one's media type, which nothing reads.
"""


def _operation(name: str) -> dict[str, Any]:
    content = {ANSWERS[name][1]: {"schema": NUMBER}}
    one = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
    responses = {"200": {"description": "One.", "content": content}}
    return {"operationId": name, "parameters": [one], "responses": responses}


CONTRACT = {
    "openapi": "3.1.0",
    "info": {"title": "Faulty", "version": "1.0.0"},
    "paths": {f"/{name}/{{id}}": {"get": _operation(name)} for name in ANSWERS},
}


def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """As WSGI wants it."""
    _, name, *_ = environ["PATH_INFO"].split("/")
    status, media, body = ANSWERS.get(name, ("200 OK", JSON, CONTRACT))
    if environ["REQUEST_METHOD"] != "GET":
        status = "405 Method Not Allowed"
    start_response(status, [("Content-Type", media), ("Allow", "GET")])
    return [json.dumps(body).encode()]


class _Silent(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Log nothing."""


@contextmanager
def serving() -> Iterator[str]:
    """Its address, on a free port."""
    with make_server("127.0.0.1", 0, application, handler_class=_Silent) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
