"""The blueprint that every resource uses: strict parsing, documented problems, negotiated answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import flask_smorest
from flask import Request, request
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from finetune_advisor.api.http.problems import InvalidRequest, NotAcceptable, Problem, UriTooLong
from finetune_advisor.api.http.request_parser import JSON_MEDIA_TYPE, StrictParser
from finetune_advisor.schemas.requests import NoParameters

ANY_MEDIA_TYPE = "*/*"
WEIGHT_WITH_POINT = re.compile(r"(;[ \t]*q=)(?=\.?\d)(\d*)\.(\d*)", re.IGNORECASE)
"""A weight with a point. Werkzeug reads only those with digits on both sides of it."""


class Blueprint(flask_smorest.Blueprint):
    """flask-smorest's blueprint, with this API's rules for every operation on it."""

    ARGUMENTS_PARSER = StrictParser()

    def __init__(
        self, name: str, description: str, produces: Sequence[str] = (JSON_MEDIA_TYPE,)
    ) -> None:
        super().__init__(name, __name__, description=description)
        self._examples: dict[str, Any] = {}
        self.before_request(partial(_require_acceptable, list(produces)))

    def arguments(self, schema: Any, **options: Any) -> Callable[..., Any]:
        """As flask-smorest's; what any request may break is documented here."""
        decorate, document = (
            super().arguments(schema, **options),
            self.document_problems(UriTooLong, InvalidRequest),
        )
        return lambda view: document(decorate(view))

    def response(
        self, *args: Any, examples: Mapping[str, Any] | None = None, **description: Any
    ) -> Callable[..., Any]:
        """As flask-smorest's, with its examples in components: OpenAPI Generator warns of others."""
        if examples:
            self._examples |= examples
            description["examples"] = {name: name for name in examples}
        decorate: Callable[..., Any] = super().response(*args, **description)
        return decorate

    def register_views_in_doc(self, api: Any, app: Any, spec: Any, **options: Any) -> None:
        for name, example in self._examples.items():
            spec.components.example(name, example)
        super().register_views_in_doc(api, app, spec, **options)

    def no_parameters(self, view: Callable[..., Any]) -> Any:
        """Refuse every query parameter."""
        return self.arguments(NoParameters(), location="query", as_kwargs=True)(view)

    def document_problems(self, *kinds: type[Problem]) -> Callable[..., Any]:
        """Document the problems that an operation may answer with."""

        def decorator(view: Callable[..., Any]) -> Any:
            for kind in kinds:
                view = self.alt_response(kind.code, response=kind.__name__)(view)
            return view

        return decorator


def negotiate_media_type(asked: Request, types: list[str]) -> str:
    """The media type of some that a request's Accept header likes best; the first if it doesn't care.

    Parameters don't count: JSON has none that mean anything (RFC 8259, 11). Raises NotAcceptable.
    """
    accept = _accepted(asked.headers.get("Accept", ANY_MEDIA_TYPE))
    best = accept.best_match(types) if accept else types[0]
    if best is None:
        raise NotAcceptable(f"this path answers {' or '.join(types)}; accept that", header="Accept")
    return best


def _accepted(header: str) -> MIMEAccept:
    """The media ranges of an Accept header, without parameters.

    RFC 9110 allows a weight of `1.`. Java's HttpURLConnection sends `.2`, and `*` for `*/*`, which RFC 9110
    doesn't allow.
    """
    ranges = parse_accept_header(WEIGHT_WITH_POINT.sub(_complete_weight, header), MIMEAccept)
    media_types = ((media.partition(";")[0].strip(), quality) for media, quality in ranges)
    return MIMEAccept(
        (ANY_MEDIA_TYPE if media == "*" else media, quality) for media, quality in media_types
    )


def _complete_weight(match: re.Match[str]) -> str:
    """A weight with digits on both sides of its point."""
    name, whole, decimals = match.groups("")
    return f"{name}{whole or 0}.{decimals or 0}"


def _require_acceptable(types: list[str]) -> None:
    negotiate_media_type(request, types)
