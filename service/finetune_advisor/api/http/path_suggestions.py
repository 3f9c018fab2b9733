"""Suggests the path that was probably meant if a request's path isn't served."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from flask import current_app, request

from finetune_advisor.api.http.problems import NotFound, Problem

MAX_PATH_LENGTH = 200
"""The length in characters up to which a path is compared with those that are served; comparing is slow."""
VERSION_SEGMENT = re.compile(r"v?[0-9]+(\.[0-9]+)+.*")
ASSET_ENDPOINTS = ("reference.asset", "reference.static")
"""Endpoints of files that pages load; they are never suggested."""


def unknown_path() -> NotFound:
    """Build the problem for the current request's path, which isn't served.

    It names paths with the prefix of the request, if the service has one.
    """
    nearest, prefix = nearest_path(request.path, list(_iter_templates())), request.root_path
    if nearest:
        return NotFound(f"there is nothing at this path; did you mean {prefix}{nearest}?")
    lists = f"{prefix}/docs or {prefix}/openapi.json"
    return NotFound(f"there is nothing at this path; see {lists} for the paths that exist")


def nearest_path(path: str, templates: Sequence[str]) -> str | None:
    """Return the template that is nearest to a path, such as `/tree/versions/{version}`, or None.

    It finds the template despite empty or additional leading segments, another case, and a misspelled or
    missing segment.
    """
    if len(path) > MAX_PATH_LENGTH:  # it resembles no template
        return None
    segments = [_placeholder(segment) for segment in path.lower().split("/") if segment]
    # Clients often put a prefix before the path, such as /api or /v1.
    suffixes = ["/" + "/".join(segments[start:]) for start in range(len(segments))]
    for suffix in suffixes:
        if suffix in templates:
            return suffix
    # A path with a version never means a template without one.
    candidates = [
        template for template in templates if "{version}" in template or "{version}" not in segments
    ]
    matches = get_close_matches(suffixes[0], candidates, 1) if suffixes else []
    return matches[0] if matches else None


def _placeholder(segment: str) -> str:
    """Return the placeholder that templates have for a segment, or the segment itself."""
    if VERSION_SEGMENT.fullmatch(segment):
        return "{version}"
    return "{slug}" if segment in Problem.types_by_slug else segment


def _iter_templates() -> Iterator[str]:
    """Yield the templates of the paths that are served on the current request's port."""
    for rule in current_app.url_map.iter_rules():
        is_elsewhere = current_app.config["METRICS_PORT"] and rule.endpoint.startswith("operations.")
        is_page = rule.endpoint.startswith("pages.")  # those who call the API mean none of them
        if rule.endpoint not in ASSET_ENDPOINTS and not is_elsewhere and not is_page:
            yield rule.rule.replace("<", "{").replace(">", "}")
