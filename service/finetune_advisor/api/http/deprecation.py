"""Headers that announce the end of a tree version, for deprecated and retired versions."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

from flask import request
from werkzeug.http import http_date

from finetune_advisor.api.http.relative_links import relative_link
from finetune_advisor.engine.model.tree import Tree

HEADER_SCHEMA = {"type": "string"}
SUCCESSOR_LINK_HEADER = {
    "description": 'A link to the successor of a deprecated or retired version: rel="successor-version" '
    "(RFC 5829). It is relative to the request's URL.",
    "schema": HEADER_SCHEMA,
}
DEPRECATION_HEADERS: dict[str, Any] = {
    "Deprecation": {
        "description": "When a deprecated version was deprecated: @ and Unix seconds (RFC 9745).",
        "schema": HEADER_SCHEMA,
    },
    "Sunset": {
        "description": "When a deprecated version will be retired: an HTTP date (RFC 8594).",
        "schema": HEADER_SCHEMA,
    },
    "Link": SUCCESSOR_LINK_HEADER,
}


def build_deprecation_headers(tree: Tree) -> dict[str, str]:
    """Build the headers of an answer that depends on a tree: none unless the tree is deprecated.

    Dates start at midnight UTC. The link is relative to the current request's URL.
    """
    if tree.status != "deprecated":
        return {}
    since = datetime.combine(date.fromisoformat(tree.deprecated), time(), UTC)
    return {
        "Deprecation": f"@{since.timestamp():.0f}",
        "Sunset": http_date(date.fromisoformat(tree.sunset)),
        **build_successor_link(tree),
    }


def build_successor_link(tree: Tree) -> dict[str, str]:
    """Build the Link header that leads from the current request's URL to the successor of a tree."""
    link = relative_link(f"/tree/versions/{tree.successor}", request.environ)
    return {"Link": f'<{link}>; rel="successor-version"'}
