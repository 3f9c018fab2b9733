"""Flask as this service uses it, without what each request would pay for in vain."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any

import flask
import orjson
from flask import Flask, Request, Response
from flask.json.provider import JSONProvider
from flask.sessions import NullSession, SessionInterface
from werkzeug.routing import MapAdapter

from finetune_advisor.telemetry.requests import TRACE


class OrjsonProvider(JSONProvider):
    """JSON by orjson: the same bytes for the same value, in the order of its fields."""

    def dumps(self, obj: Any, **_: Any) -> str:
        return orjson.dumps(obj).decode()

    def loads(self, s: str | bytes, **_: Any) -> Any:
        return orjson.loads(s)


class NoSessions(SessionInterface):
    """Callers have no sessions: there is none to open or to save."""

    none = NullSession()

    def open_session(self, *_: Any) -> NullSession:
        return self.none


class Application(Flask):
    """Flask with orjson, without sessions, coroutines and routing by host."""

    json_provider_class = OrjsonProvider
    session_interface = NoSessions()

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """As it is: no view or hook is a coroutine."""
        return func

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """As Flask's, for any host: routes are paths, and links to them name no host."""
        if request is None:
            return super().create_url_adapter(None)
        return MapAdapter(
            self.url_map,
            server_name="",
            script_name=request.root_path,
            subdomain="",
            url_scheme=request.scheme,
            path_info=request.path,
            default_method=request.method,
        )

    def make_default_options_response(self) -> Response:
        """As Flask's, which calls nothing HTML."""
        response = super().make_default_options_response()
        response.status_code = 204
        del response.headers["Content-Type"]
        return response

    def log_exception(
        self, exc_info: tuple[type, BaseException, TracebackType] | tuple[None, None, None]
    ) -> None:
        """As Flask's, under the id that the answer gives."""
        traced = flask.request.environ[TRACE]
        self.logger.error("failed", exc_info=exc_info, extra={"request_id": traced.request_id})
