"""Flask as this service uses it."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import flask
import orjson
from flask import Flask, Response
from flask.json.provider import JSONProvider

from finetune_advisor.api import turns
from finetune_advisor.telemetry.tracing import current_trace


class OrjsonProvider(JSONProvider):
    """JSON by orjson: the same bytes for the same value, in the order of its fields."""

    def dumps(self, obj: Any, **_: Any) -> str:
        return orjson.dumps(obj).decode()

    def loads(self, s: str | bytes, **_: Any) -> Any:
        return orjson.loads(s)


class Request(flask.Request):
    """A request without forms: there are no files to close after it."""

    def close(self) -> None:
        """Give back its turn."""
        turns.give_back(self)


class Application(Flask):
    """Flask with orjson, and with requests that take turns."""

    json_provider_class = OrjsonProvider
    request_class = Request

    def make_default_options_response(self) -> Response:
        """As Flask's, which calls nothing HTML."""
        response = super().make_default_options_response()
        response.status_code = 204
        del response.headers["Content-Type"]
        return response

    def log_exception(
        self, exc_info: tuple[type, BaseException, TracebackType] | tuple[None, None, None]
    ) -> None:
        """As Flask's, under the ids that the answer gives."""
        trace = current_trace()
        self.logger.error("failed", exc_info=exc_info, extra=trace.log_fields if trace else None)
