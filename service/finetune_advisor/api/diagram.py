"""GET /tree/versions/{version}/diagram: a tree's picture, with the path of a profile where one is given."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from finetune_advisor.api.blueprint import Blueprint, acceptable
from finetune_advisor.api.problems import (
    NotAcceptable,
    PreconditionFailed,
    RetiredVersion,
    UnknownVersion,
)
from finetune_advisor.api.schemas.requests import profile_query_schema
from finetune_advisor.api.tree import CONDITIONS, HEADERS, cacheable, served, version_parameter
from finetune_advisor.catalog import Catalog
from finetune_advisor.engine.evaluation import evaluate
from finetune_advisor.formats import mermaid, svg

PICTURES = {"image/svg+xml": svg.render, "text/vnd.mermaid": mermaid.render}
STYLED = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
WITHOUT_SCHEMA: dict[str, dict[str, object]] = {media_type: {} for media_type in PICTURES}
"""A schema would promise JSON to those who make tools of the contract."""


def blueprint(catalog: Catalog) -> Blueprint:
    """The resource, for the trees of a catalog."""
    blp = Blueprint("diagrams", "Pictures of the trees.", list(PICTURES))
    vary = HEADERS | {"Vary": {"description": "Accept.", "schema": {"type": "string"}}}

    @blp.route("/tree/versions/<version>/diagram", parameters=[version_parameter(catalog), *CONDITIONS])
    @blp.doc(operationId="getDiagram", responses={200: {"content": WITHOUT_SCHEMA}})
    @blp.arguments(profile_query_schema(catalog), location="query")
    @blp.response(200, description="The picture", headers=vary)
    @blp.alt_response(304, description="Nothing has changed", headers=vary)
    @blp.problems(UnknownVersion, NotAcceptable, RetiredVersion, PreconditionFailed)
    def get_diagram(profile: dict[str, Any], version: str) -> Response:
        """Draw a tree

        As SVG, or as Mermaid where Accept prefers `text/vnd.mermaid`. Inputs given as query parameters
        make up a profile, whose path stands out.
        """
        tree = served(catalog, version)
        media_type = acceptable(request, list(PICTURES))
        assessment = evaluate(tree, profile) if profile else None
        response = cacheable(PICTURES[media_type](tree, assessment).encode(), tree, media_type)
        response.vary.add("Accept")
        response.headers["Content-Security-Policy"] = STYLED
        return response

    return blp
