"""POST /assess/explain: every claim of an explanation, replayed through POST /assess."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from random import Random
from typing import Any

import pytest
from flask.testing import FlaskClient
from ruamel.yaml import YAML

from finetune_advisor.app import create_app
from finetune_advisor.settings import Settings
from tests.api import guide
from tests.conftest import ROOT

GUIDE = "1.0.0"
TYPED = "9.0.0-typed"
Profile = dict[str, Any]
Body = dict[str, Any]
Replay = Callable[[Profile], Body]
SMALL: Profile = {
    "team": "small",
    "corpus_length": 0,
    "best_score": 0,
    "needed_score": 0.75,
    "drift": 0,
    "api_usable": False,
}


def some_profiles(count: int) -> list[Profile]:
    """The same profiles each time: every other one complete, the rest with some answers left out."""
    random = Random(20261122)  # not for secrets
    profiles = []
    for number in range(count):
        known = [name for name in guide.INPUTS if number % 2 or random.random() < 0.6]
        # Most complete profiles say that prompting is not enough, or they would all end there.
        answers = {name: random.random() < 0.5 for name in known}
        if number % 5 and "prompt_engineering_sufficient" in answers:
            answers["prompt_engineering_sufficient"] = False
        profiles.append(answers)
    return profiles


PROFILES = some_profiles(200)


def explain(client: FlaskClient, profile: Profile, **more: Any) -> Body:
    answer = client.post("/assess/explain", json={"profile": profile, **more})
    assert answer.status_code == 200, answer.text
    explanation: Body = answer.json
    return explanation


def replays(client: FlaskClient, version: str) -> Replay:
    """POST /assess of a version, asked once for each profile."""

    @cache
    def known(text: str) -> Body:
        body = {"profile": json.loads(text), "tree_version": version}
        answer = client.post("/assess", json=body)
        assert answer.status_code == 200, answer.text
        assessment: Body = answer.json
        return assessment

    return lambda profile: known(json.dumps(profile, sort_keys=True))


@pytest.fixture(scope="module")
def replay(client: FlaskClient) -> Replay:
    return replays(client, GUIDE)


@pytest.fixture(scope="module")
def explained(client: FlaskClient) -> list[tuple[Profile, Body]]:
    """The profiles of these tests, each with its explanation by tree 1.0.0."""
    return [(profile, explain(client, profile, tree_version=GUIDE)) for profile in PROFILES]


def changed(profile: Profile, counterfactual: Body) -> Profile:
    """A profile with a counterfactual's changes made."""
    return profile | {one["input"]: one["to"] for one in counterfactual["changes"]}


def test_the_profiles_are_of_many_kinds() -> None:
    """Complete and partial ones, some of which are decided early, with every recommendation among them."""
    complete = [profile for profile in PROFILES if len(profile) == 11]

    assert 100 <= len(complete) < 200
    assert {guide.follow(profile)[1] for profile in complete} == {
        to for _, *ends in guide.FLOWCHART.values() for to in ends if to not in guide.FLOWCHART
    }


@pytest.mark.exhaustive
def test_every_counterfactual_replays_to_its_target(
    explained: list[tuple[Profile, Body]], replay: Replay
) -> None:
    """With its changes made, POST /assess decides for the recommendation that it names, another one."""
    seen = 0
    for profile, explanation in explained:
        for one in explanation["counterfactuals"]:
            answer = replay(changed(profile, one))
            assert ("decided", one["recommendation"]) == (
                answer["status"],
                answer["recommendation"]["id"],
            )
            assert [one["recommendation"]] != explanation["assessment"]["candidates"]
            seen += 1

    assert seen > 1000


@pytest.mark.exhaustive
def test_no_change_of_a_counterfactual_can_be_left_out(
    explained: list[tuple[Profile, Body]], replay: Replay
) -> None:
    """Without any one of its changes, a counterfactual doesn't lead to its recommendation."""
    for profile, explanation in explained[::4]:
        for one in explanation["counterfactuals"]:
            for kept in one["changes"]:
                fewer = [change for change in one["changes"] if change is not kept]
                answer = replay(changed(profile, {"changes": fewer}))
                assert [one["recommendation"]] != answer["candidates"]


def test_a_change_says_from_what_unless_it_was_unknown(explained: list[tuple[Profile, Body]]) -> None:
    """`from` is the given answer; where there was none, it is left out; `to` is another answer."""
    kinds = set()
    for profile, explanation in explained:
        for one in explanation["counterfactuals"]:
            for change in one["changes"]:
                given = {"from": profile[change["input"]]} if change["input"] in profile else {}
                assert change == {"input": change["input"], **given, "to": change["to"]}
                assert change["to"] is not profile.get(change["input"])
                kinds.add(tuple(change))
            inputs = [change["input"] for change in one["changes"]]
            assert sorted(set(inputs), key=guide.INPUTS.index) == inputs

    assert kinds == {("input", "from", "to"), ("input", "to")}


def test_the_nearest_come_first_and_none_twice(explained: list[tuple[Profile, Body]]) -> None:
    """Counterfactuals are listed by how many answers change, each once."""
    for _, explanation in explained:
        sizes = [len(one["changes"]) for one in explanation["counterfactuals"]]
        assert sorted(sizes) == sizes
        texts = [json.dumps(one) for one in explanation["counterfactuals"]]
        assert len(set(texts)) == len(texts)


def test_the_assessment_inside_is_that_of_assess(
    explained: list[tuple[Profile, Body]], replay: Replay
) -> None:
    """Member for member, in the same order."""
    for profile, explanation in explained:
        assert json.dumps(replay(profile)) == json.dumps(explanation["assessment"])


def test_a_sufficient_reason_alone_gives_the_same_recommendation(
    explained: list[tuple[Profile, Body]], replay: Replay
) -> None:
    """Its inputs are given ones, in the tree's order; posted alone they decide alike, less than them not."""
    for profile, explanation in explained:
        assessment = explanation["assessment"]
        assert ("sufficient_reason" in explanation) == (assessment["status"] == "decided")
        reason = explanation.get("sufficient_reason", [])
        assert sorted(reason, key=guide.INPUTS.index) == reason
        alone = {name: profile[name] for name in reason}
        if reason:
            assert assessment["recommendation"]["id"] == replay(alone)["recommendation"]["id"]
        for name in reason:
            fewer = {key: value for key, value in alone.items() if key != name}
            assert replay(fewer)["status"] == "undecided"


@pytest.mark.exhaustive
def test_sensitivity_replays(explained: list[tuple[Profile, Body]], replay: Replay) -> None:
    """Each input has every answer but the given one, with what POST /assess makes of it alone."""
    for profile, explanation in explained:
        assert guide.INPUTS == [one["input"] for one in explanation["sensitivity"]]
        for one in explanation["sensitivity"]:
            answers = {False, True} - {profile.get(one["input"])}
            assert sorted(answers) == [outcome["answer"] for outcome in one["outcomes"]]
            for outcome in one["outcomes"]:
                answer = replay(profile | {one["input"]: outcome["answer"]})
                decided = {"recommendation": answer["candidates"][0]}
                expected = decided if answer["status"] == "decided" else {}
                assert outcome == {
                    "answer": outcome["answer"],
                    **expected,
                    "candidates": answer["candidates"],
                }


def test_a_target_leaves_its_counterfactuals_only(
    client: FlaskClient, explained: list[tuple[Profile, Body]]
) -> None:
    """`target` picks from the whole list those that lead there, and changes nothing else."""
    for number, (profile, whole) in enumerate(explained[::5]):
        leaves = sorted({one["recommendation"] for one in whole["counterfactuals"]})
        target = leaves[number % len(leaves)]
        narrowed = explain(client, profile, target=target)
        wanted = [one for one in whole["counterfactuals"] if one["recommendation"] == target]

        assert wanted == narrowed["counterfactuals"]
        assert {**whole, "counterfactuals": wanted} == narrowed


def test_the_recommendation_itself_as_target_needs_no_change(client: FlaskClient) -> None:
    """Nothing has to change to get where a profile is."""
    profile = {"prompt_engineering_sufficient": True}

    assert explain(client, profile, target="use_prompt_engineering")["counterfactuals"] == []


def test_frozen_inputs_stay(client: FlaskClient, explained: list[tuple[Profile, Body]]) -> None:
    """`frozen` picks those that leave its inputs alone; given twice is given once."""
    random = Random(1)  # not for secrets
    for profile, whole in explained[::5]:
        frozen = random.sample(guide.INPUTS, 3)
        narrowed = explain(client, profile, frozen=[*frozen, frozen[0]])
        wanted = [
            one
            for one in whole["counterfactuals"]
            if not set(frozen) & {change["input"] for change in one["changes"]}
        ]

        assert {**whole, "counterfactuals": wanted} == narrowed


def test_everything_frozen_leaves_nothing_to_change(client: FlaskClient) -> None:
    """With every input frozen there is no counterfactual."""
    assert explain(client, {}, frozen=guide.INPUTS)["counterfactuals"] == []


@pytest.mark.parametrize("limit", [1, 2, 1000])
def test_a_limit_keeps_the_nearest(
    client: FlaskClient, explained: list[tuple[Profile, Body]], limit: int
) -> None:
    """`limit` cuts the list and says so, and nothing else."""
    for profile, whole in explained[::20]:
        narrowed = explain(client, profile, limit=limit)

        kept = whole["counterfactuals"][:limit]
        cut = len(kept) < len(whole["counterfactuals"])
        assert {**whole, "counterfactuals": kept, "truncated": cut} == narrowed


def test_without_a_limit_there_are_twenty_at_most(client: FlaskClient) -> None:
    """A list that nobody limits is cut after 20, as the contract says."""
    profile = YAML(typ="safe").load(ROOT / "examples" / "03-column-lineage.yaml")
    asked = {"profile": profile, "tree_version": "2.0.0"}

    every, some = (
        explain(client, **asked, **limit)["counterfactuals"] for limit in ({"limit": 1000}, {})
    )

    assert len(every) > 20
    assert every[:20] == some


def test_all_that_narrows_goes_together(client: FlaskClient) -> None:
    """The limit counts what target and frozen leave."""
    profile = dict.fromkeys(guide.INPUTS, False)
    asked = {"target": "consider_finetuning", "frozen": ["consistent_style_needed"]}
    every = explain(client, profile, **asked)["counterfactuals"]

    assert sorted(change["input"] for one in every for change in one["changes"]) == [
        "data_sensitive",
        "deep_domain_expertise_needed",
        "narrow_specific_task",
    ]
    assert every[:2] == explain(client, profile, **asked, limit=2.0)["counterfactuals"]


@pytest.fixture(scope="module")
def replay_typed(typed: FlaskClient) -> Replay:
    return replays(typed, TYPED)


def typed_profiles(count: int) -> list[Profile]:
    """Profiles for the typed tree, with numbers at its thresholds, next to them and at the ends."""
    random = Random(7)  # not for secrets
    options: dict[str, list[Any]] = {
        "team": ["solo", "small", "large"],
        "corpus_length": [0, 999, 1000, 1001, 1000000],
        "best_score": [0, 5e-324, 0.5, 0.7500000000000001, 1],
        "needed_score": [0, 0.5, 0.75, 1],
        "drift": [-0.5000000000000001, -0.5, -0.49999999999999994, 0, 7],
        "api_usable": [False, True],
    }
    return [
        {name: random.choice(values) for name, values in options.items() if random.random() < 0.8}
        for _ in range(count)
    ]


@pytest.mark.exhaustive
def test_explanations_of_numbers_replay(typed: FlaskClient, replay_typed: Replay) -> None:
    """With integers, numbers, enums and comparisons too, each claim is what POST /assess says."""
    for profile in [{}, SMALL, *typed_profiles(60)]:
        explanation = explain(typed, profile, tree_version=TYPED)
        for one in explanation["counterfactuals"]:
            assert [one["recommendation"]] == replay_typed(changed(profile, one))["candidates"]
            given = {c["input"]: c["from"] for c in one["changes"] if "from" in c}
            assert given == {
                c["input"]: profile[c["input"]] for c in one["changes"] if c["input"] in profile
            }
        for one in explanation["sensitivity"]:
            for outcome in one["outcomes"]:
                ends = [outcome[end] for end in ("minimum", "maximum") if end in outcome]
                assert not ends or ends[0] <= outcome["answer"] <= ends[1]
                for value in (outcome["answer"], *ends):
                    answer = replay_typed(profile | {one["input"]: value})
                    assert answer["candidates"] == outcome["candidates"]
        if "sufficient_reason" in explanation:
            alone = {name: profile[name] for name in explanation["sufficient_reason"]}
            assert explanation["assessment"]["candidates"] == replay_typed(alone)["candidates"]


def test_the_nearest_number_is_given(typed: FlaskClient) -> None:
    """A threshold is crossed by a number with as few decimals as it has; a given 0 or false is a `from`."""
    profile = SMALL | {"corpus_length": 1000, "drift": -0.5, "api_usable": True}
    found = explain(typed, profile, tree_version=TYPED, target="tune")["counterfactuals"]
    before = explain(typed, SMALL, tree_version=TYPED, target="tune")["counterfactuals"]

    assert [one["changes"] for one in found] == [
        [{"input": "api_usable", "from": True, "to": False}],
        [{"input": "drift", "from": -0.5, "to": -0.6}],
    ]
    assert before == [
        {"recommendation": "tune", "changes": [{"input": "corpus_length", "from": 0, "to": 1000}]}
    ]


def test_a_false_and_a_zero_are_given_answers(typed: FlaskClient) -> None:
    """Answers that count as nothing elsewhere are reported as the answers that they are."""
    profile = SMALL | {"corpus_length": 1000}
    found = explain(typed, profile, tree_version=TYPED, target="wait")["counterfactuals"]
    changes = {one["changes"][0]["input"]: one["changes"] for one in found if len(one["changes"]) == 1}

    assert changes["api_usable"] == [{"input": "api_usable", "from": False, "to": True}]
    assert changes["best_score"] == [{"input": "best_score", "from": 0, "to": 0.75}]
    assert changes["corpus_length"] == [{"input": "corpus_length", "from": 1000, "to": 999}]


@pytest.mark.parametrize("profile", [{}, {"prompt_engineering_sufficient": True}])
@pytest.mark.parametrize("named", [{}, {"tree_version": GUIDE}], ids=["default", "named"])
def test_nothing_leads_to_a_target_of_another_version(
    typed: FlaskClient, profile: Profile, named: dict[str, Any]
) -> None:
    """It is accepted, as inputs of another version are; the list is empty, and that is all of it."""
    found = explain(typed, profile, target="wait", **named)
    plain = explain(typed, profile, **named)

    assert ([], False) == (found["counterfactuals"], found["truncated"])
    assert {**plain, "counterfactuals": [], "truncated": False} == found
    assert explain(typed, {}, target="wait", tree_version=TYPED)["counterfactuals"]


def test_inputs_of_another_version_are_ignored(typed: FlaskClient) -> None:
    """In a profile they are listed as ignored; frozen, they make no difference."""
    profile = {"team": "solo", "prompt_engineering_sufficient": True}
    explanation = explain(typed, profile, tree_version=GUIDE, frozen=["team", "drift"])

    assert explanation["assessment"]["ignored"] == ["team"]
    assert explanation["sufficient_reason"] == ["prompt_engineering_sufficient"]
    assert guide.INPUTS == [one["input"] for one in explanation["sensitivity"]]
    plain = explain(typed, {"prompt_engineering_sufficient": True}, tree_version=GUIDE)
    assert plain["counterfactuals"] == explanation["counterfactuals"]


WRONG = {
    "target": ("nowhere", "#/target", "not a known value; choose from use_prompt_engineering, "),
    "frozen": (["data_sensitve"], "#/frozen/0", "not a known value; choose from prompt_engineering_suf"),
    "limit": (0, "#/limit", "out of range; give a value from 1 to 1000"),
    "tree_version": ("9.9.9", "#/tree_version", "not a known value; choose from 1.0.0"),
    "profile": ({"data_sensitive": "yes"}, "#/profile/data_sensitive", "not a boolean; give true or"),
    "targt": ("use_rag", "#/targt", "there is no such name here; did you mean target?"),
}


@pytest.mark.parametrize(("name", "value", "pointer", "detail"), [(k, *v) for k, v in WRONG.items()])
def test_what_breaks_the_contract_is_pointed_at(
    client: FlaskClient, name: str, value: Any, pointer: str, detail: str
) -> None:
    """422 as a problem, with one error that says where and what to do."""
    answer = client.post("/assess/explain", json={"profile": {}, name: value})

    assert (answer.status_code, answer.content_type) == (422, "application/problem+json")
    [error] = answer.json["errors"]
    assert error["pointer"] == pointer
    assert error["detail"].startswith(detail)


def test_an_explanation_is_not_stored(client: FlaskClient) -> None:
    """It is about one caller's situation, so no cache keeps it."""
    answer = client.post("/assess/explain", json={"profile": {}})

    assert answer.headers["Cache-Control"] == "no-store"
    assert "ETag" not in answer.headers


def counted(client: FlaskClient, **labels: str) -> float:
    """How many assessments the metrics count that have some labels."""
    total = 0.0
    for line in client.get("/metrics").text.splitlines():
        found = re.fullmatch(r"finetune_advisor_assessments_total\{(.*)\} (\S+)", line)
        if found and labels.items() <= dict(re.findall(r'(\w+)="([^"]*)"', found[1])).items():
            total += float(found[2])
    return total


def test_metrics_tell_the_endpoints_apart() -> None:
    """An explanation counts once, as an assessment of its own endpoint; a refused one doesn't count."""
    client = create_app(Settings(log_level="error")).test_client()
    rag = {
        "prompt_engineering_sufficient": False,
        "knowledge_retrieval_problem": True,
        "real_time_data_needed": True,
    }
    explain(client, rag)
    explain(client, {})
    client.post("/assess", json={"profile": rag})
    client.post("/assess/explain", json={"profile": {}, "target": "nowhere"})

    assert counted(client, endpoint="/assess/explain") == 2
    assert counted(client, endpoint="/assess/explain", recommendation="use_rag") == 1
    assert counted(client, endpoint="/assess/explain", status="undecided") == 1
    assert counted(client, endpoint="/assess") == 1
