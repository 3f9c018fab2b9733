"""Pages of another origin in a real browser call the API, where the setting lets them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.conftest import Server, StartServer

CALL = """async (api) => {
  const json = {"Content-Type": "application/json", "X-Request-ID": "page-1"};
  const ask = async (path, options) => {
    try {
      const answer = await fetch(api + path, options);
      const body = answer.status === 200 ? {} : await answer.json();
      return [answer.status, body.title ?? answer.headers.get("X-Request-ID") ?? answer.headers.get("ETag")];
    } catch (error) { return ["blocked", error.name]; }
  };
  return {
    assess: await ask("/assess", {method: "POST", headers: json, body: '{"profile": {}}'}),
    invalid: await ask("/assess", {method: "POST", headers: json, body: "{}"}),
    tree: (await ask("/tree", {}))[0],
    metrics: (await ask("/metrics", {}))[0],
  };
}"""


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[str]:
    """The origin of another web server, which has an empty page."""
    (tmp_path / "index.html").write_text("<!doctype html><title>App</title>")
    handler = partial(QuietHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as site:
        Thread(target=site.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{site.server_port}"
        site.shutdown()


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files without a line for each."""

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


def called(browser: Browser, origin: str, server: Server) -> Any:
    """What a page of an origin gets from the API."""
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(origin)
        return page.evaluate(CALL, server.url)


def test_a_page_of_a_named_origin_calls_the_api(
    browser: Browser, elsewhere: str, start_server: StartServer
) -> None:
    """Preflights are granted, answers and errors can be read with their headers, operations can't."""
    server = start_server(CORS_ORIGINS=f"https://app.example.com,{elsewhere}")

    assert called(browser, elsewhere, server) == {
        "assess": [200, "page-1"],
        "invalid": [422, "The request is invalid"],
        "tree": 200,
        "metrics": "blocked",
    }


def test_a_page_of_another_origin_is_kept_out(
    browser: Browser, elsewhere: str, start_server: StartServer
) -> None:
    """The browser gives it no answer."""
    server = start_server(CORS_ORIGINS="https://app.example.com")
    outcome = called(browser, elsewhere, server)

    assert ["blocked", "TypeError"] == outcome["assess"] == outcome["invalid"]
    assert ("blocked", "blocked") == (outcome["tree"], outcome["metrics"])
