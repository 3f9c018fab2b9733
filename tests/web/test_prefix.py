"""Below a prefix that nginx takes off or leaves on: pages, problems, links and the contract lead on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

import pytest
import requests
from playwright.sync_api import Browser

from tests import editions
from tests.conftest import start
from tests.contract.fuzzer import fuzz
from tests.web import proxy
from tests.web.visit import Visit

TIMEOUT = 30
SETTINGS = {"stripped": {}, "kept": {"PATH_PREFIX": proxy.PREFIX}}


@pytest.fixture(scope="module", params=SETTINGS)
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an instance below a prefix, with a deprecated version among its trees."""
    trees = tmp_path_factory.mktemp("ending")
    editions.write_ending(trees)
    log = tmp_path_factory.mktemp("server") / "log"
    server = start(log, TREES_DIR=str(trees), **SETTINGS[request.param])
    try:
        with proxy.running(server.url, strip=request.param == "stripped") as url:
            yield url
    finally:
        server.stop()


def test_the_reference_page_works(browser: Browser, place: str) -> None:
    """Swagger UI shows the contract, and "Try it out" posts below the prefix and shows the answer."""
    with browser.new_context() as context:
        visit = Visit(context)
        visit.page.goto(f"{place}/docs")
        block = visit.page.locator("[id$='-assess'].opblock")
        block.locator(".opblock-summary-control").click()
        block.get_by_role("button", name="Try it out").click()
        block.get_by_role("button", name="Execute").click()
        answer = block.locator(".live-responses-table .response")
        status = answer.locator(".response-col_status").inner_text()
        body = json.loads(answer.locator(".highlight-code code").first.inner_text())

        assert ("200", "decided") == (status, body["status"])
        assert f"{place}/assess" == visit.requested[-1]
        assert [] == [url for url in visit.requested if not url.startswith((f"{place}/", "data:"))]
        assert ([], []) == (visit.errors, visit.violations())


@pytest.mark.parametrize(
    "path",
    [
        "/nope",
        "/assess",
        "/assess/",
        "/tree/versions/9.9.9",
        "/tree/versions/9.9.9/diagram",
        "/tree?a=/b/c",
    ],
)
def test_the_type_of_a_problem_leads_to_its_explanation(place: str, path: str) -> None:
    """Resolved against the URL that was asked, as RFC 9457, 3.1.1 has it."""
    answer = requests.get(place + path, timeout=TIMEOUT)
    explanation = requests.get(urljoin(answer.url, answer.json()["type"]), timeout=TIMEOUT)

    assert answer.status_code in (404, 405, 422)
    assert (200, answer.json()["title"]) == (explanation.status_code, explanation.json()["title"])


@pytest.mark.parametrize("path", ["", "/diagram", "/changes?since=1.0.0"])
@pytest.mark.parametrize("version", [editions.DEPRECATED, editions.RETIRED])
def test_a_link_leads_to_the_successor(place: str, version: str, path: str) -> None:
    """Resolved against the URL that was asked, as RFC 8288, 3.1 has it."""
    answer = requests.get(f"{place}/tree/versions/{version}{path}", timeout=TIMEOUT)
    successor = requests.get(
        urljoin(answer.url, answer.links["successor-version"]["url"]), timeout=TIMEOUT
    )

    assert editions.SUCCESSOR == successor.json()["version"]


def test_the_contract_says_where_it_is_served(place: str) -> None:
    """The server's URL is relative to that of the contract (OpenAPI 3.1, 4.8.5)."""
    contract = requests.get(f"{place}/openapi.json", timeout=TIMEOUT)
    [server] = contract.json()["servers"]

    assert f"{place}/" == urljoin(contract.url, server["url"])


def test_a_tool_that_reads_the_contract_asks_below_the_prefix(place: str, tmp_path: Path) -> None:
    """schemathesis gets every example answered as described. It reads no relative server, so it is told."""
    outcome = fuzz(place, tmp_path, 1, "--phases", "examples", "--url", place)

    assert outcome.passed, outcome.text
    assert outcome.cases > 5
