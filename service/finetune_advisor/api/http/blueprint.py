"""The blueprint of every resource: strict parsing, documented problems and content negotiation."""

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
"""A weight with a decimal point. Werkzeug reads only those with digits on both sides of the point."""


class Blueprint(flask_smorest.Blueprint):
    """flask-smorest's blueprint with this API's rules for all its operations.

    `produces` lists the media types that its operations answer with. A request that accepts none of them gets
    a 406.
    """

    ARGUMENTS_PARSER = StrictParser()

    def __init__(
        self, name: str, description: str, produces: Sequence[str] = (JSON_MEDIA_TYPE,)
    ) -> None:
        super().__init__(name, __name__, description=description)
        self._examples: dict[str, Any] = {}
        # Before the view, so that no request is evaluated whose answer its client can't read.
        self.before_request(partial(_require_acceptable, list(produces)))

    def arguments(self, schema: Any, **options: Any) -> Callable[..., Any]:
        """Parse arguments as flask-smorest does, and document the problems of any request with arguments."""
        parse = super().arguments(schema, **options)
        document = self.document_problems(UriTooLong, InvalidRequest)
        return lambda view: document(parse(view))

    def response(
        self, *args: Any, examples: Mapping[str, Any] | None = None, **description: Any
    ) -> Callable[..., Any]:
        """Document a response as flask-smorest does, with its `examples` as components."""
        if examples:
            # OpenAPI Generator warns of examples that stand within a response.
            self._examples |= examples
            description["examples"] = {name: name for name in examples}
        decorator: Callable[..., Any] = super().response(*args, **description)
        return decorator

    def register_views_in_doc(self, api: Any, app: Any, spec: Any, **options: Any) -> None:
        # Components have to exist before a view refers to them.
        for name, example in self._examples.items():
            spec.components.example(name, example)
        super().register_views_in_doc(api, app, spec, **options)

    def no_parameters(self, view: Callable[..., Any]) -> Any:
        """Refuse every query parameter, which would otherwise be silently ignored."""
        return self.arguments(NoParameters(), location="query", as_kwargs=True)(view)

    def document_problems(self, *problem_types: type[Problem]) -> Callable[..., Any]:
        """Document the problems that an operation may answer with."""

        def decorator(view: Callable[..., Any]) -> Any:
            for problem_type in problem_types:
                # By name: the contract has each problem as a component.
                view = self.alt_response(problem_type.code, response=problem_type.__name__)(view)
            return view

        return decorator


def negotiate_media_type(http_request: Request, types: list[str]) -> str:
    """Return the media type among `types` that a request prefers by its Accept header, or else the first.

    Parameters of media types are ignored: JSON defines none (RFC 8259, 11). Raises NotAcceptable.
    """
    accept = _parse_accept(http_request.headers.get("Accept", ANY_MEDIA_TYPE))
    best = accept.best_match(types) if accept else types[0]
    if best is None:
        raise NotAcceptable(
            f"this path answers {' or '.join(types)}; send one of these in Accept", header="Accept"
        )
    return best


def _parse_accept(header: str) -> MIMEAccept:
    """Parse the media ranges of an Accept header, without their parameters."""
    # RFC 9110 allows a weight of `1.`, which Werkzeug ignores. Java's HttpURLConnection sends `.2`, and `*`
    # for `*/*`, which RFC 9110 doesn't allow.
    ranges = parse_accept_header(WEIGHT_WITH_POINT.sub(_complete_weight, header), MIMEAccept)
    media_types = ((media.partition(";")[0].strip(), quality) for media, quality in ranges)
    return MIMEAccept(
        (ANY_MEDIA_TYPE if media == "*" else media, quality) for media, quality in media_types
    )


def _complete_weight(match: re.Match[str]) -> str:
    """Return a matched weight with digits on both sides of its point."""
    name, integer, decimals = match.groups("")
    return f"{name}{integer or 0}.{decimals or 0}"


def _require_acceptable(types: list[str]) -> None:
    negotiate_media_type(request, types)
