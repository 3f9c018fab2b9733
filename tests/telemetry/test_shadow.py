"""The shadow tree: what it counts and logs, and that no answer ever notices it."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import permutations
from pathlib import Path
from random import Random
from typing import Any

import pytest
from flask import Flask
from jsonschema import Draft202012Validator

from finetune_advisor.app import create_app
from finetune_advisor.engine.evaluation.compiled import CompiledTree
from finetune_advisor.engine.evaluation.exact import evaluate
from finetune_advisor.engine.model.inputs import Value
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.settings import Settings
from finetune_advisor.telemetry import background, deferred
from finetune_advisor.telemetry.decisions import TelemetryRecorder
from finetune_advisor.telemetry.metrics import METRICS_NAMESPACE
from finetune_advisor.telemetry.shadow import Comparison, compare_candidates
from finetune_advisor.trees import catalog
from finetune_advisor.trees.catalog import CatalogError
from tests import editions
from tests.api import guide
from tests.conftest import BUNDLED, ROOT, server_logging

Profile = dict[str, Value]
TREES = catalog.load_catalog().trees
SCHEMA = json.loads((ROOT / "docs" / "decision-log.schema.json").read_text())
COMPLETE: Profile = dict.fromkeys(guide.INPUTS, True) | {"prompt_engineering_sufficient": False}
CANDIDATE = "1.1.0-acme.1"


@pytest.fixture(scope="module")
def trees_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a candidate to follow 1.0.0, in which one question's answers are swapped."""
    directory = tmp_path_factory.mktemp("trees")
    text = (BUNDLED / "1.0.0.yaml").read_text()
    text = text.replace("version: 1.0.0\nstatus: current", f"version: {CANDIDATE}\nstatus: candidate")
    # In document order, these are the two answers to the same question.
    for before, after in (
        ("true\n        to: consider_hybrid", "false\n        to: consider_hybrid"),
        ("false\n        to: use_rag", "true\n        to: use_rag"),
    ):
        assert f"- is: {before}" in text
        text = text.replace(f"- is: {before}", f"- is: {after}", 1)
    (directory / "candidate.yaml").write_text(text)
    return directory


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shadow tree assesses nothing before it is asked to finish."""
    monkeypatch.setattr(background, "BATCHING_SECONDS", 3600)


def make_app(shadow: str | None, **settings: Any) -> Flask:
    return create_app(Settings(shadow_tree_version=shadow, **settings))


def count_results(app: Flask) -> Counter[tuple[str, str, str, str]]:
    """What was compared, by tree_version, shadow_version, result and recommendation."""
    background.finish_all()
    [metric] = app.extensions["metrics"].shadow_assessments.collect()
    names = "tree_version", "shadow_version", "result", "recommendation"
    return Counter(
        {
            tuple(sample.labels[name] for name in names): int(sample.value)
            for sample in metric.samples
            if sample.name.endswith("_total")
        }
    )


def count_drops(app: Flask) -> dict[str, int]:
    """What was dropped, by reason."""
    background.finish_all()
    [metric] = app.extensions["metrics"].shadow_dropped.collect()
    totals = [sample for sample in metric.samples if sample.name.endswith("_total")]
    return {sample.labels["reason"]: int(sample.value) for sample in totals}


def draw_profiles(count: int) -> Iterator[Profile]:
    """Profiles with answers to inputs of all trees: the values at which tests tell numbers apart."""
    random = Random(21)
    inputs = {name: tree for tree in TREES.values() for name in tree.inputs}
    for _ in range(count):
        share = random.choice((0.1, 0.5, 0.95, 1))
        yield {
            name: tree.inputs[name].value(random.choice(tree.partition[name]).least)
            for name, tree in inputs.items()
            if random.random() < share
        }


def expected_result(tree: Tree, shadow: Tree, profile: Profile) -> tuple[str, str, str, str]:
    """The labels of a profile by the definition of evaluation."""
    outcome, shadow_outcome = evaluate(tree, profile).outcome, evaluate(shadow, profile).outcome
    result = "same" if outcome == shadow_outcome else "moved"
    is_comparable = outcome is not None and shadow_outcome is not None
    return tree.version, shadow.version, result if is_comparable else "undecided", outcome or "none"


@pytest.mark.parametrize(
    ("candidates", "shadow_candidates", "result"),
    [
        (("use_rag",), ("use_rag",), "same"),
        (("use_rag",), ("use_api",), "moved"),
        (("use_rag",), ("use_rag", "use_api"), "undecided"),
        (("use_rag", "use_api"), ("use_rag",), "undecided"),
        (("use_rag", "use_api"), ("use_rag", "use_api"), "undecided"),
    ],
)
def test_results_are_compared_by_id(
    candidates: tuple[str, ...], shadow_candidates: tuple[str, ...], result: Comparison
) -> None:
    """Only two decided assessments can be the same or differ."""
    assert result == compare_candidates(candidates, shadow_candidates)


@pytest.mark.usefixtures("later")
@pytest.mark.parametrize(("version", "shadow"), [*permutations(TREES, 2)])
def test_every_version_can_be_the_shadow_of_every_other(version: str, shadow: str) -> None:
    """The whole profile counts, with inputs that only the shadow tree has, as evaluation defines it."""
    profiles = [*draw_profiles(150)]
    app = make_app(shadow, log_level="error")
    client = app.test_client()
    for profile in profiles[:50]:
        client.post("/assess", json={"profile": profile, "tree_version": version})
    client.post("/assess/batch", json={"profiles": profiles[50:], "tree_version": version})
    expected = Counter(expected_result(TREES[version], TREES[shadow], one) for one in profiles)

    assert expected == count_results(app)
    assert {"queue_full": 0, "failed": 0, "stopped": 0} == count_drops(app)


@pytest.mark.usefixtures("later")
def test_every_endpoint_that_assesses_is_repeated(trees_dir: Path) -> None:
    """Both ways of /assess, batches with their defaults, explanations, and interviews that end on a page."""
    app = make_app(CANDIDATE, trees_dir=trees_dir)
    client = app.test_client()
    body = {"profile": {**COMPLETE, "real_time_data_needed": False}}
    client.post("/assess", json=body)
    client.post("/assess", json=body, headers={"Accept": "application/json;q=0.5"})
    client.post("/assess/batch", json={"profiles": [{}, None, {"no": 1}], "defaults": body["profile"]})
    client.post("/assess/explain", json=body)
    client.get("/interview", query_string={"prompt_engineering_sufficient": "true"})

    moved = "1.0.0", CANDIDATE, "moved", "consider_hybrid"
    same = "1.0.0", CANDIDATE, "same", "use_prompt_engineering"
    assert {moved: 4, same: 1} == count_results(app)


@pytest.mark.usefixtures("later")
def test_the_shadow_trees_own_assessments_are_not_repeated() -> None:
    """Not even if it is the default version: it would only find that it agrees with itself."""
    app = make_app("1.0.0")
    client = app.test_client()
    for body in ({"profile": {}}, {"profile": {}, "tree_version": "1.0.0"}):
        client.post("/assess", json=body)
    client.post("/assess/batch", json={"profiles": []})
    assert {} == count_results(app)

    client.post("/assess", json={"profile": {}, "tree_version": "2.0.0"})
    assert {("2.0.0", "1.0.0", "undecided", "none"): 1} == count_results(app)


ASKED: list[tuple[str, Any]] = [
    ("/assess", {"profile": COMPLETE}),
    ("/assess", {"profile": {}}),
    ("/assess", {"profile": {"kb_tokens": 5}, "tree_version": "2.0.0"}),
    ("/assess", {"profile": {"no_such_input": True}}),
    ("/assess/batch", {"profiles": [COMPLETE, {}, None], "defaults": {"kb_tokens": 5}}),
    ("/assess/batch", {"profiles": []}),
    ("/assess/explain", {"profile": COMPLETE}),
]


def ask_all(app: Flask) -> list[tuple[int, bytes, Mapping[str, str]]]:
    """The answers to one request of every kind."""
    client, ids = app.test_client(), {"X-Request-ID": "mine", "traceparent": ""}
    answers = [client.post(path, json=body, headers=ids) for path, body in ASKED]
    return [
        (one.status_code, one.data, {k: v for k, v in one.headers.items() if k != "traceparent"})
        for one in answers
    ]


def break_shadow(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("a profile's value")

    monkeypatch.setattr(CompiledTree, "candidates", fail)


def fill_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "MAX_PENDING_ITEMS", 0)


@pytest.mark.parametrize("disturb", [lambda _: None, break_shadow, fill_queue])
@pytest.mark.parametrize("shadow", TREES)
def test_answers_are_those_without_a_shadow_tree(
    monkeypatch: pytest.MonkeyPatch, shadow: str, disturb: Callable[[pytest.MonkeyPatch], None]
) -> None:
    """Byte for byte, with all headers, also while the shadow tree fails or its queue is full."""
    expected = ask_all(make_app(None, log_level="error"))
    disturb(monkeypatch)
    app = make_app(shadow, log_level="error")

    assert expected == ask_all(app)
    background.finish_all()


@pytest.mark.usefixtures("later")
def test_a_failure_is_logged_once_and_counted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody who asks hears of it, and the log isn't flooded."""
    app = make_app("2.0.0")
    break_shadow(monkeypatch)
    with caplog.at_level(logging.ERROR):
        for _ in range(2):
            app.test_client().post("/assess/batch", json={"profiles": [{}] * 5})
            background.finish_all()

    assert ["the shadow tree failed; later failures are only counted"] == caplog.messages
    assert {"queue_full": 0, "failed": 10, "stopped": 0} == count_drops(app)
    assert {} == count_results(app)


@pytest.mark.usefixtures("later")
def test_a_full_queue_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the shadow tree repeated and what was dropped are all assessments together."""
    monkeypatch.setattr(background, "MAX_PENDING_ITEMS", 7)
    app = make_app("2.0.0")
    for _ in range(3):
        app.test_client().post("/assess/batch", json={"profiles": [{}] * 5})

    assert {"queue_full": 8, "failed": 0, "stopped": 0} == count_drops(app)
    assert 7 == count_results(app).total()


@server_logging()
def test_results_are_logged_with_the_decision_log(
    capsys: pytest.CaptureFixture[str], trees_dir: Path
) -> None:
    """A line of its own for each, which leads to the line of the decision, and has no answer in it."""
    app = make_app(CANDIDATE, trees_dir=trees_dir, decision_log=True)
    moved: Profile = {**COMPLETE, "real_time_data_needed": False}
    profiles = [moved, {}, COMPLETE, {**moved, "data_volume_very_large": False}]
    app.test_client().post("/assess/batch", json={"profiles": profiles})
    background.finish_all()
    deferred.flush()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    decisions, shadows = (
        [line for line in lines if line["message"] == message]
        for message in ("decision", "shadow decision")
    )

    fields = SCHEMA["$defs"]
    known = fields["shadow_decision"]["properties"].keys() | fields["line"]["properties"].keys()
    for line in shadows:
        Draft202012Validator(SCHEMA).validate(line)
        assert line.keys() <= known
    shared = "request_id", "trace_id", "endpoint", "index", "tree_version", "candidates"
    assert [[line[name] for name in shared] for line in decisions] == [
        [line[name] for name in shared] for line in shadows
    ]
    assert ["moved", "undecided", "same", "moved"] == [line["result"] for line in shadows]
    assert ["use_rag"] == shadows[0]["shadow_candidates"]
    assert {CANDIDATE} == {line["shadow_version"] for line in shadows}


@server_logging()
def test_only_sampled_results_are_logged(capsys: pytest.CaptureFixture[str]) -> None:
    """The lines of the shadow tree go with those of the decisions, and all of its results are counted."""
    app = make_app("2.0.0", decision_log=True, decision_log_sample=0.3)
    app.test_client().post("/assess/batch", json={"profiles": [{}] * 200})
    assert 200 == count_results(app).total()
    deferred.flush()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    decisions, shadows = (
        [line["index"] for line in lines if line["message"] == message]
        for message in ("decision", "shadow decision")
    )

    assert decisions == shadows
    assert 30 < len(shadows) < 90


def test_without_a_shadow_tree_nothing_is_repeated() -> None:
    """The recorder has no shadow tree, and its metrics have no series."""
    app = make_app(None)
    app.test_client().post("/assess", json={"profile": {}})

    assert {} == count_results(app)
    assert {} == count_drops(app)
    assert TelemetryRecorder(app.extensions["metrics"]).shadow is None


def test_the_series_are_bounded(trees_dir: Path) -> None:
    """Of each tree at most three for each recommendation, and one for undecided assessments."""
    shadow = TREES["3.0.0"]
    app = make_app(shadow.version, log_level="error")
    for version in TREES:
        body = {"profiles": [*draw_profiles(300)], "tree_version": version}
        assert app.test_client().post("/assess/batch", json=body).status_code == 200
    series = count_results(app)

    others = [tree for tree in TREES.values() if tree is not shadow]
    assert len(series) <= sum(3 * len(tree.recommendations) + 1 for tree in others)
    assert {"undecided"} == {result for _, _, result, outcome in series if outcome == "none"}
    text = app.test_client().get("/metrics").text
    assert len(series) == text.count(f"\n{METRICS_NAMESPACE}_shadow_assessments_total{{")


@pytest.mark.parametrize("version", [editions.DEPRECATED, editions.SUCCESSOR])
def test_any_served_tree_can_be_the_shadow(tmp_path: Path, version: str) -> None:
    """A candidate, above all, but a deprecated version, too."""
    editions.write_ending(tmp_path)
    assert make_app(version, trees_dir=tmp_path)


@pytest.mark.parametrize(
    ("version", "problem"),
    [
        (
            "9.9.9",
            "the shadow version 9.9.9 isn't served; set FINETUNE_ADVISOR_SHADOW_TREE_VERSION to one",
        ),
        (editions.RETIRED, "the shadow version 7.0.0 is retired; its successor is 8.0.0; set FINETUNE"),
    ],
)
def test_a_shadow_that_is_not_served_stops_the_start(tmp_path: Path, version: str, problem: str) -> None:
    """With one line that names the setting and what it takes."""
    editions.write_ending(tmp_path)
    with pytest.raises(CatalogError) as refused:
        make_app(version, trees_dir=tmp_path)

    assert str(refused.value).startswith(problem)
    assert "\n" not in str(refused.value)
