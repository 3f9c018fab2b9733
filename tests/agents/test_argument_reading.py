"""Wrong calls: what is understood, and what comes back as help."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from finetune_advisor.agents import argument_reading, name_matching
from finetune_advisor.agents.tool import ToolAnswer
from finetune_advisor.agents.tools import ToolError, Tools, UnknownToolError
from finetune_advisor.schemas.error_details import MAX_ERRORS
from finetune_advisor.schemas.fields import MAX_UNKNOWN_FIELDS
from finetune_advisor.trees import catalog
from tests import editions
from tests.agents.conftest import Call

Refusal = Callable[[str, Any], list[str]]
UNKNOWN_ADVICE = "if the answer isn't known, leave the input out; assess takes its name in `skipped`"
INPUTS = [*catalog.load_catalog().inputs]
MAX_NAMES = len(INPUTS) + MAX_UNKNOWN_FIELDS
MAX_REFUSAL_BYTES = 1_000
MAX_UNDERSTOOD_BYTES = 5_000


@pytest.mark.parametrize(
    ("arguments", "plain", "understood"),
    [
        pytest.param(
            {"profile": {"real_time_data_needed": "Yes"}},
            {"real_time_data_needed": True},
            ["real_time_data_needed “Yes” as true"],
            id="yes",
        ),
        pytest.param(
            {"profile": {"real_time_data_needed": "false"}},
            {"real_time_data_needed": False},
            ["real_time_data_needed “false” as false"],
            id="false as text",
        ),
        pytest.param(
            {"profile": {"Real-Time data needed": True}},
            {"real_time_data_needed": True},
            ["“Real-Time data needed” as real_time_data_needed"],
            id="a name in other letters",
        ),
        pytest.param(
            {"profile": {"profile": {"real_time_data_needed": True}}},
            {"real_time_data_needed": True},
            ["the object in `profile.profile` as the profile"],
            id="nested one level too deep",
        ),
        pytest.param(
            {"profile": '{"real_time_data_needed": true}'},
            {"real_time_data_needed": True},
            ["the text in `profile` as the object that it holds"],
            id="JSON in a text",
        ),
        pytest.param(
            {"real_time_data_needed": True},
            {"real_time_data_needed": True},
            ["answers beside `profile` as parts of it"],
            id="no profile around the answers",
        ),
        pytest.param(
            {"answers": {"real_time_data_needed": True}, "tree": "1.0.0"},
            {"real_time_data_needed": True},
            ["`answers` as `profile`", "`tree` as `tree_version`"],
            id="other names of arguments",
        ),
        pytest.param(
            {"profile": {"real_time_data_needed": None}, "tree_version": None},
            {},
            ["`tree_version` null as left out", "real_time_data_needed null as not known"],
            id="null",
        ),
        pytest.param(
            {"profile": {"eval_examples": "1,200 examples"}, "tree_version": "v2.0.0"},
            {"eval_examples": 1200},
            ["eval_examples “1,200 examples” as 1200", "`tree_version` “v2.0.0” as 2.0.0"],
            id="a number as text in the input's unit",
        ),
        pytest.param(
            {"profile": {"tuning_route": "Self managed"}, "tree_version": "2.0.0"},
            {"tuning_route": "self_managed"},
            ["tuning_route “Self managed” as self_managed"],
            id="a choice in other letters",
        ),
        pytest.param(
            {"profile": {"tuning_route": "Neither of the two"}, "tree_version": "3.0.0"},
            {"tuning_route": "none"},
            ["tuning_route “Neither of the two” as none"],
            id="the author's words for a choice",
        ),
        pytest.param(
            {"profile": {}, "skipped": "real time data needed"},
            {},
            ["`skipped` as a list of one", "“real time data needed” as real_time_data_needed"],
            id="one name in place of a list",
        ),
    ],
)
def test_what_has_one_meaning_is_understood(
    call: Call, arguments: dict[str, Any], plain: dict[str, Any], understood: list[str]
) -> None:
    """The answer is that to the plain profile, and says what was understood."""
    answer = call("assess", **arguments)
    named = {"tree_version": answer.data["tree"]["version"]}
    skipped = {"skipped": ["real_time_data_needed"]} if "skipped" in arguments else {}
    expected = call("assess", profile=plain, **named, **skipped)

    assert {**expected.data, "understood": understood} == answer.data
    assert f"Understood: {'; '.join(understood)}.\n\n{expected.text}" == answer.text


@pytest.mark.parametrize(
    ("name", "arguments", "fault"),
    [
        ("assess", [], "the arguments: not an object; give one in braces"),
        ("assess", "{}", "the arguments: not an object; give one in braces"),
        ("assess", {"profile": []}, "profile: not an object; give one in braces"),
        ("assess", {"profile": "[1]"}, "profile: not an object; give one in braces"),
        ("assess", {"profile": "not JSON"}, "profile: not an object; give one in braces"),
        ("assess", {"profile": "\ud800"}, "profile: not an object; give one in braces"),
        (
            "assess",
            {"profile": {"real_time_data": True}},
            "profile.real_time_data: there is no such name here; did you mean real_time_data_needed?",
        ),
        (
            "assess",
            {"profile": {"prompt_result": "meet"}},
            (
                "profile.prompt_result: not a known value; choose from not_tried, not_measured, no_target, "
                "meets, close, far_below; did you mean meets?"
            ),
        ),
        (
            "assess",
            {"profile": {"eval_examples": "12%"}},
            (
                "profile.eval_examples: not an integer; give a whole number; "
                "it takes a whole number from 0 to 10,000,000, in examples"
            ),
        ),
        (
            "assess",
            {"profile": {"real_time_data_needed": "Unknown"}},
            "profile.real_time_data_needed: not a boolean; give true or false; " + UNKNOWN_ADVICE,
        ),
        (
            "assess",
            {"profile": {"real_time_data_needed": "x" * 1000}},
            "profile.real_time_data_needed: not a boolean; give true or false",
        ),
        (
            "assess",
            {"profile": {"real_time_data_needed": {"answer": True}}},
            "profile.real_time_data_needed: not a boolean; give true or false",
        ),
        (
            "assess",
            {"tree_version": "2.0"},
            "tree_version: not a known value; choose from 1.0.0, 2.0.0, 3.0.0; did you mean 2.0.0?",
        ),
        (
            "assess",
            {"tree_version": 2},
            "tree_version: not text; give one of 1.0.0, 2.0.0, 3.0.0 in quotes",
        ),
        (
            "assess",
            {"tree_version": "../../etc/passwd"},
            "tree_version: not a known value; choose from 1.0.0, 2.0.0, 3.0.0",
        ),
        (
            "assess",
            {"profile": {"real_time_data_needed": "I don\N{RIGHT SINGLE QUOTATION MARK}t know."}},
            (
                "profile.real_time_data_needed: not a boolean; give true or false; "
                "if the answer isn't known, leave the input out; assess takes its name in `skipped`"
            ),
        ),
        (
            "assess",
            {"profile": {}, "answers": {}},
            "answers: there is no such name here; remove it; known are: profile, skipped, tree_version",
        ),
        (
            "assess",
            {"profil": {}},
            "profil: there is no such name here; did you mean profile?",
        ),
        (
            "assess",
            {"profile": {"data_sensitive": True}, "data_sensitive": False},
            (
                "data_sensitive: there is no such name here; remove it; "
                "known are: profile, skipped, tree_version"
            ),
        ),
        (
            "assess",
            {"profile": {"data_sensitive": True, "Data sensitive": False}},
            "profile.Data%20sensitive: there is no such name here; did you mean data_sensitive?",
        ),
        ("explain", {}, "profile: this is missing; add it"),
        (
            "explain",
            {"profile": {}, "limit": 21},
            "limit: out of range; give a value from 1 to 20",
        ),
        (
            "compare_trees",
            {"older": "1.0.0"},
            "newer: this is missing; add it",
        ),
    ],
)
def test_what_is_wrong_comes_back_with_help(
    refusal: Refusal, name: str, arguments: Any, fault: str
) -> None:
    """Where, what, and what to do instead, with the nearest name."""
    assert fault in refusal(name, arguments)


def test_an_unknown_name_in_a_list_comes_back_with_the_nearest(refusal: Refusal) -> None:
    """The list of all inputs alone would be long to search."""
    [fault] = refusal("assess", {"skipped": ["prompt_engineering"]})

    assert fault.startswith("skipped.0: not a known value; choose from prompt_engineering_sufficient, ")
    assert fault.endswith("; did you mean prompt_engineering_sufficient?")


def test_right_names_in_a_list_take_no_hint_away(refusal: Refusal) -> None:
    """The errors are limited by their number, and not by their place."""
    right = ["real_time_data_needed"] * 21
    [fault] = refusal("explain", {"profile": {}, "frozen": [*right, "data_sensitve"]})

    assert fault.endswith("; did you mean data_sensitive?")


def test_a_limit_as_text_is_a_number(call: Call) -> None:
    """Models quote numbers."""
    assert 1 == len(call("explain", profile={}, limit="1").data["changes"])


def test_an_id_in_other_letters_is_understood(call: Call) -> None:
    """As the target of an explanation."""
    answer = call("explain", profile={}, target="Use RAG", limit=1)
    assert ["`target` “Use RAG” as use_rag"] == answer.data["understood"]


def test_many_faults_are_counted(refusal: Refusal) -> None:
    """A call with many faults gets a short answer."""
    faults = refusal("assess", {"profile": {f"zzz{number}": 1 for number in range(MAX_NAMES)}})
    assert MAX_ERRORS + 1 == len(faults)
    assert f"and {MAX_NAMES - MAX_ERRORS} more" == faults[-1]


@pytest.fixture
def normalized_texts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that are normalized to match names, which is the work that grows with a call."""
    texts: list[str] = []
    normalize = name_matching.normalize_text

    def record(text: str) -> str:
        texts.append(text)
        return normalize(text)

    for module in (name_matching, argument_reading):
        monkeypatch.setattr(module, "normalize_text", record)
    return texts


def name_unknown_inputs(value: object) -> dict[str, object]:
    """About 200 KB of answers to inputs that no tree has."""
    return {f"zzz{number}": value for number in range(13_000)}


@pytest.mark.parametrize("value", [None, True, "yes"])
@pytest.mark.parametrize(
    ("place", "wrap"),
    [
        ("profile", lambda answers: {"profile": answers}),
        ("profile", lambda answers: {"profile": {"profile": answers}}),
        ("the arguments", lambda answers: answers),
        ("the arguments", lambda answers: {"profile": {}, **answers}),
    ],
)
def test_far_too_many_names_are_refused_before_they_are_read(
    refusal: Refusal,
    normalized_texts: list[str],
    value: object,
    place: str,
    wrap: Callable[[dict[str, object]], object],
) -> None:
    """With one clear error, whatever the answers are."""
    faults = refusal("assess", wrap(name_unknown_inputs(value)))

    assert [f"{place}: more than {MAX_NAMES} names; give fewer"] == faults
    assert len(normalized_texts) <= len(INPUTS)


def test_far_too_many_names_in_a_text_are_refused(refusal: Refusal, normalized_texts: list[str]) -> None:
    """A profile that is JSON in a text has the same limit."""
    answers = {f"z{number}": None for number in range(5_000)}
    faults = refusal("assess", {"profile": json.dumps(answers)})

    assert [f"profile: more than {MAX_NAMES} names; give fewer"] == faults
    assert len(normalized_texts) <= len(INPUTS)


@pytest.mark.parametrize("argument", [("assess", "skipped"), ("explain", "frozen")])
def test_a_list_that_is_too_long_is_refused_before_it_is_read(
    tools: Tools, normalized_texts: list[str], argument: tuple[str, str]
) -> None:
    """Its names stay as they are, and none is noted."""
    tool, list_name = argument
    answer = tools.call(tool, {"profile": {}, list_name: ["real time data needed"] * 2_000})

    assert isinstance(answer, ToolError)
    assert f"- {list_name}: more than " in answer.text
    assert len(answer.text.encode()) < MAX_REFUSAL_BYTES
    assert len(normalized_texts) <= len(INPUTS)


def test_each_name_is_normalized_once_or_twice(tools: Tools, normalized_texts: list[str]) -> None:
    """The work grows with the names that are given, and not with their product with the inputs."""
    answers = {f"zzz{number}": None for number in range(MAX_NAMES)}
    tools.call("assess", {"profile": answers})
    assert len(normalized_texts) <= len(INPUTS) + 2 * MAX_NAMES


def test_a_long_list_of_what_was_understood_is_counted(call: Call) -> None:
    """Twenty notes are listed, each with shortened names, and the rest is a number."""
    long_names = [f"{number}{'z' * 1000}" for number in range(MAX_UNKNOWN_FIELDS)]
    notes = call("assess", profile=dict.fromkeys([*INPUTS, *long_names])).data["understood"]

    assert MAX_ERRORS + 1 == len(notes)
    assert f"{INPUTS[0]} null as not known" == notes[0]
    assert f"and {MAX_NAMES - MAX_ERRORS} more" == notes[-1]
    long_notes = call("assess", profile=dict.fromkeys(long_names)).data["understood"]
    assert len(json.dumps(long_notes).encode()) < MAX_UNDERSTOOD_BYTES


def test_an_ambiguous_name_means_nothing() -> None:
    """Two names that differ only in their separators are told apart by nothing else."""
    index = name_matching.NameIndex(["a_b", "a-b", "c", "+"])
    assert ["a_b", "a-b", "c", None, None] == [
        index.match(text) for text in ("a_b", "a-b", "C", "A B", "-")
    ]


def test_a_retired_version_names_its_successor(tmp_path: Path) -> None:
    """As the API does."""
    editions.write_ending(tmp_path)
    answer = Tools(catalog.load_catalog(tmp_path)).call("assess", {"tree_version": editions.RETIRED})

    assert isinstance(answer, ToolError)
    assert editions.RETIREMENT in answer.text


def test_an_unknown_tool_names_the_nearest(tools: Tools) -> None:
    """Or all tools, if none is near."""
    with pytest.raises(UnknownToolError, match=r"did you mean assess\?"):
        tools.call("asses", {})
    with pytest.raises(
        UnknownToolError, match="known are assess, explain, compare_trees, describe_input"
    ):
        tools.call("zzz", {})


def test_a_fault_of_the_server_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The model learns that the call was right, and the log has nothing of the profile."""

    def fail(*_: object) -> ToolAnswer:
        raise RuntimeError("secret answer")

    tools = Tools(catalog.load_catalog())
    monkeypatch.setitem(tools.by_name["assess"].__dict__, "answer", fail)
    answer = tools.call("assess", {})

    assert (
        ToolError("assess failed by a fault of this server, not of the call. Tell the person so.")
        == answer
    )
    assert ["tool assess failed: RuntimeError"] == [record.getMessage() for record in caplog.records]
