"""POST /assess/batch: what POST /assess says of each profile, in short, and one bad item harms no other."""

from __future__ import annotations

import json
import logging
import random
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from flask.testing import FlaskClient

from finetune_advisor.app import create_app
from finetune_advisor.assessing import assessor
from finetune_advisor.assessing.advisor import Advisor
from finetune_advisor.schemas.plain_requests import PlainRequestSchema
from finetune_advisor.settings import Settings
from finetune_advisor.telemetry import deferred
from finetune_advisor.trees import catalog
from tests.api import guide
from tests.conftest import server_logging

GUIDE, TYPED = "1.0.0", "9.0.0-typed"
RIGHT = {"data_sensitive": True}
PLACE = 3
BAD: dict[str, tuple[Any, str]] = {
    "array": ([], ""),
    "null": (None, ""),
    "text": ("{}", ""),
    "number": (1, ""),
    "unknown name": ({"nope": 1}, "/nope"),
    "name to escape": ({"a/b": 1}, "/a~1b"),
    "null answer": ({"team": None}, "/team"),
    "wrong type": ({"data_sensitive": 1}, "/data_sensitive"),
    "no choice": ({"team": "huge"}, "/team"),
    "unhashable": ({"team": ["solo"]}, "/team"),
    "boolean for a number": ({"best_score": True}, "/best_score"),
    "out of range": ({"corpus_length": 1_000_001}, "/corpus_length"),
    "fraction": ({"corpus_length": 0.5}, "/corpus_length"),
    "beside right ones": ({**RIGHT, "best_score": "1"}, "/best_score"),
}
Answer = dict[str, Any]


def batch(client: FlaskClient, profiles: list[Any], version: str = GUIDE, **more: Any) -> Answer:
    answer = client.post("/assess/batch", json={"profiles": profiles, "tree_version": version, **more})
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    found: Answer = answer.json
    return found


def shortened(assessment: Answer) -> Answer:
    """An answer of POST /assess as a batch says it."""
    leaf, asked = assessment.get("recommendation"), assessment.get("next_question")
    short = {
        "status": assessment["status"],
        "recommendation": leaf and leaf["id"],
        "finetune": leaf and leaf["finetune"],
        "path": [step["question"] for step in assessment["path"]],
        "candidates": assessment["candidates"],
        "next_question": asked and {"question": asked["question"], "input": asked["input"]},
        "warnings": [one["id"] for one in assessment.get("warnings", [])] or None,
        "ignored": assessment.get("ignored"),
        "receipt": assessment["receipt"],
    }
    return {name: value for name, value in short.items() if value is not None}


def drawn(seed: int) -> dict[str, list[Answer]]:
    """Complete and partial profiles for each tree; some have inputs of the other one."""
    rng = random.Random(seed)
    values = {
        "team": ["solo", "small", "large"],
        "corpus_length": [0, 999, 1000, 12.0, 1_000_000],
        "best_score": [0, 0.25, 0.5, 1.0],
        "target_score": [0, 0.25, 0.5, 1],
        "drift": [-1, -0.5, -0.0, 2.5],
        "api_usable": [True, False],
    }
    guided = {name: [True, False] for name in guide.INPUTS}

    def some(inputs: dict[str, list[Any]], share: float) -> Answer:
        return {n: rng.choice(options) for n, options in inputs.items() if rng.random() < share}

    shares = [share for share in (1, 0.7, 0.3) for _ in range(25)]
    return {
        GUIDE: [some(guided, s) | some(values, 0.1 * (i % 2)) for i, s in enumerate(shares)],
        TYPED: [some(values, s) | some(guided, 0.1 * (i % 2)) for i, s in enumerate(shares)],
    }


@pytest.mark.parametrize("defaulted", [False, True])
@pytest.mark.parametrize("version", [GUIDE, TYPED])
def test_each_result_is_the_assessment_in_short(
    typed: FlaskClient, version: str, defaulted: bool
) -> None:
    """In the order of the profiles; what `defaults` say holds where a profile doesn't."""
    profiles = drawn(7)[version]
    shared = drawn(8)[version][-1] if defaulted else {}
    answer = batch(typed, profiles, version, **({"defaults": shared} if defaulted else {}))

    expected = []
    for profile in profiles:
        request = {"profile": {**shared, **profile}, "tree_version": version}
        expected.append(shortened(typed.post("/assess", json=request).json))
    assert expected == answer["results"]
    assert {one["status"] for one in expected} == {"decided", "undecided"}
    _adds_up(typed, version, answer)


def _adds_up(client: FlaskClient, version: str, answer: Answer) -> None:
    """The summary counts the results; each recommendation among them is there once, as the tree has it."""
    tree = client.get(f"/tree/versions/{version}").json
    statuses = Counter(one["status"] for one in answer["results"])
    ends = Counter(one["recommendation"] for one in answer["results"] if "recommendation" in one)
    summary = dict(answer["summary"])

    assert dict(ends) == summary.pop("recommendations")
    assert summary == {name: statuses[name] for name in ("decided", "undecided", "invalid")}
    nothing = client.post("/assess", json={"profile": {}, "tree_version": version}).json
    assert list(answer["recommendations"]) == [end for end in nothing["candidates"] if end in ends]
    for end, form in answer["recommendations"].items():
        assert tree["recommendations"][end] == form
    assert answer["tree"] == {"version": version, "digest": tree["digest"]}


@pytest.mark.parametrize("defaults", [None, {"api_usable": True}])
@pytest.mark.parametrize(("bad", "pointer"), BAD.values(), ids=list(BAD))
def test_a_bad_item_harms_no_other(
    typed: FlaskClient, bad: Any, pointer: str, defaults: Answer | None
) -> None:
    """It gets a result that says what is wrong where; all others get theirs."""
    more = {"defaults": defaults} if defaults else {}
    right = [*guide.complete_profiles()][:5]
    answer = batch(typed, [*right[:PLACE], bad, *right[PLACE:]], **more)
    refused = answer["results"][PLACE]

    assert (list(refused), refused["status"]) == (["status", "errors"], "invalid")
    assert [one["pointer"] for one in refused["errors"]] == [f"#/profiles/{PLACE}{pointer}"]
    assert batch(typed, right, **more)["results"] == [
        one for place, one in enumerate(answer["results"]) if place != PLACE
    ]
    _adds_up(typed, GUIDE, answer)


@pytest.mark.parametrize("kept", [1, 4096])
def test_what_was_answered_before_is_answered_alike(
    monkeypatch: pytest.MonkeyPatch, kept: int, typed_trees: Path
) -> None:
    """Whether it is still known or not; a value that only looks alike in Python is another one."""
    monkeypatch.setattr(assessor, "CACHE_SIZE", kept)
    app = create_app(Settings(log_level="error", trees_dir=typed_trees)).test_client()
    alike = [{"data_sensitive": one} for one in (True, 1, 1.0, "true", False, 0)]
    profiles = [*drawn(9)[GUIDE], *alike]
    once = batch(app, profiles)["results"]

    assert batch(app, profiles * 2)["results"][: len(once)] == once
    assert [one["status"] for one in once[-6:]] == [
        "undecided",
        *["invalid"] * 3,
        "undecided",
        "invalid",
    ]


@pytest.mark.parametrize("defaults", [{}, {"api_usable": True}])
def test_what_is_too_deep_harms_no_other(client: FlaskClient, defaults: Answer) -> None:
    """Others, before or after it and in later batches, get what they get alone; it is always at fault."""
    deep: Any = 1
    for _ in range(300):
        deep = [deep]
    no, yes = (dict.fromkeys(guide.INPUTS, answer) for answer in (False, True))
    [one], [other], [nothing] = (
        batch(client, [profile], defaults=defaults)["results"] for profile in (no, yes, {})
    )
    assert one != other != nothing != one

    for items, right in (
        ([no, yes, {}, deep], [one, other, nothing]),
        ([deep, yes], [other]),
        ([{"data_sensitive": deep}, {}], [nothing]),
        ([deep], []),
    ):
        text = json.dumps({"profiles": items, "defaults": defaults})
        answer = client.post("/assess/batch", data=text, content_type="application/json")
        results = answer.json["results"]
        assert [found for found in results if found["status"] != "invalid"] == right
        assert len(results) == len(right) + 1


@pytest.mark.parametrize("version", [GUIDE, TYPED])
def test_the_way_a_batch_is_written_makes_no_difference(typed_trees: Path, version: str) -> None:
    """On one line or many, each object known from before or not, one of them with escapes or at fault, with
    defaults or without, decoded at once or read by marshmallow.
    """
    app = create_app(Settings(log_level="error", trees_dir=typed_trees)).test_client()
    profiles = drawn(11)[version]
    request = {"profiles": profiles, "tree_version": version}
    faulty = {"tree_version": version, "profiles": [*profiles, {"data_sensitive": "\u00e9"}]}
    for value in (request, faulty, {**request, "defaults": RIGHT}, {**faulty, "defaults": RIGHT}):
        texts = [json.dumps(value), json.dumps(value, indent=1), json.dumps(value, indent="\t")]
        answers = {answer_of(app, text) for text in texts for _ in range(2)}
        with patch.object(PlainRequestSchema, "decode", return_value=None):
            answers |= {answer_of(app, text) for text in texts}
        assert len(answers) == 1


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ('{"profiles":[{"data_sensitive":true}]}', True),
        ('{"profiles":[{"preference_pairs":12.0}],"tree_version":"2.0.0"}', True),
        ('{"profiles":[{},{}],"defaults":{"data_sensitive":true}}', True),
        ('{"profiles":[{"data_\\u0073ensitive":true}]}', False),
        ('{"profiles":[{"data_sensitive":1}]}', False),
        ('{"profiles":[{},[]],"defaults":{"data_sensitive":true}}', False),
    ],
)
def test_a_plainly_valid_batch_is_checked_once(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, text: str, valid: bool
) -> None:
    """While it is read; the profiles of any other are checked one by one."""
    checked: list[Any] = []
    check = assessor.Assessor.assess_batch_item

    def checking(self: assessor.Assessor, profile: Any) -> Any:
        checked.append(profile)
        return check(self, profile)

    monkeypatch.setattr(assessor.Assessor, "assess_batch_item", checking)
    assert client.post("/assess/batch", data=text, content_type="application/json").status_code == 200
    assert (not checked) is valid


def test_a_batch_with_defaults_takes_as_little_memory_as_one_without() -> None:
    """However many invalid items it has: what is merged is dropped item by item."""
    served = assessor.Assessor(Advisor(catalog.load_catalog().default), assessor.NullRecorder())
    items = [dict.fromkeys([f"x{number}" for number in range(100)], 1)] * 2_000
    peaks = []
    for defaults in ({}, RIGHT):
        served.assess_batch(items, defaults)
        tracemalloc.start()
        served.assess_batch(items, defaults)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]


def answer_of(client: FlaskClient, text: str) -> bytes:
    return client.post("/assess/batch", data=text, content_type="application/json").data


def test_a_bad_item_lists_only_so_many_faults(client: FlaskClient) -> None:
    """The first twenty, as for a single profile."""
    [refused] = batch(client, [{f"x{number}": 1 for number in range(100)}])["results"]

    assert len(refused["errors"]) == 20


def test_a_batch_explains_only_so_many_bad_items(client: FlaskClient) -> None:
    """Of fifty items all errors that one lists, of the others the first: an answer stays in proportion."""
    bad = {f"x{number}": 1 for number in range(100)}
    results = batch(client, [bad, {}] * 60)["results"]
    listed = [len(one["errors"]) for one in results[::2]]

    assert listed == [20] * 50 + [1] * 10
    assert {one["status"] for one in results[1::2]} == {"undecided"}


def test_a_body_of_brackets_is_not_taken_apart(client: FlaskClient) -> None:
    """Empty objects and arrays take a hundred times their size; a batch of the largest size has fewer."""
    whole = b'{"profiles":[' + b",".join([b"{}"] * 10_000) + b"]}"
    assert client.post("/assess/batch", data=whole, content_type="application/json").status_code == 200

    body = b'{"profiles":[' + b",".join([b"[" * 40 + b"]" * 40] * 10_000) + b"]}"
    answer = client.post("/assess/batch", data=body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json["detail"].endswith("arrays and objects; send less at once")


def test_brackets_in_strings_are_no_containers(client: FlaskClient) -> None:
    """A batch whose strings hold more brackets than a body may open is answered."""
    items = [{"data_sensitive": "[{" * 30, 'a"]\\': r"[\[" * 10}] * 7_000
    answer = client.post("/assess/batch", json={"profiles": items})

    assert answer.status_code == 200
    assert answer.json["summary"]["invalid"] == 7_000


def test_a_repeated_name_anywhere_is_malformed(client: FlaskClient) -> None:
    """No item is read before the whole body is JSON without repeated names, deeply nested ones or not."""
    deep = b"[" * 1000 + b"]" * 1000
    for items in (b'{"api_usable":true,"api_usable":false}', b"%b,{%b,%b}" % (deep, *[b'"a":1'] * 2)):
        body = b'{"profiles":[%b]}' % items
        answer = client.post("/assess/batch", data=body, content_type="application/json")

        assert (answer.status_code, answer.json["type"]) == (400, "../problems/malformed-request")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"profiles": [{}], "defaults": {"data_sensitive": 1}}, "#/defaults/data_sensitive"),
        ({"profiles": [{}], "defaults": None}, "#/defaults"),
        ({"profiles": [{}], "defaults": []}, "#/defaults"),
        ({"profiles": {}}, "#/profiles"),
        ({"profiles": None}, "#/profiles"),
        ({}, "#/profiles"),
        ({"profiles": [], "profile": {}}, "#/profile"),
        ({"profiles": [], "tree_version": "0.0.0"}, "#/tree_version"),
        ({"profiles": [{}] * 10_001}, "#/profiles"),
        ([], "#"),
    ],
)
def test_a_fault_of_the_whole_is_refused(client: FlaskClient, body: Any, pointer: str) -> None:
    """What concerns every item, or their number, is a 422."""
    answer = client.post("/assess/batch", json=body)

    assert answer.status_code == 422
    assert [one["pointer"] for one in answer.json["errors"]] == [pointer]


def test_the_most_is_a_setting() -> None:
    """Two profiles pass where two are the most; three don't, whatever they are."""
    client = create_app(Settings(log_level="error", max_batch=2)).test_client()

    assert len(batch(client, [{}, None])["results"]) == 2
    refused = client.post("/assess/batch", json={"profiles": [1, 2, 3]})
    [error] = refused.json["errors"]
    assert error == {"pointer": "#/profiles", "detail": "more than 2 items; give fewer"}


def test_nothing_is_a_batch(client: FlaskClient) -> None:
    """An empty list has no results, and no recommendation."""
    answer = batch(client, [])

    assert (answer["results"], answer["recommendations"]) == ([], {})
    assert answer["summary"] == {"decided": 0, "undecided": 0, "invalid": 0, "recommendations": {}}


def metrics(client: FlaskClient) -> Counter[str]:
    """The samples of decisions, apart from the endpoint that they are for."""
    kept = ("assessments_total", "answers_total", "path_questions", "batch_profiles")
    found: Counter[str] = Counter()
    for line in client.get("/metrics").text.splitlines():
        name, _, value = line.rpartition(" ")
        if name.startswith(tuple(f"finetune_advisor_{one}" for one in kept)):
            found[name] += float(value)  # type: ignore[assignment]  # a count all the same
    return found


def _counted(
    client: FlaskClient, version: str, profiles: list[Answer], *, at_once: bool
) -> Counter[str]:
    if at_once:
        batch(client, profiles, version)
    else:
        for profile in profiles:
            client.post("/assess", json={"profile": profile, "tree_version": version})
    return metrics(client)


@pytest.mark.parametrize("version", [GUIDE, TYPED])
def test_each_item_is_counted_once(typed_trees: Path, version: str) -> None:
    """A batch counts as its profiles would one by one, under its own endpoint; a bad item isn't counted."""
    settings = Settings(log_level="error", trees_dir=typed_trees)
    profiles = drawn(9)[version]
    alone = _counted(create_app(settings).test_client(), version, profiles, at_once=False)
    at_once = _counted(create_app(settings).test_client(), version, [*profiles, None], at_once=True)  # type: ignore[list-item]

    together = {name: value for name, value in at_once.items() if "batch_profiles" not in name}
    expected = {
        name.replace('endpoint="/assess"', 'endpoint="/assess/batch"'): value
        for name, value in alone.items()
        if "batch_profiles" not in name
    }
    assert expected == together
    assert at_once["finetune_advisor_path_questions_count"] == len(profiles)
    assert at_once["finetune_advisor_batch_profiles_count"] == 1
    assert at_once["finetune_advisor_batch_profiles_sum"] == len(profiles) + 1


def logged(lines: str) -> Iterator[Answer]:
    for line in lines.splitlines():
        entry = json.loads(line)
        if entry.get("message") == "decision":
            yield entry


@server_logging()
def test_each_decision_of_a_batch_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    """With DECISION_LOG, every item that was assessed has its line, in order, with its answers.

    A profile that comes again, decided or not, has its line where it comes again.
    """
    some = drawn(10)[GUIDE][::10]
    profiles = [*some, *some[::-1], {}, some[0], {}]
    client = create_app(Settings(decision_log=True)).test_client()
    results = batch(client, [*profiles, None])["results"]
    logging.shutdown()  # as at the end of a process: what waits to be written is
    printed = capsys.readouterr()
    found = list(logged(printed.out + printed.err))

    assert [one["receipt"] for one in found] == [one["receipt"] for one in results[:-1]]
    assert len({one["receipt"] for one in found}) > 2
    assert {one["endpoint"] for one in found} == {"/assess/batch"}
    assert (
        results[:-1] == batch(create_app(Settings(log_level="error")).test_client(), profiles)["results"]
    )


@server_logging()
def test_decisions_of_every_endpoint_are_logged_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    """Decisions are logged in the order in which they are answered, whichever endpoint answers them."""
    known, unknown = {"prompt_engineering_sufficient": True}, {}
    client = create_app(Settings(decision_log=True)).test_client()
    for profile in (known, unknown, known):
        client.post("/assess", json={"profile": profile})
        batch(client, [profile, None, unknown, profile], GUIDE)
        client.post("/assess/explain", json={"profile": profile})
    logging.shutdown()
    printed = capsys.readouterr()
    found = [(one["endpoint"], one["answers"]) for one in logged(printed.out + printed.err)]

    expected = []
    for profile in (known, unknown, known):
        expected += [("/assess", profile)]
        expected += [("/assess/batch", one) for one in (profile, unknown, profile)]
        expected += [("/assess/explain", profile)]
    assert expected == found


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/assess", {"profile": {}}),
        ("/assess/batch", {"profiles": [{}, {}]}),
        ("/assess/explain", {"profile": {}}),
    ],
)
@server_logging()
def test_a_decision_names_its_request(
    capsys: pytest.CaptureFixture[str], path: str, body: dict[str, Any]
) -> None:
    """A decision's line has the request_id and the trace_id of its request's line and answer."""
    client = create_app(Settings(decision_log=True)).test_client()
    answer = client.post(path, json=body, headers={"X-Request-ID": "mine"})
    deferred.flush()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    ids = {(one["message"], one["request_id"], one["trace_id"]) for one in lines}

    trace_id = answer.headers["traceparent"].split("-")[1]
    assert {("decision", "mine", trace_id), ("request", "mine", trace_id)} == ids
