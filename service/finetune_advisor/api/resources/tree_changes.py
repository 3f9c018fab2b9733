"""GET /tree/versions/{version}/changes: compare two versions of the tree."""

from __future__ import annotations

from flask import Response

from finetune_advisor.api.http.blueprint import Blueprint
from finetune_advisor.api.http.problems import VERSION_PROBLEMS
from finetune_advisor.api.resources.tree import (
    CONDITIONAL_PARAMETERS,
    TREE_HEADERS,
    conditional_response,
    dump_json,
    tree_or_404,
    version_parameter,
)
from finetune_advisor.assessing.tree_comparisons import TreeComparisons
from finetune_advisor.schemas.changes import ChangesSchema
from finetune_advisor.schemas.requests import changes_query_schema
from finetune_advisor.trees.catalog import Catalog


def blueprint(catalog: Catalog, comparisons: TreeComparisons) -> Blueprint:
    """Build the resource for the trees of a catalog. Each pair of versions is rendered once."""
    blp = Blueprint("changes", "Differences between tree versions.")
    rendered: dict[tuple[str, str], bytes] = {}

    @blp.route(
        "/tree/versions/<version>/changes",
        parameters=[version_parameter(catalog), *CONDITIONAL_PARAMETERS],
    )
    @blp.doc(operationId="getChanges")
    @blp.arguments(changes_query_schema(catalog)(), location="query")
    @blp.response(200, ChangesSchema, description="The changes", headers=TREE_HEADERS)
    @blp.alt_response(304, description="Nothing has changed", headers=TREE_HEADERS)
    @blp.document_problems(*VERSION_PROBLEMS)
    def get_changes(query: dict[str, str], version: str) -> Response:
        """Compare a tree with another version

        Lists what was added, removed, rewired and reworded since another version. `moves` gives the exact
        effect on outcomes: how many profiles of the inputs that both versions know go from which
        recommendation to which, with an example for each pair. `reversals` lists the recommendations that
        both versions have, with different answers to "should we fine-tune?": their profiles do not move,
        but get different advice.
        """
        newer, older = tree_or_404(catalog, version), catalog.pick(query["since"])
        key = (older.version, newer.version)
        if key not in rendered:
            rendered[key] = dump_json(ChangesSchema(), comparisons.compare(older, newer))
        return conditional_response(rendered[key], newer)

    return blp
