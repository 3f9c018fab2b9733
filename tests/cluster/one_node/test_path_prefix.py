"""A release below a URL path, behind nginx in the cluster: docs/deploy.md, "Expose it"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urljoin

import pytest

from tests.cluster.release import SHORT_DRAIN, Release, ask, merge_values, temporary_release
from tests.web import proxy

SETTINGS = {"removed": {}, "kept": {"pathPrefix": proxy.PREFIX}}
LINK = re.compile(r'(?:href|src|action)="([^"#]+)')


@pytest.fixture(scope="module", params=SETTINGS)
def release_of_prefix(request: pytest.FixtureRequest) -> Iterator[tuple[Release, str]]:
    """A release for a proxy that removes the prefix, or keeps it, and which of both."""
    with temporary_release("prefix") as release:
        release.upgrade(merge_values(SHORT_DRAIN, {"settings": SETTINGS[request.param]}))
        yield release, request.param


@pytest.fixture(scope="module")
def place(release_of_prefix: tuple[Release, str]) -> Iterator[str]:
    """The release's URL below the prefix."""
    release, prefix = release_of_prefix
    with proxy.running(release.url(), strip=prefix == "removed") as url:
        yield url


def links(url: str) -> set[str]:
    """Where a page leads to: other pages, pictures, style sheets and forms."""
    page = ask(url)
    assert 200 == page.status_code, url
    return {urljoin(page.url, link) for link in LINK.findall(page.text)}


def test_pages_lead_to_pages_below_the_prefix(place: str) -> None:
    """deploy.md: "Links are relative, so the pages work below a prefix like the rest"."""
    first = links(f"{place}/")
    assert any("/interview" in link for link in first)
    second = {link for url in first if "/interview" in url or "/trees/" in url for link in links(url)}
    own = {link for link in first | second if link.startswith(place.partition("/advisor")[0])}
    assert [] == [link for link in own if not link.startswith(f"{place}/")]
    assert [] == [link for link in own if ask(link).status_code != 200]


def test_the_contract_names_the_prefix_as_its_server(place: str) -> None:
    """deploy.md: "Every link that the service gives is relative: … in `servers` of the contract"."""
    [server] = ask(f"{place}/openapi.json").json()["servers"]
    assert f"{place}/assess" == urljoin(f"{place}/openapi.json", server["url"].rstrip("/") + "/assess")


def test_a_problem_leads_to_its_explanation(place: str) -> None:
    """deploy.md: "Every link that the service gives is relative: … in a problem's `type`"."""
    problem = ask(f"{place}/assess", {"profiles": []})
    assert 422 == problem.status_code
    explanation = urljoin(problem.url, problem.json()["type"])
    assert explanation.startswith(f"{place}/problems/")
    assert 200 == ask(explanation).status_code


def test_metrics_are_not_below_the_prefix(place: str) -> None:
    """deploy.md: "Deny `/advisor/metrics` in public, or set `FINETUNE_ADVISOR_METRICS_PORT`, which the chart
    does".
    """
    assert 404 == ask(f"{place}/metrics").status_code


def test_requests_with_the_prefix_are_answered(place: str) -> None:
    """deploy.md: "Below a URL path, such as `https://example.com/advisor/`, there are two cases"; "If the
    proxy removes the prefix, the service needs no setting. nginx does so by `location /advisor/ { proxy_pass
    http://advisor/; }`"; "If the prefix stays on, as with `proxy_pass http://advisor;`, name it".
    """
    assert 200 == ask(f"{place}/assess", {"profile": {}}).status_code


def test_requests_without_the_prefix_are_answered(release_of_prefix: tuple[Release, str]) -> None:
    """deploy.md: "Requests without the prefix are still answered, so probes and metrics stay"."""
    release, _ = release_of_prefix
    assert 200 == release.ask("/assess", {"profile": {}}).status_code
    assert 2 == len(release.ready_pods())
