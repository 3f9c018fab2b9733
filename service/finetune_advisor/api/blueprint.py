"""The blueprint that every resource uses: strict parsing, documented problems, negotiated answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import flask
import flask_smorest
from flask import Request
from werkzeug.datastructures import MIMEAccept

from finetune_advisor.api.parsing import StrictParser
from finetune_advisor.api.problems import InvalidRequest, NotAcceptable, Problem, UriTooLong
from finetune_advisor.api.schemas.requests import NoParameters

JSON = "application/json"
ANYTHING = "*/*"


class Blueprint(flask_smorest.Blueprint):
    """flask-smorest's blueprint, with this API's rules for every operation on it."""

    ARGUMENTS_PARSER = StrictParser()

    def __init__(self, name: str, description: str, produces: Sequence[str] = (JSON,)) -> None:
        super().__init__(name, __name__, description=description)
        self.before_request(partial(_require_acceptable, list(produces)))

    def arguments(self, schema: Any, **options: Any) -> Callable[..., Any]:
        """As flask-smorest's, with a schema made once; what any request may break is documented here."""
        decorate = super().arguments(schema() if isinstance(schema, type) else schema, **options)

        def decorator(view: Callable[..., Any]) -> Any:
            decorated = decorate(view)
            decorated._apidoc["arguments"]["responses"] = {
                kind.code: kind.__name__ for kind in (UriTooLong, InvalidRequest)
            }
            return decorated

        return decorator

    def no_parameters(self, view: Callable[..., Any]) -> Any:
        """Refuse every query parameter."""
        return self.arguments(NoParameters, location="query", as_kwargs=True)(view)

    def problems(self, *kinds: type[Problem]) -> Callable[..., Any]:
        """Document the problems that an operation may answer with."""

        def decorator(view: Callable[..., Any]) -> Any:
            for kind in kinds:
                view = self.alt_response(kind.code, response=kind.__name__)(view)
            return view

        return decorator


def acceptable(request: Request, types: list[str]) -> str:
    """The media type of some that a request's Accept header likes best; the first if it doesn't care.

    Parameters don't count: JSON has none that mean anything (RFC 8259, 11). Raises NotAcceptable.
    """
    if request.environ.get("HTTP_ACCEPT", ANYTHING) == ANYTHING:
        return types[0]
    given = request.accept_mimetypes
    accept = MIMEAccept((media.partition(";")[0].strip(), quality) for media, quality in given)
    best = accept.best_match(types) if accept else types[0]
    if best is None:
        raise NotAcceptable(f"this path answers {' or '.join(types)}; accept that")
    return best


def _require_acceptable(types: list[str]) -> None:
    acceptable(flask.request, types)
