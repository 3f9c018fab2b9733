"""The pages for people in a real browser without JavaScript: interviews, keyboard, sizes, accessibility."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Page

from finetune_advisor.engine.model.inputs import Value
from tests.conftest import Server, start
from tests.pages.conftest import write_own_trees
from tests.pages.reading import write
from tests.pages.test_interview import (
    FLOWCHART_PROFILES,
    TYPED_PROFILES,
    TYPED_TREE,
    WITNESSES,
)
from tests.web import linters
from tests.web.visit import PATIENCE

TIMEOUT = 30
WORDED_PROFILE: dict[str, Value] = {
    "sensitive": False,
    "half": True,
    "result": "meets",
    "worded_rows": 50,
}
SCHEMES = ("light", "dark")
NARROW = {"width": 320, "height": 640}
KINDS = {
    "start": "/",
    "question": "/interview?tree=2.0.0",
    "choices": "/interview?tree=2.0.0&rules_sufficient=false",
    "choices in words": "/interview?tree=3.0.0&earlier_tuning=none&task_kind=label",
    "comparison": f"/interview?tree={TYPED_TREE}&team=small&corpus_length=2000&question=quality",
    "faulty": f"/interview?tree={TYPED_TREE}&team=small&corpus_length=many",
    "worksheet": f"/interview/worksheet?tree={TYPED_TREE}&team=small&input=corpus_length",
    "worked out": f"/interview/worksheet?tree={TYPED_TREE}&team=small&input=corpus_length"
    "&quantity.documents=2000",
    "faulty worksheet": f"/interview/worksheet?tree={TYPED_TREE}&input=corpus_length"
    "&quantity.documents=many",
    "words": "/interview?tree=3.0.0-worded.1&sensitive=false&half=true",
    "warning": "/interview?tree=3.0.0-warned.1&waiting=true&change=warning.question",
    "plan": "/interview?tree=1.0.0&prompt_engineering_sufficient=true",
    "warned": "/interview?tree=3.0.0-warned.1&waiting=true",
    "undecided": f"/interview?tree={TYPED_TREE}&team=small&skip=corpus_length&skip=best_score"
    "&skip=needed_score&skip=drift&skip=api_usable",
    "unreadable": "/interview?nothing=1",
    "tree": "/trees/2.0.0",
    "error": "/interview/nothing",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a tree of every type of input among its own."""
    trees = tmp_path_factory.mktemp("trees")
    write_own_trees(trees)
    started = start(tmp_path_factory.mktemp("server") / "log", TREES_DIR=str(trees))
    yield started
    started.stop()


@pytest.fixture(scope="module")
def context(browser: Browser, place: Server) -> Iterator[BrowserContext]:
    """A browser without JavaScript."""
    with browser.new_context(base_url=place.url, java_script_enabled=False) as made:
        made.set_default_timeout(PATIENCE)
        yield made


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    made = context.new_page()
    yield made
    made.close()


def follow(page: Page, role: Literal["button", "link"], name: str) -> None:
    """Click, and wait for the next page: until it is there, a locator sees the old page or none."""
    with page.expect_navigation():
        page.get_by_role(role, name=name).click()


def fill_in(page: Page, profile: Mapping[str, Value]) -> None:
    """Answer the question that a page asks, by clicking and typing."""
    for name, value in profile.items():
        box = page.locator(f'input[type=text][name="{name}"]')
        choice = page.locator(f'input[type=radio][name="{name}"][value="{write(value)}"]')
        if box.count():
            box.fill(write(value))
        elif choice.count():
            choice.check()
    follow(page, "button", "Continue")


def interview(page: Page, version: str, profile: Mapping[str, Value]) -> None:
    """Go through an interview to its end."""
    page.goto(f"/interview?tree={version}")
    while page.get_by_role("button", name="Continue").count():
        fill_in(page, profile)


def require_end(page: Page, place: Server, version: str, profile: Mapping[str, Value]) -> None:
    """The page says what /assess says."""
    body = {"profile": profile, "tree_version": version}
    answer = requests.post(f"{place.url}/assess", json=body, timeout=TIMEOUT).json()

    assert answer["recommendation"]["title"] == page.locator("h1").inner_text()
    assert page.get_by_text(answer["receipt"]).count()


@pytest.mark.parametrize("profile", FLOWCHART_PROFILES, ids=str)
def test_every_path_of_the_flowchart_can_be_clicked(
    page: Page, place: Server, profile: dict[str, Any]
) -> None:
    """All twelve end as /assess says."""
    interview(page, "1.0.0", profile)

    require_end(page, place, "1.0.0", profile)


@pytest.mark.parametrize(("version", "end"), WITNESSES)
def test_every_recommendation_can_be_reached_and_printed(
    page: Page, place: Server, version: str, end: str
) -> None:
    """By clicking and typing; its plan takes two pages of A4 at most."""
    interview(page, version, WITNESSES[version, end])

    require_end(page, place, version, WITNESSES[version, end])
    assert 1 <= count_printed_pages(page) <= 2


def test_a_plan_of_the_flowchart_prints_on_few_pages(page: Page) -> None:
    """Two of A4 at most."""
    interview(page, "1.0.0", FLOWCHART_PROFILES[-1])

    assert 1 <= count_printed_pages(page) <= 2


def count_printed_pages(page: Page) -> int:
    return len(re.findall(rb"/Type\s*/Page\b", page.pdf(format="A4")))


def test_words_of_answers_can_be_clicked(page: Page, place: Server) -> None:
    """A radio button goes by its words and has its help; the plan says them."""
    page.goto("/interview?tree=3.0.0-worded.1&sensitive=false&half=true")
    choice = page.get_by_role("radio", name="It meets the target", exact=True)
    described = str(choice.get_attribute("aria-describedby"))
    page.get_by_text("It meets the target").click()
    assert choice.is_checked()
    assert "Within 1% of the target." == page.locator(f"#{described}").inner_text()
    interview(page, "3.0.0-worded.1", WORDED_PROFILE)

    require_end(page, place, "3.0.0-worded.1", WORDED_PROFILE)
    assert "It meets the target" in page.locator(".answers").inner_text()


@pytest.mark.parametrize("profile", TYPED_PROFILES, ids=str)
def test_an_own_tree_gets_the_same_pages(page: Page, place: Server, profile: dict[str, Any]) -> None:
    """With every type of input."""
    interview(page, TYPED_TREE, profile)

    require_end(page, place, TYPED_TREE, profile)


def test_answers_can_be_corrected(page: Page) -> None:
    """An error leads to its field and keeps what was typed; back, change and skip do what they say."""
    page.goto(f"/interview?tree={TYPED_TREE}&team=small")
    page.get_by_label("Size of the corpus").fill("a lot")
    follow(page, "button", "Continue")
    summary = page.get_by_role("alert").get_by_role("link")
    assert page.title().startswith("Error: ")
    assert "a lot" == page.get_by_label("Size of the corpus").input_value()
    with page.expect_navigation():
        summary.click()
    assert page.locator("#corpus_length:target").count()
    page.get_by_label("Size of the corpus").fill("1,000")
    follow(page, "button", "Continue")
    assert "Is the best score enough?" == page.locator("h1").inner_text()
    follow(page, "link", "Back")
    assert "1000" == page.get_by_label("Size of the corpus").input_value()
    follow(page, "button", "Change Who is there?")
    assert page.get_by_label("Small").is_checked()
    follow(page, "button", "I don't know yet")
    assert "I don't know yet" in page.locator(".answers").inner_text()
    page.go_back()
    assert "Who is there?" == page.locator("h1").inner_text()


def test_the_keyboard_is_enough(page: Page) -> None:
    """From the start to a plan that prints, with Tab, Space and Enter alone."""
    page.goto("/")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.locator("a.button:focus").count():
            break
    page.keyboard.press("Enter")
    page.wait_for_url("**/interview?tree=1.0.0")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.locator("input[type=radio]:focus").count():
            break
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    page.wait_for_url("**prompt_engineering_sufficient=true")

    assert page.locator(".verdict").count()


def press_until(page: Page, key: str, selector: str) -> None:
    """Press a key until an element that matches has the focus."""
    for _ in range(60):
        if page.locator(f"{selector}:focus").count():
            return
        page.keyboard.press(key)
    raise AssertionError(f"{key} never leads to {selector}")


def answer_by_keyboard(page: Page, profile: Mapping[str, Value]) -> None:
    """Answer the question that a page asks with Tab, arrows, digits and Enter."""
    for name in [str(one) for one in page.locator("input:not([type=hidden])").evaluate_all(NAMES)]:
        press_until(page, "Tab", f'input[name="{name}"]')
        if page.locator(f'input[type=text][name="{name}"]').count():
            page.keyboard.type(write(profile[name]))
        else:
            page.keyboard.press("Space")
            press_until(page, "ArrowDown", f'input[name="{name}"][value="{write(profile[name])}"]')
    with page.expect_navigation():
        page.keyboard.press("Enter")


NAMES = "fields => [...new Set(fields.map(field => field.name))]"


@pytest.mark.parametrize(
    ("version", "profile"),
    [
        ("2.0.0", next(iter(WITNESSES.values()))),
        (TYPED_TREE, TYPED_PROFILES[-1]),
        ("3.0.0-worded.1", WORDED_PROFILE),
    ],
    ids=("2.0.0", "typed", "worded"),
)
def test_an_interview_by_keyboard(
    page: Page, place: Server, version: str, profile: dict[str, Any]
) -> None:
    """From the start page to the plan, and to its first link, with every type of input."""
    page.goto("/")
    press_until(page, "Tab", f'a.button[href$="tree={version}"]')
    with page.expect_navigation():
        page.keyboard.press("Enter")
    while page.get_by_role("button", name="Continue").count():
        answer_by_keyboard(page, profile)

    require_end(page, place, version, profile)
    press_until(page, "Tab", 'main button[name="change"]')


ZOOM = 4
"""In a window that is four times as wide as NARROW."""
CUT_OFF = """() => [...document.querySelectorAll("main *, header *, footer *")].filter(element => {
  const box = element.getBoundingClientRect();
  if (element.closest(".hidden") || !box.width) return false;
  const clips = getComputedStyle(element).overflowX !== "visible";
  return box.right > innerWidth || box.left < 0 || (clips && element.scrollWidth > element.clientWidth);
}).map(element => element.outerHTML.slice(0, 120))"""


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_cut_off_at_four_times_the_size(browser: Browser, place: Server, kind: str) -> None:
    """No page scrolls sideways, and no part of one ends outside of the window or of its own box."""
    with browser.new_context(
        base_url=place.url,
        viewport=NARROW,
        device_scale_factor=ZOOM,  # type: ignore[arg-type]
    ) as context:
        page = context.new_page()
        page.goto(KINDS[kind], timeout=PATIENCE)

        assert [] == page.evaluate(CUT_OFF)
        assert NARROW["width"] == page.evaluate("document.documentElement.scrollWidth")


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_page_is_accessible(
    browser: Browser, place: Server, kind: str, scheme: Any
) -> None:
    """axe-core finds no violation at 320 px, and nothing scrolls sideways there: 400 % zoom of 1280 px.

    JavaScript is for the audit alone; the policy lets no page have it.
    """
    with browser.new_context(
        base_url=place.url,
        color_scheme=scheme,
        viewport=NARROW,
        bypass_csp=True,  # type: ignore[arg-type]
    ) as context:
        page = context.new_page()
        page.goto(KINDS[kind], timeout=PATIENCE)
        page.evaluate(linters.read_axe())
        found = page.evaluate("axe.run()")

        wide = page.evaluate("document.documentElement.scrollWidth")
        violations = [
            (one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found["violations"]
        ]
        assert [] == violations
        assert len(found["passes"]) > 10
        assert NARROW["width"] == wide


def test_the_markup_is_valid(place: Server, tmp_path: Path) -> None:
    """html-validate finds nothing on any kind of page."""
    files = []
    for kind, path in KINDS.items():
        files.append(tmp_path / f"{kind}.html")
        files[-1].write_text(requests.get(place.url + path, timeout=TIMEOUT).text)

    assert [] == linters.find_html_faults(files)


def test_nothing_comes_from_elsewhere_and_nothing_is_blocked(browser: Browser, place: Server) -> None:
    """Each kind of page loads its style and pictures from this server, and its policy blocks none."""
    with browser.new_context(base_url=place.url) as context:
        page = context.new_page()
        requested: list[str] = []
        said: list[str] = []
        page.on("request", lambda request: requested.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.on("requestfailed", lambda request: said.append(f"failed: {request.url}"))
        for path in KINDS.values():
            page.goto(path, timeout=PATIENCE)
            page.wait_for_load_state("networkidle")

    problems = [text for text in said if "responded with a status of 4" not in text]
    assert ([], []) == ([url for url in requested if not url.startswith(place.url)], problems)
    assert any("/diagram?" in url for url in requested)
    assert any(url.endswith("/static/pages.css") for url in requested)
