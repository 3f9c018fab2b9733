"""GET /docs in a real browser: it shows the contract, keeps its policy, and lets people try it out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.conftest import Server
from tests.contract import described
from tests.web.visit import Visit


@pytest.fixture
def reference(visit: Visit) -> Visit:
    """A visit to the reference page, which is there in full."""
    visit.page.goto("/docs")
    visit.page.locator(".opblock").first.wait_for()
    return visit


def block(reference: Visit, operation: str) -> Locator:
    """What the page shows of an operation."""
    return reference.page.locator(f"[id$='-{operation}'].opblock")


def operations() -> set[str]:
    paths = described.committed()["paths"].values()
    return {one["operationId"] for path in paths for one in path.values() if "operationId" in one}


def test_every_operation_is_shown(reference: Visit) -> None:
    """The page has a block for each operation of the contract, and no other."""
    ids = reference.page.locator(".opblock").evaluate_all("blocks => blocks.map(block => block.id)")

    assert operations() == {name.rpartition("-")[2] for name in ids}
    assert len(operations()) == len(ids)
    expect(reference.page.locator(".info .title")).to_contain_text(
        described.committed()["info"]["title"]
    )


def tried(reference: Visit, operation: str) -> tuple[str, Any]:
    """The status and the body that the page shows after "Try it out" with the example that it gives."""
    shown = block(reference, operation)
    shown.locator(".opblock-summary-control").click()
    shown.get_by_role("button", name="Try it out").click()
    shown.get_by_role("button", name="Execute").click()
    answer = shown.locator(".live-responses-table .response")
    return (
        answer.locator(".response-col_status").inner_text(),
        json.loads(answer.locator(".highlight-code code").first.inner_text()),
    )


def test_an_assessment_can_be_tried_out(reference: Visit) -> None:
    """Trying it out posts the example profile, and the page shows the 200 that came back."""
    status, body = tried(reference, "assess")

    assert "200" == status
    assert "decided" == body["status"]
    assert body["recommendation"]["id"] in body["candidates"]
    assert reference.requested[-1].endswith("/assess")
    assert ([], []) == (reference.errors, reference.violations())


def test_an_operation_with_a_parameter_can_be_tried_out(reference: Visit) -> None:
    """A path's parameter comes with an example, so that a click is enough."""
    status, body = tried(reference, "explainProblem")

    assert ("200", "../problems/invalid-request") == (status, body["type"])
    assert ([], []) == (reference.errors, reference.violations())


def test_nothing_comes_from_elsewhere_and_nothing_is_blocked(server: Server, reference: Visit) -> None:
    """Every request goes to this server; no error, no warning, and nothing that the policy had to block."""
    elsewhere = [url for url in reference.requested if not url.startswith((f"{server.url}/", "data:"))]

    assert len(reference.requested) >= 5
    assert [] == elsewhere
    assert ([], []) == (reference.errors, reference.violations())


def test_the_policy_blocks_what_a_page_must_not_do(reference: Visit) -> None:
    """A script, an image or a request that somebody slips in is blocked, and this harness sees it."""
    reference.page.evaluate(
        """async () => {
          const script = document.createElement("script");
          script.textContent = "window.slipped = true";
          document.body.append(script);
          const image = document.createElement("img");
          image.src = "https://elsewhere.example/pixel.png";
          document.body.append(image);
          await fetch("https://elsewhere.example/").catch(() => {});
        }"""
    )
    reference.page.wait_for_function("window.violations.length >= 3")

    blocked = {violation.partition(":")[0] for violation in reference.violations()}
    assert {"script-src-elem", "img-src", "connect-src"} == blocked
    assert reference.page.evaluate("window.slipped === undefined")
    assert reference.errors
