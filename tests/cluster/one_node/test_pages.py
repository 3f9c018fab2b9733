"""A way through the pages at the Service of a release: docs/deploy.md, "Pages for people"."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import pytest
import requests

from tests.cluster.release import HTTP_PORT, Release, ask, pod_url
from tests.pages.reading import Page

MAX_QUESTIONS = 20
SOURCES = re.compile(r'<(?:link|img|script|iframe|form)[^>]*?\b(?:href|src|action)="([^"]+)"')
ALLOWED = {"style-src": "'self'", "img-src": "'self'", "form-action": "'self'"}


class ServiceClient:
    """Asks a release's Service as Flask's test client asks an application: with paths, without redirects."""

    def __init__(self, release: Release) -> None:
        self._release = release

    def get(self, path: str) -> requests.Response:
        """The answer at a path. Nothing is kept for the next request, as in a browser without cookies."""
        with requests.Session() as session:
            session.trust_env = False
            url = self._release.url(urljoin("/", path))
            return session.get(url, headers={"Accept": "text/html"}, allow_redirects=False, timeout=10)


@pytest.fixture(scope="module")
def trail(installed: Release) -> list[Page]:
    """The pages from the first to a plan, where the last of several answers is always given."""
    client: Any = ServiceClient(installed)
    pages = [Page(client, "/")]
    [start, *_] = [words for words in pages[0].links if words.startswith("Start with version")]
    pages.append(pages[0].follow(start))
    while pages[-1].choices and len(pages) < MAX_QUESTIONS:
        answers = pages[-1].choices.items()
        pages.append(
            pages[-1].send(*((name, values[-1] if values else "1000") for name, values in answers))
        )
    return pages


def test_pages_lead_by_questions_to_a_plan(trail: list[Page]) -> None:
    """deploy.md: "`/`, `/interview` and `/trees/{version}` are pages that lead through a tree by questions
    and end in a plan to print".
    """
    first, *questions, plan = trail
    assert {200} == {page.status for page in trail}
    assert len(questions) >= 2
    assert {"/interview"} == {urlsplit(page.url).path for page in [*questions, plan]}
    assert "Fine-tune?" in plan.text
    assert "print this page" in plan.text
    [tree, *_] = [words for words in first.links if words.startswith("Read the tree")]
    shown = first.follow(tree)
    assert [] == [page.heading for page in questions if page.heading not in shown.text]


def test_the_url_of_a_plan_is_all_that_another_pod_needs(installed: Release, trail: list[Page]) -> None:
    """deploy.md: "Answers are in the URL.** An interview is `/interview?tree=…&input=answer…`, so that it can
    be bookmarked and shared".
    """
    plan = trail[-1]
    path = f"/interview?{urlsplit(plan.url).query}"
    assert "tree" == parse_qsl(urlsplit(path).query)[0][0]
    answers = [ask(pod_url(pod, path, HTTP_PORT)).text for pod in installed.ready_pods()]
    assert [plan.html] * 2 == answers


def test_pages_need_no_script_and_no_cookie(trail: list[Page]) -> None:
    """deploy.md: "No page needs JavaScript, a cookie or another origin": none was kept on the way, and there
    is no script.
    """
    assert [] == [page.url for page in trail if "<script" in page.html or "Set-Cookie" in page.headers]


def test_pages_need_no_other_origin(trail: list[Page]) -> None:
    """deploy.md: "No page needs JavaScript, a cookie or another origin": style sheets, pictures and forms are
    all at relative URLs.
    """
    sources = {source for page in trail for source in SOURCES.findall(page.html)}
    assert len(sources) >= 3
    assert [] == [source for source in sources if urlsplit(source).netloc or urlsplit(source).scheme]


def test_browsers_are_told_to_load_nothing_else(trail: list[Page]) -> None:
    """deploy.md: "The Content-Security-Policy allows this service's style sheet and pictures, and forms that
    lead to it; no script at all".
    """
    policies = {page.headers["Content-Security-Policy"] for page in trail}
    [directives] = [dict(one.split(" ", 1) for one in policy.split("; ")) for policy in policies]
    assert "'none'" == directives.pop("default-src")
    assert ALLOWED == {name: value for name, value in directives.items() if value != "'none'"}
