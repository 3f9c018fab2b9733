"""The decision log: what its lines hold, which answers are masked, and which assessments are sampled."""

from __future__ import annotations

import json
import logging
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator, FormatChecker

from finetune_advisor.app import create_app
from finetune_advisor.settings import Settings, SettingsError
from finetune_advisor.telemetry import decision_log, deferred
from finetune_advisor.telemetry.decision_log import DecisionLog
from tests import editions
from tests.api import guide
from tests.conftest import ROOT, server_logging

Line = dict[str, Any]
SCHEMA: dict[str, Any] = json.loads((ROOT / "docs" / "decision-log.schema.json").read_text())
VALIDATOR = Draft202012Validator(SCHEMA, format_checker=FormatChecker())
MASKED = "knowledge_retrieval_problem"
COMPLETE = dict.fromkeys(guide.INPUTS, True) | {"prompt_engineering_sufficient": False}
PATH = {name: COMPLETE[name] for name in ("prompt_engineering_sufficient", MASKED)} | {
    "real_time_data_needed": True
}
DOCUMENTED = {
    kind: SCHEMA["$defs"][kind]["properties"].keys() | SCHEMA["$defs"]["line"]["properties"].keys()
    for kind in ("decision", "shadow_decision")
}


def make_client(**settings: Any) -> FlaskClient:
    return create_app(Settings(decision_log=True, **settings)).test_client()


def read_lines(capsys: pytest.CaptureFixture[str]) -> list[Line]:
    """The lines of the decision log since the last call."""
    deferred.flush()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [line for line in lines if line["logger"] == "finetune_advisor.decisions"]


def ask_everything(client: FlaskClient, profile: dict[str, Any]) -> None:
    """Send a profile to every endpoint that assesses, once in a batch with other ones."""
    for path in ("/assess", "/assess/explain"):
        assert client.post(path, json={"profile": profile}).status_code == 200
    batch = {"profiles": [{}, None, profile]}
    assert client.post("/assess/batch", json=batch).status_code == 200
    assert (
        client.get("/interview", query_string={"prompt_engineering_sufficient": "true"}).status_code
        == 200
    )


@server_logging()
@pytest.mark.parametrize("mask", [None, (MASKED,)])
def test_every_line_is_valid_and_every_field_documented(
    capsys: pytest.CaptureFixture[str], mask: tuple[str, ...] | None
) -> None:
    """Lines of every endpoint, decided and undecided, masked and not, are what the schema says."""
    ask_everything(make_client(decision_log_mask=mask), COMPLETE)
    lines = read_lines(capsys)

    assert {"/assess", "/assess/batch", "/assess/explain", "interview"} == {
        line["endpoint"] for line in lines
    }
    assert {"decided", "undecided"} == {line["status"] for line in lines}
    assert {bool(mask), False} == {bool(line["masked"]) for line in lines}
    for line in lines:
        VALIDATOR.validate(line)
        assert line.keys() <= DOCUMENTED["decision"]


def test_the_schema_finds_faults() -> None:
    """It is a sound schema, and a line that breaks a rule is no line of the log."""
    VALIDATOR.check_schema(SCHEMA)
    line = {
        "level": "INFO",
        "logger": "finetune_advisor.decisions",
        "message": "decision",
        "schema": 1,
        "request_id": "r",
        "trace_id": "t",
        "endpoint": "/assess",
        "index": 0,
        "tree_version": "1.0.0",
        "tree_digest": f"sha256:{0:064}",
        "status": "decided",
        "candidates": ["use_rag"],
        "answers": {"a": True},
        "masked": [],
        "receipt": f"sha256:{0:064}",
        "timestamp": "2026-11-22T00:00:00Z",
    }
    assert VALIDATOR.is_valid(line)
    assert VALIDATOR.is_valid({**line, "added_later": 1})
    for fault in ({"schema": 2}, {"masked": ["b"]}, {"answers": {"a": None}}, {"message": "other"}):
        assert not VALIDATOR.is_valid({**line, **fault})
    for name in line:
        assert not VALIDATOR.is_valid({key: value for key, value in line.items() if key != name}), name


@server_logging()
def test_a_masked_answer_is_never_logged(capsys: pytest.CaptureFixture[str]) -> None:
    """A line says that there was an answer, and has no receipt, by which it could be found out."""
    client = make_client(decision_log_mask=(MASKED, "domain_well_represented"))
    answer = client.post("/assess", json={"profile": COMPLETE}).get_json()
    client.post("/assess", json={"profile": {"prompt_engineering_sufficient": True}})
    masked, other = read_lines(capsys)

    assert {name: value for name, value in PATH.items() if name != MASKED} == masked["answers"]
    assert [MASKED] == masked["masked"]
    assert "receipt" not in masked
    assert answer["receipt"] not in json.dumps(masked)
    assert [] == other["masked"]
    assert "receipt" in other


@server_logging()
def test_answers_that_the_tree_did_not_ask_for_stay_out(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither their values nor the names of those that are masked are logged."""
    make_client(decision_log_mask=("kb_tokens",)).post(
        "/assess", json={"profile": {**COMPLETE, "kb_tokens": 5}}
    )
    [line] = read_lines(capsys)

    assert (PATH, []) == (line["answers"], line["masked"])


@server_logging()
def test_lines_are_numbered_by_valid_profile(capsys: pytest.CaptureFixture[str]) -> None:
    """The request's id and the index identify an assessment; invalid profiles have no number."""
    make_client().post("/assess/batch", json={"profiles": [{}, None, COMPLETE, {}]})
    lines = read_lines(capsys)

    assert [0, 1, 2] == [line["index"] for line in lines]
    assert ["undecided", "decided", "undecided"] == [line["status"] for line in lines]
    assert 1 == len({line["request_id"] for line in lines})


def test_a_sample_is_a_share_of_assessments() -> None:
    """Of many requests and of a large batch alike; a larger share includes what a smaller one does."""
    keys = [({"request_id": f"{number:032x}"}, 0) for number in range(20_000)]
    keys += [({"request_id": "batch"}, number) for number in range(20_000)]
    shares = (0.0, 0.001, 0.1, 0.5, 1.0)
    chosen = [
        {position for position, key in enumerate(keys) if DecisionLog(share=share).includes(*key)}
        for share in shares
    ]

    assert all(smaller <= larger for smaller, larger in pairwise(chosen))
    for share, positions in zip(shares, chosen, strict=True):
        for part in (range(20_000), range(20_000, 40_000)):
            assert abs(len(positions & {*part}) / 20_000 - share) < 0.015
    assert (0, 40_000) == (len(chosen[0]), len(chosen[-1]))


@server_logging()
def test_a_sample_changes_no_counter(capsys: pytest.CaptureFixture[str]) -> None:
    """The same request is logged or not by every instance, and counted in any case."""
    found = []
    for _ in range(2):
        client = make_client(decision_log_sample=0.5)
        for number in range(40):
            body, headers = {"profile": COMPLETE}, {"X-Request-ID": f"request-{number}"}
            client.post("/assess", json=body, headers=headers)
        found.append([line["request_id"] for line in read_lines(capsys)])
        assert "finetune_advisor_path_questions_count 40.0" in client.get("/metrics").text

    assert found[0] == found[1]
    assert 5 < len(found[0]) < 35


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        ("knowledge_retrieval_problm", "did you mean knowledge_retrieval_problem?"),
        ("zzz", "remove it; known are: "),
    ],
)
@pytest.mark.parametrize("is_on", [True, False])
def test_an_unknown_input_cannot_be_masked(mask: str, message: str, *, is_on: bool) -> None:
    """The start stops with a line that suggests what was meant, even while the log is off."""
    with pytest.raises(SettingsError) as refused:
        create_app(Settings(decision_log=is_on, decision_log_mask=(MASKED, mask)))

    assert f"FINETUNE_ADVISOR_DECISION_LOG_MASK: {mask}: there is no such name here; {message}" in str(
        refused.value
    )
    assert "\n" not in str(refused.value)


def test_inputs_of_retired_trees_can_be_masked(tmp_path: Path) -> None:
    """A mask survives the retirement of the last tree that has the input."""
    text = editions.edition("7.0.0", "retired", **editions.ENDING)
    name = "only_of_the_retired_tree"
    (tmp_path / "7.0.0.yaml").write_text(text.replace(first_input(text), name))
    editions.write(tmp_path, editions.SUCCESSOR)

    assert create_app(Settings(trees_dir=tmp_path, decision_log_mask=(name,)))


def first_input(document: str) -> str:
    """The name of the first input of a tree document."""
    return document.partition("\ninputs:\n")[2].partition(":")[0].strip()


@server_logging()
def test_every_combination_of_switches_serves(capsys: pytest.CaptureFixture[str]) -> None:
    """Masking, sampling and the shadow tree work alone and together."""
    for mask, share, shadow in product([None, (MASKED,)], [0.0, 1.0], [None, "2.0.0"]):
        client = make_client(
            decision_log_mask=mask, decision_log_sample=share, shadow_tree_version=shadow
        )
        client.post("/assess", json={"profile": COMPLETE})
        lines = [line for line in read_lines(capsys) if line["message"] == "decision"]
        assert int(share) == len(lines)


def test_no_assessment_is_made_for_a_log_that_is_silent(caplog: pytest.LogCaptureFixture) -> None:
    """As with LOG_LEVEL=warning. An assessment of this decision would fail."""
    caplog.set_level(logging.WARNING, decision_log.log.name)
    DecisionLog().record([{}], [None], "/assess", {})  # type: ignore[list-item]
    caplog.set_level(logging.INFO, decision_log.log.name)
    with pytest.raises(AttributeError):
        DecisionLog().record([{}], [None], "/assess", {})  # type: ignore[list-item]
