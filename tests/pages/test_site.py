"""The start page, the pages of trees, errors as pages, and the switch."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from finetune_advisor.app import create_app
from finetune_advisor.settings import Settings
from tests import editions
from tests.pages.reading import Page

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def test_the_start_page_leads_to_an_interview_about_each_tree(client: FlaskClient) -> None:
    """The default one first, then the newest; and to the trees, the reference and the contract."""
    page = Page(client, "/")

    assert "Should you fine-tune an LLM, or do something cheaper first?" == page.heading
    starts = [words for words in page.links if words.startswith("Start")]
    assert [f"Start with version {one}.0.0" for one in (1, 3, 2)] == starts
    assert all(page.follow(words).choices for words in starts)
    assert page.text.count("candidate: a version to try, which may become the current one") == 2
    assert "Should you fine-tune an LLM?" == page.follow("Read the tree of version 1.0.0").heading
    assert {"docs", "openapi.json"} <= {*page.links.values()}


@pytest.mark.parametrize("version", ["1.0.0", "2.0.0", "3.0.0"])
def test_a_tree_can_be_read_in_full(client: FlaskClient, version: str) -> None:
    """Each question with its help, each recommendation, and the picture."""
    page = Page(client, f"/trees/{version}")
    tree = client.get(f"/tree/versions/{version}").json
    said = page.text

    assert 200 == page.status
    for question in tree["questions"].values():
        assert " ".join(question["text"].split()) in said
        assert " ".join(question["help"].split()) in said
    for recommendation in tree["recommendations"].values():
        assert " ".join(recommendation["summary"].split()) in said
    assert f'<img src="../tree/versions/{version}/diagram"' in page.html
    assert ("Changes since version 1.0.0" in page.texts["h2"]) == (version == "2.0.0")


def test_what_a_version_changes_is_said(client: FlaskClient) -> None:
    """As /changes counts it: how many move, from where to where, with an example."""
    changes = client.get("/tree/versions/2.0.0/changes?since=1.0.0").json
    page = Page(client, "/trees/2.0.0")

    moves = [one for one in page.texts["li"] if one.startswith("From “")]
    assert len(changes["moves"]) == len(moves)


def test_pages_that_are_the_same_for_all_are_cached(client: FlaskClient) -> None:
    """With an ETag, for a minute."""
    for url in ("/", "/trees/1.0.0"):
        answer = client.get(url)
        again = client.get(url, headers={"If-None-Match": answer.headers["ETag"]})
        other = client.get(url, headers={"If-Match": '"other"'})

        assert "public, max-age=60" == answer.headers["Cache-Control"]
        assert (304, b"") == (again.status_code, again.data)
        assert 412 == other.status_code


@pytest.mark.parametrize(
    ("path", "status", "title"),
    [
        ("/trees/9.9.9", 404, "No tree of this version is served"),
        ("/interview/nothing", 404, "There is nothing at this path"),
        ("/interview/plan.pdf", 404, "There is nothing at this path"),
    ],
)
def test_errors_of_pages_are_pages(client: FlaskClient, path: str, status: int, title: str) -> None:
    """In the words of the problem, with the way to the start and to what the problem means."""
    page = Page(client, path)

    assert (status, title) == (page.status, page.heading)
    assert "text/html; charset=utf-8" == page.headers["Content-Type"]
    assert Page(client, "/").heading == page.follow("Go to the start page").heading
    assert 200 == page.follow("What this error means, as JSON").status


def test_a_wrong_method_is_explained_as_a_page(client: FlaskClient) -> None:
    """With Allow, as for the API."""
    answer = client.post("/interview")

    assert (405, "text/html") == (answer.status_code, answer.mimetype)
    assert "GET, HEAD, OPTIONS" == answer.headers["Allow"]
    assert "send GET or HEAD" in answer.text


def test_a_retired_version_leads_to_its_successor(own: FlaskClient) -> None:
    """As the API's answer does, by its Link."""
    page = Page(own, f"/trees/{editions.RETIRED}")

    assert 410 == page.status
    assert editions.SUCCESSOR in page.text
    assert f"/tree/versions/{editions.SUCCESSOR}" in page.headers["Link"]
    assert 422 == Page(own, f"/interview?tree={editions.RETIRED}").status


def test_a_failure_is_a_page_without_details(monkeypatch: pytest.MonkeyPatch) -> None:
    """A 500 says that the server failed, and no more."""
    client = create_app(Settings(log_level="error")).test_client()
    monkeypatch.setattr("finetune_advisor.pages.interview.read_query", lambda *_: 1 / 0)
    page = Page(client, "/interview")

    assert (500, "The server failed") == (page.status, page.heading)
    assert "Traceback" not in page.html


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (BROWSER, "text/html"),
        ("*/*", "application/problem+json"),
        ("application/json", "application/problem+json"),
        ("", "application/problem+json"),
        ("text/html, application/json", "application/problem+json"),
    ],
)
def test_an_unknown_path_is_a_page_for_browsers_alone(
    client: FlaskClient, accept: str, media_type: str
) -> None:
    """Whoever doesn't prefer HTML gets the problem."""
    answer = client.get("/tre", headers={"Accept": accept})

    assert (404, media_type) == (answer.status_code, answer.mimetype)
    assert (media_type == "text/html") == ("Accept" in answer.headers.get("Vary", ""))


def test_errors_of_the_api_stay_problems(client: FlaskClient) -> None:
    """Whatever a browser accepts."""
    answer = client.get("/tree/versions/9.9.9/diagram", headers={"Accept": f"image/svg+xml,{BROWSER}"})

    assert (404, "application/problem+json") == (answer.status_code, answer.mimetype)


def test_pages_can_be_switched_off() -> None:
    """Then their paths are unknown, and everything else is as ever."""
    client = create_app(Settings(log_level="error", pages=False)).test_client()
    paths = ("/", "/interview", "/interview/plan.md", "/trees/1.0.0")
    answers = [client.get(path, headers={"Accept": BROWSER}) for path in paths]

    assert {(404, "application/problem+json")} == {(one.status_code, one.mimetype) for one in answers}
    assert [200, 200] == [client.get(path).status_code for path in ("/docs", "/tree")]


@pytest.mark.parametrize("prefix", ["", "/advisor"])
def test_links_hold_below_a_prefix_that_stays(prefix: str) -> None:
    """The style sheet and the picture as well, from each depth."""
    client = create_app(Settings(log_level="error", path_prefix="/advisor")).test_client()
    start = Page(client, f"{prefix}/")

    assert f"{prefix}/interview?tree=1.0.0" == start.follow("Start with version 1.0.0").url
    tree = start.follow("Read the tree of version 1.0.0")
    assert f"{prefix}/trees/1.0.0" == tree.url
    assert '<link rel="stylesheet" href="../static/pages.css">' in tree.html
    assert f"{prefix}/interview?tree=1.0.0" == tree.follow("Start").url
    deep = Page(client, f"{prefix}/trees/a/b/c")
    assert '<link rel="stylesheet" href="../../../static/pages.css">' in deep.html
