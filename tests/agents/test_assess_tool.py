"""The tool `assess`."""

from __future__ import annotations

import pytest

from finetune_advisor import Advisor, load_catalog, to_dict
from tests.agents.conftest import Call

CATALOG = load_catalog()
RETRIEVAL = {"prompt_engineering_sufficient": False, "knowledge_retrieval_problem": True}


def test_an_empty_call_asks_the_first_question(call: Call) -> None:
    """An agent that knows nothing gets the question, how to answer it, and what to do without an answer."""
    answer = call("assess")

    assert "undecided" == answer.data["status"]
    assert "prompt_engineering_sufficient" == answer.data["next_question"]["input"]
    assert {"fewest": 1, "most": 7} == answer.data["questions_left"]
    assert [] == answer.data["no_longer_matters"]
    for said in (
        "Ask the person (questions left: 1 to 7): Is prompt engineering alone enough?",
        "- true: Yes",
        "call assess again with prompt_engineering_sufficient in skipped",
        "collect at least 20 real inputs",
    ):
        assert said in answer.text


@pytest.mark.parametrize("version", CATALOG.trees)
def test_an_interview_ends_in_the_recommendation_of_the_library(call: Call, version: str) -> None:
    """The answers to what is asked, each the first one possible, decide as the library does."""
    advisor = Advisor(CATALOG.pick(version), CATALOG)
    profile: dict[str, bool | int | float | str] = {}
    while question := call("assess", profile=profile, tree_version=version).data.get("next_question"):
        input_ = advisor.tree.inputs[question["input"]]
        profile[input_.name] = input_.value(input_.axis.least)
    decided = call("assess", profile=profile, tree_version=version)

    expected = to_dict(advisor.assess(profile))
    assert "decided" == decided.data["status"]
    assert expected["recommendation"] == decided.data["recommendation"]
    assert expected["path"] == decided.data["path"]
    assert expected["receipt"] == decided.data["receipt"]
    assert expected["recommendation"]["title"] in decided.text


def test_skipped_inputs_are_not_asked_about(call: Call) -> None:
    """The next question is another one, and once nothing is left to ask, the text says what to do."""
    skipped = ["real_time_data_needed"]
    first = call("assess", profile=RETRIEVAL, skipped=skipped)
    both = call("assess", profile=RETRIEVAL, skipped=[*skipped, "data_volume_very_large"])

    assert "data_volume_very_large" == first.data["next_question"]["input"]
    assert "next_question" not in both.data
    assert "Nothing is left to ask: the outcome depends on skipped inputs" in both.text


def test_what_no_longer_matters_is_named(call: Call) -> None:
    """With a knowledge problem, the inputs of the other half of the tree can't change anything."""
    answer = call("assess", profile=RETRIEVAL)

    assert [
        "narrow_specific_task",
        "smaller_model_sufficient",
        "consistent_style_needed",
        "deep_domain_expertise_needed",
        "domain_well_represented",
        "data_sensitive",
        "api_usable",
    ] == answer.data["no_longer_matters"]
    assert "No longer matters, don't ask: narrow_specific_task, " in answer.text


def test_a_decision_names_inputs_that_can_add_a_warning(call: Call) -> None:
    """They are optional: no answer to them changes the outcome, so that they aren't in no_longer_matters."""
    answer = call("assess", profile={"earlier_tuning": "may_not_be_used"}, tree_version="3.0.0")

    optional = answer.data["may_add_warnings"]
    assert optional
    assert set() == {*optional} & {*answer.data["no_longer_matters"]}
    assert f"answers to these can add a warning: {', '.join(optional)}" in answer.text


def test_an_input_of_another_tree_is_ignored_with_a_hint(call: Call) -> None:
    """An agent that took the wrong version learns which one knows the input."""
    answer = call("assess", profile={"prompt_result": "meets"})

    assert ["prompt_result"] == answer.data["ignored"]
    assert "Tree 3.0.0 knows ignored inputs: give it as tree_version" in answer.text


def test_numbers_are_asked_for_with_range_and_unit(call: Call) -> None:
    """The text says which numbers the input takes, in which unit."""
    answer = call(
        "assess",
        profile={"rules_sufficient": False, "success_metric": "quantitative"},
        tree_version="2.0.0",
    )
    assert "Answer with a whole number from 0 to 10,000,000, in examples." in answer.text
