"""POST /assess: the guide's flowchart over HTTP, partial profiles, typed inputs, the same bytes always."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient

from finetune_advisor.trees import catalog
from tests.api import guide
from tests.conftest import Server, StartServer

GUIDE = "1.0.0"
VERSION = "9.0.0-typed"
KNOWN: dict[str, Any] = {"team": "small", "corpus_length": 5000, "best_score": 0.5, "needed_score": 0.75}
Assessment = dict[str, Any]


@pytest.fixture(scope="module")
def assessed(server: Server) -> list[tuple[guide.Profile, Assessment]]:
    """Every complete profile with its assessment, asked over one kept connection."""
    with requests.Session() as session:
        return [(profile, ask(session, server, profile)) for profile in guide.complete_profiles()]


def ask(session: requests.Session, server: Server, profile: guide.Profile) -> Assessment:
    answer = session.post(
        f"{server.url}/assess", json={"profile": profile, "tree_version": GUIDE}, timeout=10
    )
    assert answer.status_code == 200, answer.text
    assessment: Assessment = answer.json()
    return assessment


def assess(client: FlaskClient, profile: dict[str, Any], version: str | None = VERSION) -> Assessment:
    named = {"tree_version": version} if version else {}
    answer = client.post("/assess", json={"profile": profile, **named})
    assert answer.status_code == 200, answer.text
    assessment: Assessment = answer.json
    return assessment


@pytest.mark.exhaustive
def test_every_complete_profile_ends_where_the_guide_says(
    assessed: list[tuple[guide.Profile, Assessment]],
) -> None:
    """All 2,048: decided, with the guide's recommendation, path and nothing left to ask."""
    assert len(assessed) == 2048
    for profile, assessment in assessed:
        way, leaf = guide.follow(profile)
        steps = tuple((one["question"], one["input"], one["answer"]) for one in assessment["path"])
        recommended = assessment["recommendation"]
        expected = ("decided", leaf, guide.FINETUNE.get(leaf, "no"), [leaf], way)
        found = (recommended["id"], recommended["finetune"], assessment["candidates"], steps)
        assert expected == (assessment["status"], *found), profile
        assert not {"next_question", "not_needed", "ignored"} & assessment.keys()


def test_every_recommendation_says_why_and_what_next(
    assessed: list[tuple[guide.Profile, Assessment]],
) -> None:
    """No outcome without a reason and next steps; cautions exactly where fine-tuning is advised."""
    for _, assessment in assessed:
        recommended = assessment["recommendation"]
        assert all(recommended[name] for name in ("title", "summary", "reason", "next_steps"))
        assert (recommended["finetune"] != "no") == ("cautions" in recommended)


def test_a_path_and_its_reason_and_receipt_belong_together(
    assessed: list[tuple[guide.Profile, Assessment]],
) -> None:
    """Twelve paths have twelve receipts and a reason each, whatever else a profile says."""
    receipts, reasons = {}, {}
    for profile, assessment in assessed:
        way, _ = guide.follow(profile)
        receipts.setdefault(way, set()).add(assessment["receipt"])
        reasons.setdefault(way, set()).add(assessment["recommendation"]["reason"])

    assert len(receipts) == 12
    assert [len(found) for found in receipts.values()] == [1] * 12
    assert len(set().union(*receipts.values())) == 12
    assert [len(found) for found in reasons.values()] == [1] * 12


def test_a_client_can_recompute_the_receipt(client: FlaskClient) -> None:
    """The receipt is the hash of the digest and the answers on the path, as the answer itself has them."""
    answer = assess(client, {"prompt_engineering_sufficient": True, "api_usable": False}, GUIDE)
    answers = {one["input"]: one["answer"] for one in answer["path"]}
    form = {"answers": answers, "digest": answer["tree"]["digest"]}
    text = json.dumps(form, ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    assert f"sha256:{sha256(text.encode()).hexdigest()}" == answer["receipt"]


def test_the_order_of_members_makes_no_difference(client: FlaskClient) -> None:
    """A JSON object has no order: the same profile in another order has the same body."""
    profile = next(guide.complete_profiles())
    there, back = (
        client.post("/assess", json={"profile": dict(members)})
        for members in (profile.items(), reversed(profile.items()))
    )

    assert there.data == back.data


def test_the_default_version_answers_like_the_same_one_named(client: FlaskClient) -> None:
    """tree_version left out means the default version."""
    profile = {"prompt_engineering_sufficient": False}
    default = catalog.load_catalog().default

    assert assess(client, profile, default.version) == assess(client, profile, None)


def test_an_undecided_answer_has_what_can_come_out_and_what_to_ask(client: FlaskClient) -> None:
    """No recommendation; candidates in tree order; the first open question with all it takes to ask it."""
    answer = assess(client, {}, GUIDE)

    assert list(answer) == ["status", "path", "candidates", "next_question", "tree", "receipt"]
    assert answer["status"] == "undecided"
    leaves = ["use_prompt_engineering", "consider_hybrid", "use_rag", "use_smaller_model"]
    assert [*leaves, "use_base_model", "use_api", "consider_finetuning"] == answer["candidates"]
    asked = answer["next_question"]
    assert list(asked) == ["question", "text", "help", "input", "label", "type"]
    assert (asked["question"], asked["type"]) == ("prompt_engineering", "boolean")


def test_inputs_without_effect_are_not_needed(client: FlaskClient) -> None:
    """Decided early: real-time data or not, a small corpus ends in RAG, and both ways say why."""
    profile = {"prompt_engineering_sufficient": False, "knowledge_retrieval_problem": True}

    answer = assess(client, {**profile, "data_volume_very_large": False}, GUIDE)

    assert (answer["status"], answer["not_needed"]) == ("decided", ["real_time_data_needed"])
    assert "depending on their answers: (1) " in answer["recommendation"]["reason"]
    assert " (2) " in answer["recommendation"]["reason"]


def test_answering_each_next_question_comes_to_an_end(client: FlaskClient) -> None:
    """A caller that always answers the next question is asked each once, and ends where the guide says."""
    for profile in list(guide.complete_profiles())[::97]:
        known: dict[str, Any] = {}
        while (answer := assess(client, known, GUIDE))["status"] == "undecided":
            wanted = answer["next_question"]["input"]
            assert wanted not in known
            known[wanted] = profile[wanted]
        assert guide.follow(profile)[1] == answer["recommendation"]["id"]


def test_inputs_of_another_version_are_ignored_and_listed(typed: FlaskClient) -> None:
    """One profile can be sent to two versions; each lists what only the other knows, sorted."""
    profile = {"team": "solo", "prompt_engineering_sufficient": True, "api_usable": True}

    new, old = assess(typed, profile), assess(typed, profile, GUIDE)

    assert (new["ignored"], old["ignored"]) == (["prompt_engineering_sufficient"], ["team"])
    assert (new["recommendation"]["id"], old["recommendation"]["id"]) == (
        "wait",
        "use_prompt_engineering",
    )
    assert {**old, "ignored": None} == {
        **assess(typed, without(profile, "team"), GUIDE),
        "ignored": None,
    }


def without(profile: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in profile.items() if key != name}


def test_the_profile_in_the_contract_knows_every_version(typed: FlaskClient) -> None:
    """The served contract has typed inputs with ranges and units, and hoists what can be chosen."""
    schemas = typed.get("/openapi.json").json["components"]["schemas"]
    properties = schemas["Profile"]["properties"]

    assert schemas["Input_team"] == {"type": "string", "enum": ["solo", "small", "large"]}
    assert schemas["TreeVersion"]["enum"] == [*catalog.load_catalog().trees, VERSION]
    assert properties["team"]["$ref"] == "#/components/schemas/Input_team"
    assert properties["team"]["description"] == "Who does the work."
    tokens = {"type": "integer", "format": "int32", "minimum": 0, "maximum": 1000000}
    assert {**tokens, "description": "Size of the corpus. Unit: tokens."} == properties["corpus_length"]
    score = {"type": "number", "format": "double", "minimum": 0, "maximum": 1}
    assert {**score, "description": "Best score so far."} == properties["best_score"]
    assert properties["api_usable"]["type"] == "boolean"
    assert schemas["Profile"]["additionalProperties"] is False


@pytest.mark.parametrize(
    ("known", "asked"),
    [
        ([], {"input": "team", "type": "enum", "choices": ["solo", "small", "large"]}),
        (
            ["team"],
            {
                "input": "corpus_length",
                "type": "integer",
                "unit": "tokens",
                "minimum": 0,
                "maximum": 1000000,
            },
        ),
        (
            ["team", "corpus_length"],
            {"input": "best_score", "type": "number", "minimum": 0, "maximum": 1},
        ),
        (
            ["team", "corpus_length", "best_score"],
            {"input": "needed_score", "type": "number", "minimum": 0, "maximum": 1},
        ),
        (list(KNOWN), {"input": "drift", "type": "number"}),
    ],
)
def test_a_question_comes_with_what_its_answer_may_be(
    typed: FlaskClient, known: list[str], asked: dict[str, Any]
) -> None:
    """Choices, unit and range of the input are in next_question, and only where there are any."""
    answer = assess(typed, {name: KNOWN[name] for name in known})
    names = ("input", "type", "choices", "unit", "minimum", "maximum")

    assert asked == {
        name: answer["next_question"][name] for name in names if name in answer["next_question"]
    }


def test_a_comparison_shows_both_inputs(typed: FlaskClient) -> None:
    """A step that compares two inputs names the other one and its value."""
    steps = assess(typed, {**KNOWN, "drift": -1})["path"]

    compared = [
        {key: value for key, value in one.items() if key not in ("text", "branch")} for one in steps
    ]
    assert compared == [
        {"question": "staffing", "input": "team", "answer": "small"},
        {"question": "size", "input": "corpus_length", "answer": 5000},
        {
            "question": "quality",
            "input": "best_score",
            "answer": 0.5,
            "compared_to": {"input": "needed_score", "answer": 0.75},
        },
        {"question": "stability", "input": "drift", "answer": -1},
    ]


def test_each_step_says_which_branch_it_took(typed: FlaskClient) -> None:
    """In words, and as the test that GET /tree has there; of undecided profiles, too."""
    decided = assess(typed, {**KNOWN, "drift": -1})
    undecided = assess(typed, KNOWN)
    branches = [
        {"text": "small or large", "in": ["small", "large"]},
        {"text": "at least 1,000 tokens", "gte": 1000},
        {"text": "below needed_score", "lt_input": "needed_score"},
        {"text": "below -0.5", "lt": -0.5},
    ]

    assert branches == [step["branch"] for step in decided["path"]]
    assert branches[:-1] == [step["branch"] for step in undecided["path"]]
    tree = typed.get("/tree/versions/9.0.0-typed").get_json()
    for step in decided["path"]:
        test = {name: value for name, value in step["branch"].items() if name != "text"}
        tests = [
            {name: value for name, value in branch.items() if name not in ("to", "reason")}
            for branch in tree["questions"][step["question"]]["branches"]
        ]
        assert test in tests


@pytest.mark.parametrize("bound", [{"best_score": 1}, {"needed_score": 0}])
def test_a_comparison_that_can_only_go_one_way_is_decided(
    typed: FlaskClient, bound: dict[str, Any]
) -> None:
    """The best score there is meets any target, and the least target is met by any score."""
    answer = assess(typed, {"team": "large", "corpus_length": 1000, **bound})
    other = ({"best_score", "needed_score"} - bound.keys()).pop()

    assert (answer["status"], answer["not_needed"]) == ("decided", [other])


WRONG: dict[str, list[Any]] = {
    "not an integer; give a whole number": ["corpus_length", 1.5, True, False, "12", "", [], {}, [1]],
    "out of range; give a value from 0 to 1000000": ["corpus_length", -1, 1000001, 1e22, -1.0, 2**63],
    "not a number; give one such as 0.9, without quotes": ["best_score", "0.5", True, [], {}],
    "out of range; give a value from 0 to 1": ["best_score", 1.01, -0.01, 2, 1e300],
    "not a known value; choose from solo, small, large": [
        *("team", "huge", "Solo", "", " solo"),
    ],
    "not text; give one of solo, small, large in quotes": ["team", 1, True, [], {}, ["solo"]],
    "not a boolean; give true or false": ["api_usable", 1, 0, "true", "yes", 1.0, []],
    "null is not allowed; leave the field out": ["team", None],
    "out of range; give a value from -9007199254740991 to 9007199254740991": ["drift", 1e16, -1e300],
}


@pytest.mark.parametrize(
    ("name", "value", "detail"),
    [(name, value, detail) for detail, (name, *values) in WRONG.items() for value in values],
)
def test_a_value_of_another_type_or_range_is_refused(
    typed: FlaskClient, name: str, value: Any, detail: str
) -> None:
    """422 with one error, which points at the input and says what to give; for any version asked."""
    for version in (GUIDE, VERSION):
        answer = typed.post("/assess", json={"profile": {name: value}, "tree_version": version})

        assert answer.status_code == 422
        assert answer.json["errors"] == [{"pointer": f"#/profile/{name}", "detail": detail}]


@pytest.mark.parametrize("version", [2, 2.0, True, ["2.0.0"]])
def test_a_tree_version_has_to_be_text(client: FlaskClient, version: Any) -> None:
    """JSON has no number with two points; the message says how to write a version."""
    answer = client.post("/assess", json={"profile": {}, "tree_version": version})

    expected = "not text; give one of 1.0.0, 2.0.0, 3.0.0 in quotes"
    assert [{"pointer": "#/tree_version", "detail": expected}] == answer.json["errors"]


@pytest.mark.parametrize(
    ("name", "written", "read"),
    [
        ("corpus_length", "5000.0", 5000),
        ("corpus_length", "5e3", 5000),
        ("corpus_length", "1000000", 1000000),
        ("drift", "-0.0", 0),
        ("drift", "-0", 0),
        ("drift", "1.0", 1),
        ("drift", "1e-7", 1e-7),
    ],
)
def test_equal_numbers_are_one_answer(typed: FlaskClient, name: str, written: str, read: float) -> None:
    """5000, 5000.0 and 5e3 are one number to JSON: they give the same body, the number written plainly."""
    bodies = [
        json.dumps({"profile": {**KNOWN, name: "$"}, "tree_version": VERSION}).replace('"$"', text)
        for text in (written, json.dumps(read))
    ]

    first, second = (typed.post("/assess", data=one, content_type="application/json") for one in bodies)

    assert first.status_code == 200
    assert first.data == second.data
    answers = {one["input"]: json.dumps(one["answer"]) for one in first.json["path"]}
    assert json.dumps(read) == answers[name]


def test_a_real_server_serves_trees_of_a_directory(start_server: StartServer, typed_trees: Path) -> None:
    """TREES_DIR adds versions, and DEFAULT_TREE_VERSION picks the one that answers by default."""
    started = start_server(TREES_DIR=str(typed_trees), DEFAULT_TREE_VERSION=VERSION)

    answer = requests.post(
        f"{started.url}/assess", json={"profile": {"team": "solo"}}, timeout=10
    ).json()

    assert (answer["tree"]["version"], answer["recommendation"]["id"]) == (VERSION, "wait")
    versions = requests.get(f"{started.url}/tree/versions", timeout=10).json()["versions"]
    expected = {"1.0.0": False, "2.0.0": False, "3.0.0": False, VERSION: True}
    assert expected == {one["version"]: one["default"] for one in versions}
