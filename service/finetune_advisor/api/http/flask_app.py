"""Flask with orjson, and with the service's error log."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import orjson
from flask import Flask, Response
from flask.json.provider import DefaultJSONProvider

from finetune_advisor.telemetry.tracing import log_fields_of_request


class OrjsonProvider(DefaultJSONProvider):
    """Writes JSON with orjson. Members keep their order, where Flask sorts them."""

    def dumps(self, obj: Any, **_: Any) -> str:
        return orjson.dumps(obj).decode()


class Application(Flask):
    """The Flask application of this service."""

    json_provider_class = OrjsonProvider

    def make_default_options_response(self) -> Response:
        """Answer OPTIONS with 204; Flask answers 200 with an empty body of type HTML."""
        response = super().make_default_options_response()
        response.status_code = 204
        del response.headers["Content-Type"]
        return response

    def log_exception(
        self, exc_info: tuple[type, BaseException, TracebackType] | tuple[None, None, None]
    ) -> None:
        """Log an exception with the request id and trace id that the answer carries."""
        self.logger.error("failed", exc_info=exc_info, extra=log_fields_of_request())
