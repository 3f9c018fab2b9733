"""What the tests of pages share: a real Chromium, which reaches no host but this one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.conftest import Server
from tests.web.visit import Visit

NAMES = ("chromium", "chromium-browser", "google-chrome")
ALONE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The Chromium of this machine, without a window."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip("tests of pages need Chromium, which isn't installed here")
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=found, args=[ALONE], timeout=120_000)


@pytest.fixture
def visit(browser: Browser, server: Server) -> Iterator[Visit]:
    """A visit to the server, by somebody who was never there."""
    with browser.new_context(base_url=server.url) as context:
        yield Visit(context)
