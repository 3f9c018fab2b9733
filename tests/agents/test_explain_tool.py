"""The tool `explain`."""

from __future__ import annotations

from finetune_advisor import Advisor, load_catalog, to_dict
from tests.agents.conftest import Call

CATALOG = load_catalog()
PROFILE = {
    "prompt_engineering_sufficient": False,
    "knowledge_retrieval_problem": True,
    "real_time_data_needed": True,
}


def test_the_changes_are_those_of_the_library(call: Call) -> None:
    """With the titles of what they lead to, and the answers that force the outcome."""
    answer = call("explain", profile=PROFILE, limit=3)
    expected = to_dict(Advisor(CATALOG.default, CATALOG).explain(PROFILE, limit=3))

    assert expected["sufficient_reason"] == answer.data["sufficient_reason"]
    assert expected["counterfactuals"] == [
        {key: change[key] for key in ("recommendation", "changes")} for change in answer.data["changes"]
    ]
    titles = CATALOG.default.recommendations
    assert [titles[change["recommendation"]].title for change in answer.data["changes"]] == [
        change["title"] for change in answer.data["changes"]
    ]
    assert "use_rag" == answer.data["recommendation"]["id"]
    assert "These answers alone lead to this outcome" in answer.text


def test_the_answer_is_small(call: Call) -> None:
    """Without the effect of every other answer, which an agent finds by another call of assess."""
    answer = call("explain", profile=PROFILE)

    assert 5 == len(answer.data["changes"])
    assert "sensitivity" not in answer.data
    assert len(answer.text) < 2500


def test_a_target_and_frozen_inputs_limit_the_changes(call: Call) -> None:
    """What it would take to get to another recommendation, without a change of what can't change."""
    answer = call("explain", profile=PROFILE, target="consider_hybrid", frozen=["real_time_data_needed"])

    assert [] == answer.data["changes"]
    assert (
        "No change of these answers leads to consider_hybrid without changing the frozen" in answer.text
    )


def test_an_undecided_profile_gets_changes_without_a_reason(call: Call) -> None:
    """And an input of another tree is named as ignored."""
    answer = call("explain", profile={"prompt_result": "meets"})

    assert "undecided" == answer.data["status"]
    assert "sufficient_reason" not in answer.data
    assert ["prompt_result"] == answer.data["ignored"]
