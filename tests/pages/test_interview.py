"""GET /interview: it ends as /assess says, whichever way it takes, and helps with what it can't read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from finetune_advisor.app import create_app
from finetune_advisor.engine.evaluation.path_table import iter_paths
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.pages import site
from finetune_advisor.settings import Settings
from finetune_advisor.trees import catalog, loader
from tests.api import guide
from tests.pages.conftest import TYPED
from tests.pages.reading import Page, interview

PROGRESS = re.compile(r"(?:(\d+) to )?(\d+) questions left|Last question")
MAX_PAGE_BYTES = 40 * 1024
FLOWCHART_PROFILES = [
    {input_: answer for _, input_, answer in way}
    for way in sorted({guide.follow(profile)[0] for profile in guide.complete_profiles()})
]
"""The answers on each of the twelve paths of tree 1.0.0."""
TYPED_TREE = "9.0.0-typed"
TYPED_PROFILES: list[dict[str, Any]] = [
    {"team": "solo"},
    {"team": "large", "corpus_length": 999},
    {"team": "small", "corpus_length": 1000, "best_score": 0.5, "needed_score": 0.5},
    {"team": "small", "corpus_length": 2000, "best_score": 0.5, "needed_score": 0.8, "drift": -0.75},
]
TYPED_PROFILES.append(TYPED_PROFILES[-1] | {"drift": 2, "api_usable": False})


def load_bundled(version: str) -> Tree:
    """A bundled tree."""
    return loader.load_tree(catalog.BUNDLED_TREES_DIR / f"{version}.yaml")


def witnesses(tree: Tree) -> dict[str, dict[str, Any]]:
    """A profile for each recommendation of a tree."""
    found: dict[str, dict[str, Any]] = {}
    for path in iter_paths(tree):
        positions = path.region.witness()
        asked = {name for node, _ in path.steps for name in tree.questions[node].inputs}
        answers = {name: tree.inputs[name].value(positions[name]) for name in asked if name in positions}
        found.setdefault(path.node, answers | {n: 1 for n in asked if n not in answers})
    return found


WITNESSES = {
    (version, end): profile
    for version in ("2.0.0", "3.0.0")
    for end, profile in witnesses(load_bundled(version)).items()
}
"""A profile for each recommendation of the larger bundled trees, by version and recommendation."""


def require_same_as_api(client: FlaskClient, page: Page, version: str, profile: dict[str, Any]) -> None:
    """The last page of an interview says what /assess says of the same answers."""
    answer = client.post("/assess", json={"profile": profile, "tree_version": version}).json
    plan = client.get(page.links["Download as JSON"]).json

    assert answer == plan["assessment"]
    assert answer["recommendation"]["title"] == page.heading
    assert answer["receipt"] in page.texts["code"]
    said = page.text
    for part in ("prerequisites", "next_steps", "data_needed", "evaluation", "risks", "cautions"):
        for item in answer["recommendation"].get(part, []):
            assert " ".join(item.split()) in said


@pytest.mark.parametrize("profile", FLOWCHART_PROFILES, ids=str)
def test_every_path_of_the_flowchart_ends_as_assess_says(
    client: FlaskClient, profile: dict[str, Any]
) -> None:
    """All twelve, question by question."""
    *questions, plan = interview(client, "1.0.0", profile)

    require_same_as_api(client, plan, "1.0.0", profile)
    assert len(profile) == len(questions)


@pytest.mark.exhaustive
@pytest.mark.parametrize(("version", "end"), WITNESSES)
def test_every_recommendation_is_reached(client: FlaskClient, version: str, end: str) -> None:
    """With numbers, choices and comparisons."""
    profile = WITNESSES[version, end]
    *_, plan = interview(client, version, profile)
    given = dict(client.get(plan.links["Download as JSON"]).json["assessment"])

    assert end == given["recommendation"]["id"]
    require_same_as_api(client, plan, version, profile)


@pytest.mark.parametrize("profile", TYPED_PROFILES, ids=str)
def test_an_own_tree_gets_the_same_pages(own: FlaskClient, profile: dict[str, Any]) -> None:
    """A tree with inputs of every type, with and without limits."""
    *_, plan = interview(own, TYPED_TREE, profile)

    require_same_as_api(own, plan, TYPED_TREE, profile)


@pytest.mark.exhaustive
@pytest.mark.parametrize(("version", "end"), WITNESSES)
def test_progress_holds(client: FlaskClient, version: str, end: str) -> None:
    """At each question, what is left lies within what was said."""
    *questions, _ = interview(client, version, WITNESSES[version, end])

    for place, page in enumerate(questions):
        [progress] = [one for one in map(PROGRESS.fullmatch, page.words) if one]
        most = int(progress[2] or 1)
        fewest = int(progress[1] or most)
        assert fewest <= len(questions) - place <= most


def test_pages_are_small(client: FlaskClient) -> None:
    """None but a tree's is over 40 KB with its style."""
    style = (Path(site.__file__).parent / "static" / "pages.css").stat().st_size
    sizes = [
        len(page.html.encode())
        for (version, _), profile in WITNESSES.items()
        for page in interview(client, version, profile)
    ]

    assert max(*sizes, len(client.get("/").data)) + style <= MAX_PAGE_BYTES


def test_an_answer_can_be_changed(client: FlaskClient) -> None:
    """Its link asks again with the answer filled in; the other answers stay."""
    profile = {"prompt_engineering_sufficient": False, "knowledge_retrieval_problem": True}
    page = Page(client, "/interview?tree=1.0.0").answer(profile).answer(profile)
    again = page.follow("Is prompt engineering alone enough?")

    assert "Is prompt engineering alone enough?" == again.heading
    assert {"prompt_engineering_sufficient": "false"} == again.values
    assert ("knowledge_retrieval_problem", "true") in again.hidden
    end = again.answer({"prompt_engineering_sufficient": True})
    assert "Use prompt engineering" in end.heading or end.status == 200
    assert not end.choices


def test_back_leads_to_the_question_before(client: FlaskClient) -> None:
    """And from the first one to the start."""
    first = Page(client, "/interview?tree=1.0.0")
    second = first.answer({"prompt_engineering_sufficient": False})

    assert first.heading == second.follow("Back").heading
    assert "/" == first.follow("Back").url


def test_what_is_not_known_is_skipped(client: FlaskClient) -> None:
    """The interview goes on, says what is still possible, and takes the answer later."""
    page = Page(client, "/interview?tree=1.0.0")
    while page.choices:
        page = page.dont_know()

    assert "Not decided yet" == page.heading
    assert "12 questions left" not in page.text
    assert page.text.count("I don't know yet") >= 5
    assert "Answers that would settle it" in page.texts["h2"]
    settled = page.follow("Yes")
    again = page.follow("Is prompt engineering alone enough?")
    assert 200 == settled.status
    assert (200, "Is prompt engineering alone enough?") == (again.status, again.heading)


def test_skipping_one_of_two_numbers_skips_the_comparison(own: FlaskClient) -> None:
    """What was typed beside it is kept, and the interview goes on."""
    start = f"/interview?tree={TYPED_TREE}&team=small&corpus_length=5000"
    page = Page(own, start)
    after = page.send(("best_score", "0.5"), ("needed_score", ""), ("skip", page.skip))

    assert ["best_score", "needed_score"] == list(page.choices)
    assert "Does the score fall?" == after.heading
    assert ("best_score", "0.5") in after.hidden
    assert ("skip", "needed_score") in after.hidden


@pytest.mark.parametrize(
    ("typed", "kept"), [("1,000", "1000"), (" 1000 ", "1000"), ("1e3", "1000"), ("1000.0", "1000")]
)
def test_numbers_are_read_as_people_write_them(own: FlaskClient, typed: str, kept: str) -> None:
    """With commas, spaces or an exponent; the URL has their one form."""
    page = Page(own, f"/interview?tree={TYPED_TREE}&team=small").send(("corpus_length", typed))

    assert f"corpus_length={kept}" in page.url
    assert "Is the best score enough?" == page.heading


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("", "Enter a whole number from 0 to 1,000,000, or choose 'I don't know yet'"),
        ("many", "Enter a whole number from 0 to 1,000,000, in digits"),
        ("12.5", "Enter a whole number from 0 to 1,000,000, without decimals"),
        ("-1", "Enter a whole number from 0 to 1,000,000"),
        ("1e999", "Enter a whole number from 0 to 1,000,000"),
        ("9" * 8000, "Enter a whole number from 0 to 1,000,000, in digits"),
        ("<script>alert(1)</script>", "Enter a whole number from 0 to 1,000,000, in digits"),
    ],
)
def test_a_faulty_number_is_explained(own: FlaskClient, typed: str, message: str) -> None:
    """With a summary that leads to the field, the title marked, and what was typed kept."""
    page = Page(own, f"/interview?tree={TYPED_TREE}&team=small").send(("corpus_length", typed))

    assert 422 == page.status
    assert page.title.startswith("Error: How large is the corpus?")
    assert "#corpus_length" == page.links[f"Size of the corpus: {message}"]
    assert typed[:200] == page.values["corpus_length"]
    assert message in page.words
    assert "<script" not in page.html


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("question=staffing", "Who does the work: Choose an answer, or 'I don't know yet'"),
        ("team=nobody", "Who does the work: Choose one of the answers that are listed"),
        ("team=solo&team=small", "Who does the work: Give one answer; the link gives several"),
        ("teem=solo", "'teem': there is no such name here; did you mean team?"),
        ("x=" + "y" * 8000, "'x': there is no such name here; remove it"),
        ("%3Cb%3E=1", "'<b>': there is no such name here; remove it"),
        ("skip=nothing", "'skip=nothing': the tree asks about nothing of that name"),
        ("change=nothing", "'change=nothing': the tree has no such question"),
        ("question=staffing&question=size", "'question': it is given more than once"),
        ("&".join(f"n{number}=1" for number in range(500)), "480 more names aren't known"),
    ],
)
def test_a_hostile_query_gets_a_page_that_helps(own: FlaskClient, query: str, said: str) -> None:
    """It says what is wrong, and the way on leads to a question."""
    page = Page(own, f"/interview?tree={TYPED_TREE}&{query}")

    assert 422 == page.status
    assert page.title.startswith("Error: ")
    assert said in page.text
    assert "<b>" not in page.html
    words = "Go on with the answers that can be read"
    assert page.choices or page.follow(words).choices


@pytest.mark.parametrize("version", ["9.9.9", "%3Cscript%3E", "8.1.0"])
def test_an_unknown_version_is_explained(own: FlaskClient, version: str) -> None:
    """With those that are served."""
    page = Page(own, f"/interview?tree={version}")

    assert 422 == page.status
    assert "no such tree version is served" in page.text
    assert "Go to the start page" in page.links


def test_an_input_may_be_called_as_the_query_needs_it(tmp_path: Path) -> None:
    """It gets another name there."""
    text = TYPED.read_text().replace("api_usable", "skip").replace("team", "tree")
    (tmp_path / "own.yaml").write_text(text)
    client = create_app(Settings(log_level="error", trees_dir=tmp_path)).test_client()
    names = {"team": "tree.", "api_usable": "skip."}
    profile = {names.get(name, name): value for name, value in TYPED_PROFILES[-1].items()}
    *_, plan = interview(client, TYPED_TREE, profile)

    assert "Tune" == plan.heading


def test_a_counterfactual_is_a_link_that_applies_it(client: FlaskClient) -> None:
    """It leads to the recommendation that it names."""
    *_, plan = interview(client, "1.0.0", {"prompt_engineering_sufficient": True})
    titles = {one.title for one in load_bundled("1.0.0").recommendations.values()}
    words = next(words for words in plan.links if words in titles)

    assert words == plan.follow(words).heading


def test_the_downloads_say_what_the_page_says(client: FlaskClient) -> None:
    """As a Markdown file, and as the answer of /assess/explain."""
    *_, plan = interview(client, "1.0.0", {"prompt_engineering_sufficient": True})
    markdown = client.get(plan.links["Download as Markdown"])
    faulty = client.get("/interview/plan.md?prompt_engineering_sufficient=perhaps")
    unknown = client.get("/interview/plan.md?tree=7")

    assert markdown.text.startswith(f"# {plan.heading}\n\nFine-tune: **no**\n")
    assert "## Next steps\n\n1. " in markdown.text
    assert "## What would change this\n\n- " in markdown.text
    assert 'attachment; filename="fine-tuning-plan.md"' == markdown.headers["Content-Disposition"]
    assert [422, 422] == [faulty.status_code, unknown.status_code]
    assert 404 == client.get("/interview/plan.pdf").status_code


def test_interviews_are_private(client: FlaskClient) -> None:
    """Nothing keeps or indexes them, and no script may run."""
    *_, plan = interview(client, "1.0.0", {"prompt_engineering_sufficient": True})

    for url in ("/interview", plan.url, plan.links["Download as JSON"]):
        headers = client.get(url).headers
        assert ("no-store", "noindex") == (headers["Cache-Control"], headers["X-Robots-Tag"])
        assert "no-referrer" == headers["Referrer-Policy"]
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src 'self'")
        assert "unsafe" not in policy
        assert "script" not in policy


def test_a_plan_is_counted_once_where_it_is_shown(own: FlaskClient) -> None:
    """Questions, downloads and HEAD aren't."""
    metrics = own.application.extensions["metrics"]

    def count() -> float:
        metrics.flush()
        labels = {"tree_version": "1.0.0", "status": "decided", "finetune": "no"}
        found = metrics.registry.get_sample_value(
            "finetune_advisor_assessments_total",
            {**labels, "recommendation": "use_prompt_engineering", "endpoint": "interview"},
        )
        return found or 0

    before = count()
    *_, plan = interview(own, "1.0.0", {"prompt_engineering_sufficient": True})
    own.get(plan.links["Download as JSON"])
    own.head(plan.url)

    assert before + 1 == count()


def test_answers_have_the_words_of_the_author(own: FlaskClient) -> None:
    """Radio buttons have them as labels, with the help of each choice; the plan and the tree repeat them."""
    start = Page(own, "/interview?tree=3.0.0-worded.1")
    result = Page(own, "/interview?tree=3.0.0-worded.1&sensitive=false&half=true")
    plan = Page(
        own, "/interview?tree=3.0.0-worded.1&sensitive=false&half=true&result=meets&worded_rows=50"
    )

    assert ["It stays <inside>", "A contract covers it"] == start.texts["label"]
    assert ["Nobody measured it", "Far below", "It meets the target"] == result.texts["label"]
    assert 'id="result-3-choice">Within 1% of the target.' in result.html
    assert 'id="result-3" aria-describedby="result-3-choice"' in result.html
    assert ["A contract covers it", "Surely", "It meets the target"] == plan.texts["dd"][0:6:2]
    assert "if “Where the data may go”: It stays <inside> (now A contract covers it)" in plan.text
    assert "Nobody measured it or Far below" in Page(own, "/trees/3.0.0-worded.1").texts["strong"]


WARNED_PLAN = "/interview?tree=3.0.0-warned.1&waiting=true"
CAN_WARN = "These answers can add warnings"


def test_a_plan_asks_what_only_warnings_look_at(own: FlaskClient) -> None:
    """Never before the decision; the answer is listed, can be changed, and leaves the outcome alone."""
    before = Page(own, "/interview?tree=3.0.0-warned.1")
    plan = Page(own, WARNED_PLAN)
    question = plan.follow("Rows at hand")
    faulty = question.answer({"warned_rows": "few"})
    answered = faulty.answer({"warned_rows": 5})

    assert ["Rows at hand"] == [one for one in plan.texts["button"] if one != "Change"]
    assert CAN_WARN not in before.text
    assert "Last question" in before.words
    assert (["warned_rows"], "Rows at hand") == ([*question.choices], question.heading)
    assert (422, "few") == (faulty.status, faulty.values["warned_rows"])
    assert "Rows are few." in answered.text
    assert plan.heading == answered.heading == "Wait"
    assert CAN_WARN not in answered.text
    assert "5 rows" in answered.texts["dd"]
    assert {"warned_rows": "5"} == answered.follow("Rows at hand").values


def test_a_plan_asks_only_for_warnings_that_can_come(own: FlaskClient) -> None:
    """Not for one that goes with another outcome or that an answer contradicts, nor for what isn't known."""
    other = Page(own, "/interview?tree=3.0.0-warned.1&waiting=false")
    plan = Page(own, WARNED_PLAN)
    skipped = plan.follow("Rows at hand").dont_know()

    assert CAN_WARN not in other.text
    assert "Who asks" not in plan.text
    assert CAN_WARN not in skipped.text
    assert "I don't know yet" in skipped.texts["dd"]


def test_a_link_with_a_faulty_answer_for_a_warning_asks_for_it(own: FlaskClient) -> None:
    """On a page of its own, even if its name is that of a parameter."""
    page = Page(own, f"{WARNED_PLAN}&question.=nobody")

    assert (422, "Who asks") == (page.status, page.heading)


def test_what_would_settle_a_plan_changes_no_answer(client: FlaskClient) -> None:
    """It only adds answers, on the page and in Markdown; the JSON has all changes, as the API has."""
    page = Page(client, "/interview?tree=1.0.0&prompt_engineering_sufficient=false")
    while page.choices:
        page = page.dont_know()
    section = page.html.partition("Answers that would settle it")[2].partition("</section>")[0]
    links = re.findall(r'<a href="([^"]*)"', section)
    markdown = client.get(page.links["Download as Markdown"]).text
    given = client.get(page.links["Download as JSON"]).json["counterfactuals"]

    assert "Not decided yet" == page.heading
    assert links
    assert all("prompt_engineering_sufficient=false" in link for link in links)
    assert "(now " not in section
    assert "(now " not in markdown.partition("## Answers that would settle it\n")[2]
    assert any("from" in change for one in given for change in one["changes"])


def test_a_label_that_repeats_the_heading_is_hidden(client: FlaskClient) -> None:
    """Even if the heading ends with a question mark; screen readers still have it."""
    same = Page(client, "/interview?tree=2.0.0&change=failure_kind")
    other = Page(client, "/interview?tree=1.0.0")

    assert "What goes wrong in the failed cases?" == same.heading
    assert '<legend class="hidden">What goes wrong in the failed cases</legend>' in same.html
    assert '<legend class="hidden">' not in other.html
