"""GET /tree/versions/{version}/diagram: a tree's picture, with the path of a profile where one is given."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from finetune_advisor.api.http.blueprint import Blueprint, negotiate_media_type
from finetune_advisor.api.http.problems import (
    NotAcceptable,
    PreconditionFailed,
    RetiredVersion,
    UnknownVersion,
)
from finetune_advisor.api.resources.tree import (
    CONDITIONAL_PARAMETERS,
    TREE_HEADERS,
    conditional_response,
    tree_or_404,
    version_parameter,
)
from finetune_advisor.engine.evaluation.exact import evaluate
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.formats import mermaid, svg
from finetune_advisor.schemas.requests import profile_query_schema
from finetune_advisor.trees.catalog import Catalog

SVG_MEDIA_TYPE, MERMAID_MEDIA_TYPE = "image/svg+xml", "text/vnd.mermaid"
DIAGRAM_CSP = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
WITHOUT_SCHEMA: dict[str, dict[str, object]] = {
    media_type: {} for media_type in (SVG_MEDIA_TYPE, MERMAID_MEDIA_TYPE)
}
"""A schema would promise JSON to those who make tools of the contract."""


def blueprint(catalog: Catalog) -> Blueprint:
    """The resource, for the trees of a catalog."""
    blp = Blueprint("diagrams", "Pictures of the trees.", [SVG_MEDIA_TYPE, MERMAID_MEDIA_TYPE])
    pictures = {version: _laid_out(tree) for version, tree in catalog.trees.items()}
    vary = TREE_HEADERS | {"Vary": {"description": "Accept.", "schema": {"type": "string"}}}

    @blp.route(
        "/tree/versions/<version>/diagram",
        parameters=[version_parameter(catalog), *CONDITIONAL_PARAMETERS],
    )
    @blp.doc(operationId="getDiagram", responses={200: {"content": WITHOUT_SCHEMA}})
    @blp.arguments(profile_query_schema(catalog)(), location="query")
    @blp.response(200, description="The picture", headers=vary)
    @blp.alt_response(304, description="Nothing has changed", headers=vary)
    @blp.document_problems(UnknownVersion, NotAcceptable, RetiredVersion, PreconditionFailed)
    def get_diagram(profile: dict[str, Any], version: str) -> Response:
        """Draw a tree

        As SVG, or as Mermaid where Accept prefers `text/vnd.mermaid`. Inputs given as query parameters
        make up a profile, whose path stands out. A boolean is `true` or `false` in any case, and a number
        is written as in JSON. A tree that is too large to
        draw as SVG has Mermaid alone.
        """
        tree = tree_or_404(catalog, version)
        picture = pictures[tree.version]
        media_type = negotiate_media_type(
            request,
            [SVG_MEDIA_TYPE, MERMAID_MEDIA_TYPE] if picture.can_be_drawn else [MERMAID_MEDIA_TYPE],
        )
        assessment = evaluate(tree, profile) if profile else None
        drawn = (
            picture.render(assessment)
            if media_type == SVG_MEDIA_TYPE
            else mermaid.render_mermaid(tree, assessment)
        )
        response = conditional_response(drawn.encode(), tree, media_type)
        response.vary.add("Accept")
        response.headers["Content-Security-Policy"] = DIAGRAM_CSP
        return response

    return blp


def _laid_out(tree: Tree) -> svg.Picture:
    """A tree's picture, laid out before the workers fork: they share it, and no request waits for a layout.

    The bundled trees take 40 ms together; a tree at the bounds of a layout takes half a second.
    """
    picture = svg.Picture(tree)
    if picture.can_be_drawn:
        picture.lay_out()
    return picture
