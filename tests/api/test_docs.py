"""GET /docs and /openapi.json: a reference that works without any other host."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
import requests
from flask.testing import FlaskClient

from tests.conftest import Server

LOADED = {
    "script": "src",
    "link": "href",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "object": "data",
}
TYPES = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml", "png": "image/png"}


class Page(HTMLParser):
    """What a page loads, and whether it holds code of its own."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.inline: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in LOADED and (address := given.get(LOADED[tag])):
            self.loads.append(address)
        if tag in ("script", "style") and "src" not in given:
            self.inline.append(tag)
        self.inline.extend(name for name in given if name == "style" or name.startswith("on"))


@pytest.fixture(scope="module")
def page(server: Server) -> Page:
    return Page(requests.get(f"{server.url}/docs", timeout=10).text)


def assets(page: Page) -> list[str]:
    return [address for address in page.loads if not address.startswith("data:")]


def test_the_page_loads_only_what_this_host_has(server: Server, page: Page) -> None:
    """Every script and stylesheet is a path from the page on, and is there, with its media type."""
    assert len(assets(page)) >= 3
    for address in assets(page):
        assert re.fullmatch(r"[\w-]+(/[\w.-]+)+", address), address
        answer = requests.get(f"{server.url}/{address}", timeout=10)
        assert answer.status_code == 200, address
        assert answer.headers["Content-Type"].startswith(TYPES[address.rpartition(".")[2]])
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert len(answer.content) > 50


def test_stylesheets_load_nothing_from_elsewhere(server: Server, page: Page) -> None:
    """What a stylesheet refers to is data within it."""
    for address in assets(page):
        if address.endswith(".css"):
            text = requests.get(f"{server.url}/{address}", timeout=10).text
            references = re.findall(r"url\(\s*[\"']?([^\"')]+)", text)
            assert [one for one in references if not one.startswith(("data:", "#"))] == []
            assert "@import" not in text


def test_the_page_has_a_policy_that_it_keeps(server: Server, page: Page) -> None:
    """The Content-Security-Policy lets scripts come from here alone, and the page has none of its own."""
    policy = requests.get(f"{server.url}/docs", timeout=10).headers["Content-Security-Policy"]
    directives = dict(one.strip().split(" ", 1) for one in policy.split(";"))

    assert directives["default-src"] == "'none'"
    assert directives["script-src"] == "'self'"
    assert directives["connect-src"] == "'self'"
    assert directives["frame-ancestors"] == "'none'"
    assert "http" not in policy
    assert "unsafe" not in policy
    assert page.inline == []


def test_the_page_shows_this_contract(server: Server, page: Page) -> None:
    """One of the page's own scripts names openapi.json, beside the page."""
    own = [address for address in assets(page) if address.startswith("static/")]
    scripts = [requests.get(f"{server.url}/{address}", timeout=10).text for address in own]

    assert ['url: "openapi.json"' in text for text in scripts] == [True]


def test_the_page_is_html_with_a_title_and_a_language(client: FlaskClient) -> None:
    """It is a page that browsers and screen readers can name."""
    answer = client.get("/docs")

    assert answer.content_type == "text/html; charset=utf-8"
    assert '<html lang="en">' in answer.text
    assert "<title>" in answer.text


@pytest.mark.parametrize(
    "name", ["index.html", "nope.js", "swagger-ui.js.map", "../__init__.py", "%2e%2e/x"]
)
def test_no_other_file_is_served(client: FlaskClient, name: str) -> None:
    """Only what the page needs is reachable beside it."""
    answer = client.get(f"/docs/{name}")

    assert (answer.status_code, answer.content_type) == (404, "application/problem+json")


@pytest.mark.parametrize(
    "value", ["bytes=0-1", "bytes=9-0", "bytes=0-0,-1", f"bytes={'9' * 40}-", "lines=1"]
)
@pytest.mark.parametrize("path", ["/docs/swagger-ui.css", "/static/docs.js"])
def test_a_file_is_sent_whole(client: FlaskClient, path: str, value: str) -> None:
    """RFC 9110 §14.2: a range may be ignored, and one that can't be had is no fault of the server."""
    with client.get(path) as whole, client.get(path, headers={"Range": value}) as answer:
        assert (200, whole.data) == (answer.status_code, answer.data)


@pytest.mark.parametrize("value", ['"a"', "garbage"])
@pytest.mark.parametrize("path", ["/docs/swagger-ui.css", "/static/docs.js"])
def test_a_condition_on_a_file_that_fails_is_a_problem(
    client: FlaskClient, path: str, value: str
) -> None:
    """RFC 9110 §15.5.13: a 412 has no file in it."""
    answer = client.get(path, headers={"If-Match": value})

    assert (412, "application/problem+json") == (answer.status_code, answer.content_type)
    assert answer.json["type"].endswith("/problems/precondition-failed")


def test_assets_may_be_kept(client: FlaskClient) -> None:
    """Large files aren't sent twice: they have a validator and a lifetime."""
    first = client.get("/docs/swagger-ui-bundle.js")
    again = client.get("/docs/swagger-ui-bundle.js", headers={"If-None-Match": first.headers["ETag"]})

    assert (first.status_code, again.status_code) == (200, 304)
    assert "max-age=3600" in first.headers["Cache-Control"]
    first.close()
    again.close()
