"""GET /tree/versions/{version}/diagram: pictures that show the whole tree, and the path of a profile."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import Mock
from urllib.parse import urlencode
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest
import requests
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from finetune_advisor.app import create_app
from finetune_advisor.engine.evaluation.exact import evaluate
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.formats import mermaid, svg
from finetune_advisor.settings import Settings
from finetune_advisor.trees import loader
from tests.api import guide
from tests.api.conftest import TYPED
from tests.conftest import StartServer
from tests.families import row_of_questions

GUIDE, TYPED_VERSION = "1.0.0", "9.0.0-typed"
NAMESPACE = "{http://www.w3.org/2000/svg}"
SVG, MERMAID = "image/svg+xml", "text/vnd.mermaid"
DECIDED = {
    "prompt_engineering_sufficient": False,
    "knowledge_retrieval_problem": False,
    "narrow_specific_task": True,
    "smaller_model_sufficient": False,
}
KNOWN: dict[str, Any] = {"team": "small", "corpus_length": 5000, "best_score": 0.5, "needed_score": 0.75}
Profile = dict[str, Any]


def query(profile: Profile) -> str:
    """A profile as query parameters: text as it is, anything else as JSON."""
    pairs = {k: v if isinstance(v, str) else json.dumps(v) for k, v in profile.items()}
    return f"?{urlencode(pairs)}" if pairs else ""


def picture(
    client: FlaskClient, accept: str, profile: Profile | None = None, version: str = GUIDE
) -> TestResponse:
    path = f"/tree/versions/{version}/diagram{query(profile or {})}"
    answer = client.get(path, headers={"Accept": accept})
    assert answer.status_code == 200, answer.text
    return answer


def drawn(client: FlaskClient, profile: Profile | None = None, version: str = GUIDE) -> Element:
    return ElementTree.fromstring(picture(client, SVG, profile, version).data)


def nodes(root: Element, style: str = "") -> list[str]:
    """The nodes of a picture, of a style if one is named."""
    groups = [one for one in root.iter(f"{NAMESPACE}g") if one.get("data-node")]
    styled = [one for one in groups if not style or style in one.get("class", "").split()]
    return [one.get("data-node", "") for one in styled]


def taken(root: Element) -> set[tuple[str | None, str | None]]:
    """The branches on the path of a picture."""
    groups = [one for one in root.iter(f"{NAMESPACE}g") if "taken" in one.get("class", "").split()]
    return {(one.get("data-from"), one.get("data-to")) for one in groups}


def styled(chart: str, style: str) -> list[str]:
    """The nodes of a Mermaid chart that have a style, without their prefix."""
    found = re.search(rf"^  class (\S+) {style}$", chart, re.MULTILINE)
    return [name[2:] for name in found[1].split(",")] if found else []


def assess(client: FlaskClient, profile: Profile, version: str) -> dict[str, Any]:
    answer = client.post("/assess", json={"profile": profile, "tree_version": version})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json
    return body


@pytest.fixture(scope="module")
def typed_tree() -> Tree:
    """The typed tree, for asking the formats directly."""
    return loader.load_tree(TYPED)


@pytest.mark.parametrize("version", [GUIDE, TYPED_VERSION])
def test_the_svg_shows_every_question_and_recommendation(typed: FlaskClient, version: str) -> None:
    """It is well-formed, says its encoding, and has the text of every node of GET /tree's body."""
    answer = picture(typed, SVG, version=version)
    tree = typed.get(f"/tree/versions/{version}").json
    boxes = {
        one.get("data-node"): re.sub(r"\s", "", "".join(one.itertext()))
        for one in ElementTree.fromstring(answer.data).iter(f"{NAMESPACE}g")
        if one.get("data-node")
    }

    assert answer.content_type == "image/svg+xml; charset=utf-8"
    assert boxes.keys() == tree["questions"].keys() | tree["recommendations"].keys()
    for name, one in tree["questions"].items():
        assert re.sub(r"\s", "", one["text"]) == boxes[name]
    for name, one in tree["recommendations"].items():
        assert boxes[name].startswith(re.sub(r"\s", "", one["title"]))


@pytest.mark.parametrize("version", [GUIDE, TYPED_VERSION])
def test_the_mermaid_chart_shows_every_question_and_branch(typed: FlaskClient, version: str) -> None:
    """It is a flowchart with the text of every question, and an edge for every branch."""
    answer = picture(typed, MERMAID, version=version)
    tree = typed.get(f"/tree/versions/{version}").json
    texts = dict(re.findall(r'^  q_(\w+)\(\["(.*)"\]\):::question$', answer.text, re.MULTILINE))
    edges = re.findall(r'^  q_(\w+) -->\|".*"\| [qr]_(\w+)$', answer.text, re.MULTILINE)

    assert answer.content_type == "text/vnd.mermaid; charset=utf-8"
    assert "\nflowchart TD\n" in answer.text
    assert {name: one["text"] for name, one in tree["questions"].items()} == {
        name: unescape(re.sub("#(\\w+);", r"&#\1;", text)) for name, text in texts.items()
    }
    assert sorted(edges) == sorted(
        (name, branch["to"]) for name, one in tree["questions"].items() for branch in one["branches"]
    )


def test_a_picture_without_a_profile_stresses_nothing(client: FlaskClient) -> None:
    """No path, no next question, and nothing fades."""
    root, chart = drawn(client), picture(client, MERMAID).text

    assert taken(root) == set()
    assert [nodes(root, style) for style in ("stressed", "next", "faded")] == [[], [], []]
    assert [styled(chart, style) for style in ("answered", "next", "faded")] == [[], [], []]
    assert "linkStyle" not in chart


def test_a_profile_s_path_stands_out(client: FlaskClient) -> None:
    """The questions of POST /assess's path and the recommendation, in order, and no others."""
    root, chart = drawn(client, DECIDED), picture(client, MERMAID, DECIDED).text
    path = ["prompt_engineering", "knowledge_retrieval", "narrow_task", "smaller_model"]

    assert nodes(root, "stressed") == [*path, "consider_finetuning"]
    assert taken(root) == {
        ("prompt_engineering", "knowledge_retrieval"),
        ("knowledge_retrieval", "narrow_task"),
        ("narrow_task", "smaller_model"),
        ("smaller_model", "consider_finetuning"),
    }
    assert sorted(styled(chart, "answered")) == sorted([*path, "consider_finetuning"])
    assert len(nodes(root, "faded")) == 18 - 5
    assert sorted(nodes(root, "faded")) == sorted(styled(chart, "faded"))


def some_profiles() -> list[tuple[str, Profile]]:
    """The same profiles each time, for both trees, complete and partial."""
    random = Random(20261122)  # not for secrets
    options: dict[str, dict[str, list[Any]]] = {
        GUIDE: {name: [False, True] for name in guide.INPUTS},
        TYPED_VERSION: {
            "team": ["solo", "small", "large"],
            "corpus_length": [0, 999, 1000, 1000000],
            "best_score": [0, 0.5, 0.75, 1],
            "needed_score": [0, 0.5, 0.75, 1],
            "drift": [-1e-7, -0.5, -0.5000000000000001, 12.5],
            "api_usable": [False, True],
        },
    }
    profiles = []
    for number in range(80):
        version = (GUIDE, TYPED_VERSION)[number % 2]
        answers = {k: random.choice(v) for k, v in options[version].items() if random.random() < 0.8}
        profiles.append((version, answers))
    return [(version, profile) for version, profile in profiles if profile]


def test_pictures_and_assessments_agree(typed: FlaskClient) -> None:
    """What stands out, what is asked next and what can't come out any more is POST /assess's, for both."""
    for version, profile in some_profiles():
        answer = assess(typed, profile, version)
        root, chart = (
            drawn(typed, profile, version),
            picture(typed, MERMAID, profile, version).text,
        )
        ends = answer["candidates"] if answer["status"] == "decided" else []
        path = [*(step["question"] for step in answer["path"]), *ends]
        asked = [answer["next_question"]["question"]] if "next_question" in answer else []
        leaves = typed.get(f"/tree/versions/{version}").json["recommendations"].keys()

        stressed = {*nodes(root, "stressed"), *(set(path) & set(nodes(root, "next")))}
        assert set(path) == stressed == set(styled(chart, "answered"))
        assert asked == nodes(root, "next") == styled(chart, "next")
        assert len(answer["path"]) == len(taken(root))
        assert leaves - set(answer["candidates"]) == leaves & set(nodes(root, "faded"))
        assert set(nodes(root, "faded")) == set(styled(chart, "faded"))


def test_typed_inputs_are_read_from_a_query(typed: FlaskClient, typed_tree: Tree) -> None:
    """Enums as text, numbers and integers as JSON writes them: the picture is that of the same profile."""
    profile = KNOWN | {"drift": -0.25, "api_usable": False}
    path = f"/tree/versions/{TYPED_VERSION}/diagram?team=small&corpus_length=5000&best_score=0.5"
    answer = typed.get(f"{path}&needed_score=0.75&drift=-0.25&api_usable=false")

    assert answer.status_code == 200
    assert answer.text == svg.render_svg(typed_tree, evaluate(typed_tree, profile))
    assert nodes(ElementTree.fromstring(answer.data), "stressed") == [
        *("staffing", "size", "quality", "stability", "hosted", "tune")
    ]


@pytest.mark.parametrize("text", ["True", "TRUE", "tRUE", "False", "FALSE"])
def test_booleans_in_a_query_are_read_in_any_case(typed: FlaskClient, text: str) -> None:
    """As in the cells of a batch file: spreadsheets write TRUE, and Python writes True."""
    answer, plain = (
        typed.get(f"/tree/versions/{TYPED_VERSION}/diagram?api_usable={written}")
        for written in (text, text.lower())
    )

    assert (200, 200) == (answer.status_code, plain.status_code)
    assert plain.data == answer.data


@pytest.mark.parametrize("accept", [SVG, MERMAID])
def test_the_bodies_are_those_of_the_formats(typed: FlaskClient, typed_tree: Tree, accept: str) -> None:
    """What is served is what the format gives for the tree and the assessment, nothing more."""
    render = {SVG: svg.render_svg, MERMAID: mermaid.render_mermaid}[accept]

    assert render(typed_tree) == picture(typed, accept, version=TYPED_VERSION).text
    assessed = render(typed_tree, evaluate(typed_tree, KNOWN))
    assert assessed == picture(typed, accept, KNOWN, TYPED_VERSION).text


@pytest.mark.parametrize(
    ("name", "writings"),
    [
        ("corpus_length", ["5000", "5000.0", "5e3", "5E%2B3"]),
        ("corpus_length", ["0", "-0", "-0.0", "0e9"]),
        ("best_score", ["0.5", "5e-1", "0.50"]),
        ("best_score", ["1", "1.0", "1e0"]),
        ("drift", ["-1", "-1.0"]),
    ],
)
def test_equal_numbers_draw_the_same(typed: FlaskClient, name: str, writings: list[str]) -> None:
    """A number has many writings in JSON and one picture."""
    known = query({key: value for key, value in KNOWN.items() if key != name})
    path = f"/tree/versions/{TYPED_VERSION}/diagram{known}"
    answers = [typed.get(f"{path}&{name}={text}") for text in writings]

    assert [answer.status_code for answer in answers] == [200] * len(writings)
    assert len({answer.data for answer in answers}) == 1


REFUSED: dict[str, list[str]] = {
    "not an integer; give a whole number": [
        *("corpus_length", "1.5", "", "%205", "5%20", "+5", "%2B5", "05", "5_000", "0x10", "true"),
        *("%225%22", "null", "NaN", "1e-1", "5,0", "[5]", "%D9%A5", "1e400", "5%00"),
    ],
    "out of range; give a value from 0 to 1000000": [
        *("corpus_length", "-1", "1000001", "1e22", "9" * 400 + "e-390", "9" * 30),
    ],
    "not a number; give one such as 0.9, without quotes": [
        *("best_score", "", "%200.5", "+0.5", "%2B0.5", ".5", "1.", "0,5", "NaN", "Infinity", "true"),
        *("%220.5%22", "null", "1e400", "-1e400", "%E2%88%921"),
    ],
    "out of range; give a value from 0 to 1": ["best_score", "1.01", "-0.01", "2", "1e300"],
    "not a known value; choose from solo, small, large": [
        *("team", "huge", "Solo", "", "%20solo", "solo%20", "%22solo%22", "solo%00", "solo,small"),
    ],
    "not a boolean; give true or false": ["api_usable", "1", "0", "yes", "", "%20true", "null"],
    "out of range; give a value from -9007199254740991 to 9007199254740991": ["drift", "1e16", "-1e300"],
}


@pytest.mark.parametrize(
    ("name", "text", "detail"),
    [(name, text, detail) for detail, (name, *texts) in REFUSED.items() for text in texts],
)
def test_what_is_no_value_of_an_input_is_refused(
    typed: FlaskClient, name: str, text: str, detail: str
) -> None:
    """422 with one error, which names the parameter and says what to give; for any version's picture."""
    for version in (GUIDE, TYPED_VERSION):
        answer = typed.get(f"/tree/versions/{version}/diagram?{name}={text}")

        assert (answer.status_code, answer.content_type) == (422, "application/problem+json")
        assert answer.json["errors"] == [{"parameter": name, "detail": detail}]


def test_inputs_of_another_version_change_nothing(typed: FlaskClient) -> None:
    """One profile can be drawn on two trees; what only the other knows makes no difference."""
    mixed = {**DECIDED, "team": "solo"}

    assert picture(typed, MERMAID, mixed).data == picture(typed, MERMAID, DECIDED).data


def test_a_picture_may_show_its_style_and_nothing_else(client: FlaskClient) -> None:
    """The policy lets an SVG's own style work, no script and no fetching, and errors keep the usual one."""
    answer, chart = picture(client, SVG), picture(client, MERMAID)
    refused = client.get("/tree/versions/1.0.0/diagram?nope=1")

    policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
    assert (answer.headers["Content-Security-Policy"], answer.headers["Vary"]) == (policy, "Accept")
    assert chart.headers["Vary"] == "Accept"
    assert "<style>" in answer.text
    assert re.findall(r'<script|\son\w+="|style="|href=', answer.text) == []
    assert refused.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"


def test_a_directory_s_tree_is_drawn_too(start_server: StartServer, typed_trees: Path) -> None:
    """Own documents have pictures as the bundled ones do."""
    started = start_server(TREES_DIR=str(typed_trees))
    answer = requests.get(f"{started.url}/tree/versions/{TYPED_VERSION}/diagram", timeout=10)

    assert answer.status_code == 200
    assert nodes(ElementTree.fromstring(answer.content))[0] == "staffing"


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """A client of an application that serves a tree of 251 questions in a row."""
    directory = tmp_path_factory.mktemp("long")
    document = json.dumps(row_of_questions(251).canonical)
    (directory / "long.yaml").write_text(document, encoding="utf-8")
    return create_app(Settings(log_level="error", trees_dir=directory)).test_client()


@pytest.mark.parametrize(
    ("accept", "status", "media_type"),
    [
        ("*/*", 200, MERMAID),
        (MERMAID, 200, MERMAID),
        (f"{SVG}, {MERMAID};q=0.1", 200, MERMAID),
        (SVG, 406, "application/problem+json"),
    ],
)
def test_a_tree_too_large_to_draw_has_mermaid_alone(
    long: FlaskClient, accept: str, status: int, media_type: str
) -> None:
    """No layout holds anybody up; the problem names what can be had."""
    answer = long.get("/tree/versions/1.2.3/diagram", headers={"Accept": accept})

    assert (status, media_type) == (answer.status_code, answer.mimetype)
    assert status == 200 or MERMAID in answer.get_json()["detail"]
    assert status == 406 or "{maxEdges: 502}" in answer.text


def test_each_picture_is_laid_out_once(typed_trees: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the first request for a picture waits for its layout; the start waits for none."""
    layouts = Mock(side_effect=svg.lay_out_boxes)
    monkeypatch.setattr(svg, "lay_out_boxes", layouts)
    client = create_app(Settings(log_level="error", trees_dir=typed_trees)).test_client()

    counts = [layouts.call_count]
    for version in ("1.0.0", "1.0.0", TYPED_VERSION):
        drawn(client, version=version)
        counts.append(layouts.call_count)
    drawn(client, KNOWN, TYPED_VERSION)

    assert [*counts, layouts.call_count] == [0, 1, 1, 2, 2]
