"""Flask as this service uses it."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import orjson
from flask import Flask, Response
from flask.json.provider import DefaultJSONProvider

from finetune_advisor.telemetry.tracing import current_trace


class OrjsonProvider(DefaultJSONProvider):
    """JSON by orjson: the same bytes for the same value, in the order of its fields."""

    def dumps(self, obj: Any, **_: Any) -> str:
        return orjson.dumps(obj).decode()


class Application(Flask):
    """Flask with orjson."""

    json_provider_class = OrjsonProvider

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
