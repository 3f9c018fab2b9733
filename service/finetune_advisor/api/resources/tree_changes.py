"""GET /tree/versions/{version}/changes: what a version changes, and for whom."""

from __future__ import annotations

from collections import defaultdict
from threading import Lock

from flask import Response

from finetune_advisor.api.http.blueprint import Blueprint
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
    dump_json,
    tree_or_404,
    version_parameter,
)
from finetune_advisor.engine.analysis.comparison import compare_trees
from finetune_advisor.schemas.changes import ChangesSchema
from finetune_advisor.schemas.requests import changes_query_schema
from finetune_advisor.trees.catalog import Catalog


def blueprint(catalog: Catalog) -> Blueprint:
    """The resource, for the trees of a catalog. A pair of versions is compared once."""
    blp = Blueprint("changes", "What a tree version changes.")
    compared: dict[tuple[str, str], bytes] = {}
    comparing = defaultdict[tuple[str, str], Lock](Lock)

    @blp.route(
        "/tree/versions/<version>/changes",
        parameters=[version_parameter(catalog), *CONDITIONAL_PARAMETERS],
    )
    @blp.doc(operationId="getChanges")
    @blp.arguments(changes_query_schema(catalog)(), location="query")
    @blp.response(200, ChangesSchema, description="The changes", headers=TREE_HEADERS)
    @blp.alt_response(304, description="Nothing has changed", headers=TREE_HEADERS)
    @blp.document_problems(UnknownVersion, NotAcceptable, RetiredVersion, PreconditionFailed)
    def get_changes(query: dict[str, str], version: str) -> Response:
        """Compare a tree with another version

        What was added, removed, rewired and reworded since another version; and the exact impact on
        outcomes over all profiles of the inputs that both know: how many move from which recommendation
        to which, with a witness for each pair. `reversals` names the recommendations of both versions that
        say something else about fine-tuning: whoever ends there doesn't move, but is advised differently.
        """
        newer, older = tree_or_404(catalog, version), catalog.pick(query["since"])
        key = (older.version, newer.version)
        if key not in compared:
            with comparing[key]:  # those who ask for other versions don't wait
                if key not in compared:
                    compared[key] = dump_json(ChangesSchema(), compare_trees(older, newer))
        return conditional_response(compared[key], newer)

    return blp
