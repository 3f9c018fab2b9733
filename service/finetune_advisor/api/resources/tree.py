"""GET /tree and /tree/versions: the trees themselves."""

from __future__ import annotations

from typing import Any

import orjson
from flask import Response, request
from marshmallow import Schema

from finetune_advisor.api.http import deprecation
from finetune_advisor.api.http.blueprint import Blueprint
from finetune_advisor.api.http.headers import restore_entity_tags
from finetune_advisor.api.http.problems import (
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
    "ETag": {"description": "Strong validator of the body.", "schema": {"type": "string"}},
    "Cache-Control": {"description": "How long the answer keeps.", "schema": {"type": "string"}},
}
TREE_HEADERS = CACHE_HEADERS | deprecation.DEPRECATION_HEADERS
CONDITIONAL_PARAMETERS = [
    {
        "name": "If-None-Match",
        "in": "header",
        "description": "An ETag from before; if nothing has changed since, the answer is 304.",
        "schema": {"type": "string"},
    },
]
"""What the answer of a GET may be made to depend on.

If-Match works, too. It isn't in the contract, as a made-up value is refused, which fuzzers take for a
fault.
"""

VERSION_LINKS = {
    "version": {
        "operationId": "getVersion",
        "parameters": {"version": "$response.body#/versions/0/version"},
        "description": "The first listed version's tree.",
    }
}


def blueprint(catalog: Catalog) -> Blueprint:
    """The resources, for the trees of a catalog. Bodies are rendered once, here."""
    blp = Blueprint("trees", "The decision trees, by version.")
    versions = dump_json(VersionListSchema(), catalog)
    trees = {version: dump_json(TreeSchema(), tree) for version, tree in catalog.trees.items()}
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

        The decision tree that answers when a request names no version, in its canonical form.
        """
        return conditional_response(trees[catalog.default.version], catalog.default)

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

        Every version that is served, oldest first, with its digest and status; a deprecated one with the
        days of its deprecation and its sunset, and with its successor.
        """
        return conditional_response(versions)

    @blp.route(
        "/tree/versions/<version>", parameters=[version_parameter(catalog), *CONDITIONAL_PARAMETERS]
    )
    @blp.doc(operationId="getVersion")
    @blp.no_parameters
    @blp.response(200, TreeSchema, description="The tree", headers=TREE_HEADERS)
    @unchanged
    @blp.document_problems(UnknownVersion, NotAcceptable, RetiredVersion, PreconditionFailed)
    def get_version(version: str) -> Response:
        """Get a tree

        The decision tree of a version, in its canonical form. Its content never changes; its status may.
        """
        tree = tree_or_404(catalog, version)
        return conditional_response(trees[tree.version], tree)

    return blp


def version_parameter(catalog: Catalog) -> dict[str, Any]:
    """The path parameter that names a version of a catalog."""
    return {
        "name": "version",
        "in": "path",
        "required": True,
        "description": "A tree version.",
        "schema": {"$ref": "#/components/schemas/TreeVersion"},
        "example": catalog.default.version,
    }


def tree_or_404(catalog: Catalog, version: str) -> Tree:
    """The tree of a version named in a path. Raises UnknownVersion or RetiredVersion."""
    try:
        return catalog.pick(version)
    except RetiredVersionError as error:
        raise RetiredVersion(str(error), headers=deprecation.build_successor_link(error.tree)) from error
    except UnknownVersionError as error:
        raise UnknownVersion(str(error)) from error


def dump_json(schema: Schema, value: Any) -> bytes:
    """The bytes of a body."""
    return orjson.dumps(schema.dump(value))


def conditional_response(
    body: bytes, tree: Tree | None = None, media_type: str = JSON_MEDIA_TYPE
) -> Response:
    """An answer, from a tree, with a strong ETag, or 304 where the caller has it already.

    Raises PreconditionFailed where If-Match asks for another one.
    """
    response = Response(body, mimetype=media_type)
    response.headers.extend(deprecation.build_deprecation_headers(tree) if tree else {})
    response.add_etag()
    restore_entity_tags()
    _require_match(response)
    response.cache_control.public = True
    response.cache_control.max_age = 60
    # Werkzeug's own 412 keeps the body, and comes for If-Match: * too.
    conditions = {key: value for key, value in request.environ.items() if key != "HTTP_IF_MATCH"}
    return response.make_conditional(conditions)  # type: ignore[return-value]  # is the response itself


def _require_match(response: Response) -> None:
    """Hold If-Match, if it is given, against an answer's ETag by strong comparison."""
    etag, _ = response.get_etag()
    if request.if_match and not request.if_match.contains(etag or ""):
        detail = "the answer has none of the ETags in If-Match; leave the header out"
        raise PreconditionFailed(detail, header="If-Match")
