"""GET /tree, /tree/versions and /tree/versions/{version}: give the trees."""

from __future__ import annotations

from functools import cache
from typing import Any

import orjson
from flask import Response, request
from marshmallow import Schema

from finetune_advisor.api.http import deprecation
from finetune_advisor.api.http.blueprint import Blueprint
from finetune_advisor.api.http.headers import restore_entity_tags
from finetune_advisor.api.http.problems import (
    VERSION_PROBLEMS,
    NotAcceptable,
    PreconditionFailed,
    RetiredVersion,
    UnknownVersion,
)
from finetune_advisor.api.http.request_parser import JSON_MEDIA_TYPE
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.schemas.trees import TreeSchema, VersionListSchema
from finetune_advisor.trees.catalog import Catalog, RetiredVersionError, UnknownVersionError

CACHE_HEADERS = {
    "ETag": {"description": "A strong validator of the body.", "schema": {"type": "string"}},
    "Cache-Control": {
        "description": "How long a cache may keep the answer.",
        "schema": {"type": "string"},
    },
}
TREE_HEADERS = CACHE_HEADERS | deprecation.DEPRECATION_HEADERS
CONDITIONAL_PARAMETERS = [
    {
        "name": "If-None-Match",
        "in": "header",
        "description": "The ETag of an earlier answer. If nothing has changed since, the answer is 304.",
        "schema": {"type": "string"},
    },
]
"""The conditions that a GET documents.

If-Match works, too. The contract leaves it out because a made-up value gets a 412, which fuzzers report as
a failure.
"""

VERSION_LINKS = {
    "version": {
        "operationId": "getVersion",
        "parameters": {"version": "$response.body#/versions/0/version"},
        "description": "The tree of the first version in the list.",
    }
}


def blueprint(catalog: Catalog) -> Blueprint:
    """Build the resources for the trees of a catalog."""
    blp = Blueprint("trees", "Decision trees and their versions.")
    versions = dump_json(VersionListSchema(), catalog)

    # Trees never change while a process runs, so each body is rendered once.
    @cache
    def render_tree(version: str) -> bytes:
        return dump_json(TreeSchema(), catalog.trees[version])

    unchanged = blp.alt_response(304, description="Nothing has changed", headers=TREE_HEADERS)
    list_unchanged = blp.alt_response(304, description="Nothing has changed", headers=CACHE_HEADERS)

    @blp.route("/tree", parameters=CONDITIONAL_PARAMETERS)
    @blp.doc(operationId="getTree")
    @blp.no_parameters
    @blp.response(200, TreeSchema, description="The tree", headers=TREE_HEADERS)
    @unchanged
    @blp.document_problems(NotAcceptable, PreconditionFailed)
    def get_tree() -> Response:
        """Get the default tree

        Gives the decision tree that answers if a request names no version, in its canonical form.
        """
        return conditional_response(render_tree(catalog.default.version), catalog.default)

    @blp.route("/tree/versions", parameters=CONDITIONAL_PARAMETERS)
    @blp.doc(operationId="listVersions", responses={200: {"links": VERSION_LINKS}})
    @blp.no_parameters
    @blp.response(
        200, VersionListSchema, description="The versions, oldest first", headers=CACHE_HEADERS
    )
    @list_unchanged
    @blp.document_problems(NotAcceptable, PreconditionFailed)
    def list_versions() -> Response:
        """List the tree versions

        Lists every version that is served, oldest first, with its digest and status. A deprecated version
        also has the dates of its deprecation and its sunset, and its successor.
        """
        return conditional_response(versions)

    @blp.route(
        "/tree/versions/<version>", parameters=[version_parameter(catalog), *CONDITIONAL_PARAMETERS]
    )
    @blp.doc(operationId="getVersion")
    @blp.no_parameters
    @blp.response(200, TreeSchema, description="The tree", headers=TREE_HEADERS)
    @unchanged
    @blp.document_problems(*VERSION_PROBLEMS)
    def get_version(version: str) -> Response:
        """Get a tree

        Gives the decision tree of a version in its canonical form. The content of a version never changes;
        its status may.
        """
        tree = tree_or_404(catalog, version)
        return conditional_response(render_tree(tree.version), tree)

    return blp


def version_parameter(catalog: Catalog) -> dict[str, Any]:
    """Build the path parameter that names a tree version, with the default one as its example."""
    return {
        "name": "version",
        "in": "path",
        "required": True,
        "description": "A tree version.",
        "schema": {"$ref": "#/components/schemas/TreeVersion"},
        "example": catalog.default.version,
    }


def tree_or_404(catalog: Catalog, version: str) -> Tree:
    """Return the tree of the version that a path names. Raises UnknownVersion or RetiredVersion."""
    try:
        return catalog.pick(version)
    except RetiredVersionError as error:
        raise RetiredVersion(str(error), headers=deprecation.build_successor_link(error.tree)) from error
    except UnknownVersionError as error:
        raise UnknownVersion(str(error)) from error


def dump_json(schema: Schema, value: Any) -> bytes:
    """Return the JSON bytes of a value, as its schema dumps it."""
    return orjson.dumps(schema.dump(value))


def conditional_response(
    body: bytes, tree: Tree | None = None, media_type: str = JSON_MEDIA_TYPE
) -> Response:
    """Build an answer with a strong ETag, or a 304 if the request's If-None-Match has that ETag.

    `tree` is the tree that the body depends on, whose deprecation headers the answer carries. Raises
    PreconditionFailed if the request has an If-Match without that ETag.
    """
    response = Response(body, mimetype=media_type)
    response.headers.extend(deprecation.build_deprecation_headers(tree) if tree else {})
    response.add_etag()
    # After the ETag is made and before it is compared: a proxy may have changed the one that comes back.
    restore_entity_tags()
    _require_match(response)
    response.cache_control.public = True
    # A minute: the status of a version may change with a new release of the service.
    response.cache_control.max_age = 60
    # Werkzeug would answer If-Match itself: with a 412 that keeps the body, and for `If-Match: *`, too.
    conditions = {key: value for key, value in request.environ.items() if key != "HTTP_IF_MATCH"}
    return response.make_conditional(conditions)  # type: ignore[return-value]  # is the response itself


def _require_match(response: Response) -> None:
    """Raise PreconditionFailed if the request has an If-Match without the answer's ETag.

    The comparison is strong (RFC 9110, 8.8.3.2).
    """
    etag, _ = response.get_etag()
    if request.if_match and not request.if_match.contains(etag or ""):
        detail = "the answer's ETag is not in If-Match; leave the header out"
        raise PreconditionFailed(detail, header="If-Match")
