"""GET /tree/versions/{version}/diagram: draw a tree, with the path of a profile highlighted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response, request

from finetune_advisor.api.http.blueprint import Blueprint, negotiate_media_type
from finetune_advisor.api.http.problems import VERSION_PROBLEMS
from finetune_advisor.api.resources.tree import (
    CONDITIONAL_PARAMETERS,
    TREE_HEADERS,
    conditional_response,
    tree_or_404,
    version_parameter,
)
from finetune_advisor.engine.evaluation.exact import evaluate
from finetune_advisor.formats import mermaid
from finetune_advisor.formats.svg import Picture
from finetune_advisor.schemas.requests import profile_query_schema
from finetune_advisor.trees.catalog import Catalog

SVG_MEDIA_TYPE, MERMAID_MEDIA_TYPE = "image/svg+xml", "text/vnd.mermaid"
DIAGRAM_CSP = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
WITHOUT_SCHEMA: dict[str, dict[str, object]] = {
    media_type: {} for media_type in (SVG_MEDIA_TYPE, MERMAID_MEDIA_TYPE)
}
"""Media types without a schema: tools that are generated from the contract take a schema for JSON."""


def blueprint(catalog: Catalog, pictures: Mapping[str, Picture]) -> Blueprint:
    """Build the resource for the trees of a catalog, with the picture of each."""
    blp = Blueprint("diagrams", "Diagrams of the trees.", [SVG_MEDIA_TYPE, MERMAID_MEDIA_TYPE])
    vary = TREE_HEADERS | {"Vary": {"description": "Accept.", "schema": {"type": "string"}}}

    @blp.route(
        "/tree/versions/<version>/diagram",
        parameters=[version_parameter(catalog), *CONDITIONAL_PARAMETERS],
    )
    @blp.doc(operationId="getDiagram", responses={200: {"content": WITHOUT_SCHEMA}})
    @blp.arguments(profile_query_schema(catalog)(), location="query")
    @blp.response(200, description="The diagram", headers=vary)
    @blp.alt_response(304, description="Nothing has changed", headers=vary)
    @blp.document_problems(*VERSION_PROBLEMS)
    def get_diagram(profile: dict[str, Any], version: str) -> Response:
        """Draw a tree

        Draws a tree as SVG, or as Mermaid if Accept prefers `text/vnd.mermaid`. Query parameters are the
        inputs of a profile, whose path is highlighted. A boolean is `true` or `false` in upper or lower case,
        and a number is written as in JSON. A tree that is too large for SVG is drawn only as Mermaid.
        """
        tree = tree_or_404(catalog, version)
        picture = pictures[tree.version]
        svg_types = [SVG_MEDIA_TYPE] if picture.can_be_drawn else []
        media_type = negotiate_media_type(request, [*svg_types, MERMAID_MEDIA_TYPE])
        assessment = evaluate(tree, profile) if profile else None
        if media_type == SVG_MEDIA_TYPE:
            drawing = picture.render(assessment)
        else:
            drawing = mermaid.render_mermaid(tree, assessment)
        response = conditional_response(drawing.encode(), tree, media_type)
        response.vary.add("Accept")
        # The default policy blocks the styles that are part of an SVG.
        response.headers["Content-Security-Policy"] = DIAGRAM_CSP
        return response

    return blp
