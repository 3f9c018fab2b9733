"""GET /interview/worksheet: an answer is worked out, and the interview goes on with it."""

from __future__ import annotations

from urllib.parse import urlencode, urljoin

import pytest
from flask.testing import FlaskClient

from tests.pages.reading import Page

TREE = "9.0.0-typed"
QUESTION = f"/interview?tree={TREE}&team=small"
WORKSHEET = f"/interview/worksheet?tree={TREE}&team=small&input=corpus_length"


def send(page: Page, **quantities: str) -> Page:
    """The page that the form of a worksheet leads to."""
    pairs = [*page.hidden, *((f"quantity.{name}", text) for name, text in quantities.items())]
    return Page(page.client, urljoin(page.url, f"worksheet?{urlencode(pairs)}"))


def test_the_interview_goes_on_with_what_was_worked_out(own: FlaskClient) -> None:
    """From the question to the worksheet, to its answer, and on to the next question."""
    question = Page(own, QUESTION)
    sheet = question.follow("Work it out")
    result = send(sheet, documents="2,000", length="10")
    onwards = result.follow("Use 26,000 tokens")

    assert {"quantity.documents": "", "quantity.length": "500"} == sheet.values
    assert "Count the files." in sheet.text
    assert "Enter a number from 0 to 100,000 (documents)." in sheet.text
    assert "26,000 tokens" in result.texts["h2"]
    assert "Documents: 2,000 documents" in result.texts["li"]
    assert {"quantity.documents": "2,000", "quantity.length": "10"} == result.values
    assert "Is the best score enough?" == onwards.heading
    assert "corpus_length=26000" in onwards.url


def test_the_way_back_leads_to_the_question(own: FlaskClient) -> None:
    """With the answers that were given before, and the answer to this one if there was any."""
    back = Page(own, f"{WORKSHEET}&corpus_length=5").follow("Back")

    assert "How large is the corpus?" == back.heading
    assert {"corpus_length": "5"} == back.values


def test_the_formula_and_its_sources_are_shown(own: FlaskClient) -> None:
    """In words, with links."""
    sheet = Page(own, WORKSHEET)

    assert "The answer is the smaller of ((Documents" in sheet.text
    assert "https://example.org/count" == sheet.links["A count"]
    assert "no-store" in sheet.headers["Cache-Control"]


def test_faults_are_told_beside_the_fields(own: FlaskClient) -> None:
    """In a summary that links to the fields, in the title, and with what was typed."""
    page = send(Page(own, WORKSHEET), documents="", length="<b>")

    assert 422 == page.status
    assert page.title.startswith("Error: Work out: Size of the corpus")
    assert "#quantity-documents" == page.links["Documents: Enter a number from 0 to 100,000, in digits"]
    assert "<b>" == page.values["quantity.length"]
    assert "<b>" not in page.html


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("input=team", "'input': tree 9.0.0-typed has no worksheet for team"),
        ("", "'input': tree 9.0.0-typed has no input"),
        (f"input={'a' * 900}", f"'input': tree 9.0.0-typed has no input {'a' * 64}…;"),
        ("input=corpus_length&input=drift", "'input': it is given more than once"),
        (
            "input=corpus_length&quantity.lenght=1",
            "'quantity.lenght': there is no such name here; did you mean length?",
        ),
        (
            "input=corpus_length&quantity.length=1&quantity.length=2",
            "'quantity.length': it is given more than once; give it once",
        ),
        ("input=corpus_length&drift=x", "'Change of the score': Enter a number"),
        ("input=corpus_length&nothing=1", "'nothing': there is no such name here"),
    ],
)
def test_a_link_that_can_not_be_read_leads_on(own: FlaskClient, query: str, problem: str) -> None:
    """With what is wrong, and a way on with the answers that can be read."""
    page = Page(own, f"/interview/worksheet?tree={TREE}&team=small&{query}")

    assert 422 == page.status
    assert any(text.startswith(problem) for text in page.texts["li"]), page.texts["li"]
    assert "How large is the corpus?" == page.follow("Go on with the answers that can be read").heading


def test_a_tree_that_is_not_served_is_told(own: FlaskClient) -> None:
    """With those that are."""
    assert "no such tree version is served" in Page(own, "/interview/worksheet?tree=9.9.9").text


def test_only_numbers_with_a_worksheet_have_a_link(own: FlaskClient) -> None:
    """A choice has none, and neither has a number without one."""
    assert "Work it out" not in Page(own, f"/interview?tree={TREE}").links
    assert "Work it out" not in Page(own, f"{QUESTION}&corpus_length=2000").links


def test_the_page_of_the_tree_has_the_formula(own: FlaskClient) -> None:
    """Below the input, in words."""
    assert "It can be worked out as the smaller of ((Documents" in Page(own, f"/trees/{TREE}").text
