"""The site: the pages for people as one blueprint, with the headers that they share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, request

from finetune_advisor.assessing.tree_comparisons import TreeComparisons
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.pages import interview, plan_download, start, tree, worksheet
from finetune_advisor.pages.error_pages import PAGE_CSP, LinkTo
from finetune_advisor.pages.interview import Interviews


def blueprint(
    interviews: Interviews,
    comparisons: TreeComparisons,
    pick_tree: Callable[[str], Tree],
    link_to: LinkTo,
) -> Blueprint:
    """Build the pages, for the trees that the interviews are about.

    `pick_tree` gives the tree of the version in a path. If there is none, it raises the error to answer
    with.
    """
    blp = Blueprint("pages", __name__, template_folder="templates")
    start.add_view(blp, interviews.catalog)
    interview.add_view(blp, interviews)
    plan_download.add_view(blp, interviews)
    worksheet.add_view(blp, interviews)
    tree.add_view(blp, interviews.catalog, pick_tree, comparisons, interviews.has_picture)

    @blp.context_processor
    def add_link() -> dict[str, Any]:
        return {"link": lambda path: link_to(path, request.environ) or "./"}

    @blp.after_request
    def set_policy(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", PAGE_CSP)
        return response

    return blp
