"""The paths that are served, for those who ask for one that isn't."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from flask import current_app, request

from finetune_advisor.api.http.problems import NotFound, Problem

MAX_PATH_LENGTH = 200
"""Characters of a path that is compared with those there are; a longer one resembles none."""
VERSION_SEGMENT = re.compile(r"v?[0-9]+(\.[0-9]+)+.*")
ASSET_ENDPOINTS = ("reference.asset", "reference.static")
"""Endpoints of files that pages load and nobody asks for."""


def unknown_path() -> NotFound:
    """The problem for the current request's path, which isn't served.

    The paths that it names are below the prefix that the request came with.
    """
    nearest, prefix = nearest_path(request.path, list(_templates())), request.root_path
    if nearest:
        return NotFound(f"there is nothing at this path; did you mean {prefix}{nearest}?")
    lists = f"{prefix}/docs or {prefix}/openapi.json"
    return NotFound(f"there is nothing at this path; see {lists} for those there are")


def nearest_path(path: str, templates: Sequence[str]) -> str | None:
    """The template of the path that was meant, such as `/tree/versions/{version}`; None if none is near.

    Trailing, doubled and leading segments, case, and a misspelt or missing segment are seen through.
    """
    if len(path) > MAX_PATH_LENGTH:
        return None
    segments = [_placeholder(segment) for segment in path.lower().split("/") if segment]
    asked = ["/" + "/".join(segments[start:]) for start in range(len(segments))]
    if known := [shorter for shorter in asked if shorter in templates]:
        return known[0]
    alike = [one for one in templates if "{version}" in one or "{version}" not in segments]
    close = get_close_matches(asked[0], alike, 1) if asked else []
    return close[0] if close else None


def _placeholder(segment: str) -> str:
    """A segment, or what stands for it in templates."""
    if VERSION_SEGMENT.fullmatch(segment):
        return "{version}"
    return "{slug}" if segment in Problem.types_by_slug else segment


def _templates() -> Iterator[str]:
    """The paths that are served where the current request came in."""
    for rule in current_app.url_map.iter_rules():
        elsewhere = current_app.config["METRICS_PORT"] and rule.endpoint.startswith("operations.")
        if rule.endpoint not in ASSET_ENDPOINTS and not elsewhere:
            yield rule.rule.replace("<", "{").replace(">", "}")
