"""Flask as this service uses it, without what each request would pay for in vain."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

import flask
import orjson
from flask import Flask, Response
from flask.json.provider import JSONProvider
from flask.sessions import NullSession, SessionInterface
from werkzeug.routing import MapAdapter, Rule

from finetune_advisor.api import turns
from finetune_advisor.api.headers import require_host
from finetune_advisor.telemetry.requests import TRACE


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


class NoSessions(SessionInterface):
    """Callers have no sessions: there is none to open or to save."""

    none = NullSession()

    def open_session(self, *_: Any) -> NullSession:
        return self.none


class Routes(MapAdapter):
    """The routes, asked for one request; one without arguments is found once for all that ask for it."""

    def __init__(self, known: dict[tuple[str, str], Rule], *args: Any) -> None:
        super().__init__(*args)
        self._known = known

    def match(self, *args: Any, **options: Any) -> tuple[Any, Mapping[str, Any]]:
        """The rule of the request and its arguments, where Flask asks for these."""
        if args or options != {"return_rule": True}:
            return super().match(*args, **options)
        asked = self.path_info, self.default_method
        if rule := self._known.get(asked):
            return rule, {}
        rule, arguments = super().match(return_rule=True)
        if not rule.arguments:
            self._known[asked] = rule
        return rule, arguments


class Application(Flask):
    """Flask with orjson, without sessions, coroutines and routing by host."""

    json_provider_class = OrjsonProvider
    request_class = Request
    session_interface = NoSessions()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._known: dict[tuple[str, str], Rule] = {}

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """As it is: no view or hook is a coroutine."""
        return func

    def create_url_adapter(self, request: flask.Request | None) -> MapAdapter | None:
        """As Flask's, for any host that is one: routes are paths, and links to them name no host.

        Raises MalformedRequest, which Flask keeps for its answer.
        """
        if request is None:
            return super().create_url_adapter(None)
        require_host(request)
        nowhere = ""
        place = nowhere, request.root_path, nowhere, request.scheme, request.path, request.method
        return Routes(self._known, self.url_map, *place)

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
