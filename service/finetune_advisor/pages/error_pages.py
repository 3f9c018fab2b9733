"""Errors as pages: what a problem says, for those who asked for a page."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import orjson
from flask import Flask, render_template, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment

PROBLEM_MEDIA_TYPE, HTML_MEDIA_TYPE = "application/problem+json", "text/html"
PAGE_CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)


PAGE_HEADERS = {
    "Content-Type": f"{HTML_MEDIA_TYPE}; charset=utf-8",
    "Content-Security-Policy": PAGE_CSP,
}
LinkTo = Callable[[str, "WSGIEnvironment"], str]
"""Gives the reference that leads from a request's URL to a path of this service."""


def problem_renderer(app: Flask, link_to: LinkTo) -> Callable[[Response], Response]:
    """Return a function that replaces the JSON of a problem by an HTML page.

    It does so for the paths of pages. For unknown paths and where an API key is needed, it does so if the
    client prefers HTML, as browsers do.
    """

    def render_problem(response: Response) -> Response:
        is_unknown = response.status_code == 404 and request.url_rule is None
        is_anywhere = is_unknown or response.status_code == 401
        if not is_page(app, request.environ["PATH_INFO"]):
            if not is_anywhere or not _prefers_html():
                return response
            response.vary.add("Accept")
        response.set_data(_render(response.get_data(as_text=True), link_to))
        response.headers.update(PAGE_HEADERS)
        return response

    return render_problem


def refusal_renderer(
    app: Flask, link_to: LinkTo, prefix: str
) -> Callable[[str, str], tuple[str, list[tuple[str, str]]] | None]:
    """Return a function that renders the problem of a request that never reached the application.

    It takes the path and the problem as JSON. Returns the page with its headers; None for paths of no page.
    `prefix` is the path prefix of the service.
    """

    def render_refusal(path: str, problem: str) -> tuple[str, list[tuple[str, str]]] | None:
        below = path.removeprefix(prefix)
        if not path.startswith(f"{prefix}/") or not is_page(app, below):
            return None
        # Only the path counts: links in the page are relative to it.
        with app.test_request_context("/", environ_overrides={"RAW_URI": path, "SCRIPT_NAME": prefix}):
            return _render(problem, link_to), [*PAGE_HEADERS.items()]

    return render_refusal


def _render(problem: str, link_to: LinkTo) -> str:
    return render_template(
        "problem.html",
        problem=orjson.loads(problem),
        link=lambda path: link_to(path, request.environ) or "./",
    )


def is_page(app: Flask, path: str) -> bool:
    """Whether a path is that of a page."""
    if path.startswith("//"):
        return False
    try:
        endpoint, _ = app.url_map.bind("").match(path, "GET")
    except HTTPException:
        return path.startswith(("/interview/", "/trees/"))
    return bool(endpoint.startswith("pages."))


def _prefers_html() -> bool:
    """Whether the current request would rather have HTML than JSON, as browsers do."""
    accepted = request.accept_mimetypes
    html = accepted.quality(HTML_MEDIA_TYPE)
    return html > max(accepted.quality(PROBLEM_MEDIA_TYPE), accepted.quality("application/json"))
