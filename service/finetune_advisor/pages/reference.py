"""GET /docs: the reference page of the API, whose assets this service serves itself."""

from __future__ import annotations

from pathlib import Path

import flask_swagger_ui
from flask import Blueprint, Response, abort, make_response, render_template, send_from_directory

SWAGGER_UI_FOLDER = Path(flask_swagger_ui.__file__).parent / "dist"
SWAGGER_UI_FILES = {"swagger-ui.css", "swagger-ui-bundle.js"}
# Swagger UI has its icons as data: URLs.
DOCS_PAGE_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


def blueprint() -> Blueprint:
    """Build the page and the assets that it loads."""
    blp = Blueprint(
        "reference",
        __name__,
        template_folder="templates",
        static_folder="static",
        static_url_path="/static",
    )

    @blp.get("/docs")
    def docs() -> Response:
        """Show the contract with Swagger UI."""
        page = make_response(render_template("docs.html"))
        page.headers["Content-Security-Policy"] = DOCS_PAGE_CSP
        return page

    @blp.get("/docs/<name>")
    def asset(name: str) -> Response:
        """Send a file of Swagger UI; 404 for any file that the page doesn't load."""
        if name not in SWAGGER_UI_FILES:
            abort(404)
        return send_from_directory(SWAGGER_UI_FOLDER, name, max_age=3600)

    return blp
