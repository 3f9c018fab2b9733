"""GET /: what this service answers, and where to begin."""

from __future__ import annotations

from flask import Blueprint, Response, abort, render_template, request

from finetune_advisor.pages.caching import cache_page
from finetune_advisor.trees.catalog import Catalog


def add_view(blp: Blueprint, catalog: Catalog) -> None:
    """Add the start page, for the trees of a catalog."""
    others = [tree for tree in catalog.trees.values() if tree is not catalog.default][::-1]

    @blp.get("/", strict_slashes=False)
    def start() -> Response:
        """Show what this service answers, and where to begin."""
        if request.environ["PATH_INFO"] not in ("", "/"):  # it is empty for the prefix alone
            abort(404)  # Werkzeug takes any number of slashes for one
        return cache_page(render_template("start.html", tree=catalog.default, others=others))
