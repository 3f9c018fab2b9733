"""The headers of a deprecated version's answers, and of the refusal of a retired one."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

from flask import request
from werkzeug.http import http_date

from finetune_advisor.api.http.relative_links import relative_link
from finetune_advisor.engine.model.tree import Tree

HEADER_SCHEMA = {"type": "string"}
SUCCESSOR_LINK_HEADER = {
    "description": 'To what succeeds a deprecated or retired version: rel="successor-version" (RFC 5829). '
    "Relative to the request's URL.",
    "schema": HEADER_SCHEMA,
}
DEPRECATION_HEADERS: dict[str, Any] = {
    "Deprecation": {
        "description": "Since when this version is deprecated, if it is: @ and Unix seconds (RFC 9745).",
        "schema": HEADER_SCHEMA,
    },
    "Sunset": {
        "description": "When this version is retired, if it is deprecated: an HTTP date (RFC 8594).",
        "schema": HEADER_SCHEMA,
    },
    "Link": SUCCESSOR_LINK_HEADER,
}


def build_deprecation_headers(tree: Tree) -> dict[str, str]:
    """What goes with an answer from a tree: nothing, unless it is deprecated. Days start in UTC."""
    if tree.status != "deprecated":
        return {}
    since = datetime.combine(date.fromisoformat(tree.deprecated), time(), UTC)
    return {
        "Deprecation": f"@{since.timestamp():.0f}",
        "Sunset": http_date(date.fromisoformat(tree.sunset)),
        **build_successor_link(tree),
    }


def build_successor_link(tree: Tree) -> dict[str, str]:
    """The link to the version that succeeds a tree."""
    place = relative_link(f"/tree/versions/{tree.successor}", request.environ)
    return {"Link": f'<{place}>; rel="successor-version"'}
