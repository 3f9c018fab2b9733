"""The headers of a deprecated version's answers, and of the refusal of a retired one."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

from flask import request
from werkzeug.http import http_date

from finetune_advisor.api.http.relative_links import relative_link
from finetune_advisor.engine.model.tree import Tree

TEXT = {"type": "string"}
SUCCESSOR = {
    "description": 'To what succeeds a deprecated or retired version: rel="successor-version" (RFC 5829). '
    "Relative to the request's URL.",
    "schema": TEXT,
}
HEADERS: dict[str, Any] = {
    "Deprecation": {
        "description": "Since when this version is deprecated, if it is: @ and Unix seconds (RFC 9745).",
        "schema": TEXT,
    },
    "Sunset": {
        "description": "When this version is retired, if it is deprecated: an HTTP date (RFC 8594).",
        "schema": TEXT,
    },
    "Link": SUCCESSOR,
}


def headers(tree: Tree) -> dict[str, str]:
    """What goes with an answer from a tree: nothing, unless it is deprecated. Days start in UTC."""
    if tree.status != "deprecated":
        return {}
    since = datetime.combine(date.fromisoformat(tree.deprecated), time(), UTC)
    return {
        "Deprecation": f"@{since.timestamp():.0f}",
        "Sunset": http_date(date.fromisoformat(tree.sunset)),
        **successor(tree),
    }


def successor(tree: Tree) -> dict[str, str]:
    """The link to the version that succeeds a tree."""
    place = relative_link(f"/tree/versions/{tree.successor}", request.environ)
    return {"Link": f'<{place}>; rel="successor-version"'}
