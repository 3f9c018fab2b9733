"""The tool `compare_trees`."""

from __future__ import annotations

from pathlib import Path

from finetune_advisor.agents.tool import ToolAnswer
from finetune_advisor.agents.tools import Tools
from finetune_advisor.trees import catalog
from tests.agents.conftest import Call
from tests.conftest import BUNDLED


def test_two_versions_are_compared_by_names_and_moves(call: Call) -> None:
    """What is new and gone, and that nothing moves among the shared inputs."""
    answer = call("compare_trees", older="1.0.0", newer="2.0.0")

    assert "1.0.0 -> 2.0.0: 0 of 32 profiles of the shared inputs" in answer.data["summary"]
    assert not answer.data["equivalent"]
    assert "rules_sufficient" in answer.data["added_inputs"]
    assert "consider_finetuning" in answer.data["removed_recommendations"]
    assert "profile_outcomes" not in answer.data
    assert answer.text.startswith(answer.data["summary"])


def test_a_profile_gets_its_outcome_in_both(call: Call) -> None:
    """With what each version asks next, where it is undecided."""
    profile = {"prompt_engineering_sufficient": True}
    older, newer = call("compare_trees", older="1.0.0", newer="3.0.0", profile=profile).data[
        "profile_outcomes"
    ]
    assert ("1.0.0", "decided", "use_prompt_engineering") == (
        older["version"],
        older["status"],
        older["recommendation"],
    )
    assert ("3.0.0", "undecided", "earlier_tuning") == (
        newer["version"],
        newer["status"],
        newer["next_input"],
    )


def test_the_largest_moves_are_listed(tmp_path: Path) -> None:
    """By their share of all profiles."""
    text = (
        (BUNDLED / "1.0.0.yaml").read_text(encoding="utf-8").replace("version: 1.0.0", "version: 9.0.0")
    )
    (tmp_path / "own.yaml").write_text(text.replace("to: use_rag", "to: consider_hybrid", 1), "utf-8")
    answer = Tools(catalog.load_catalog(tmp_path)).call(
        "compare_trees", {"older": "1.0.0", "newer": "9.0.0"}
    )
    assert isinstance(answer, ToolAnswer)
    assert [{"from": "use_rag", "to": "consider_hybrid", "share": 0.125}] == answer.data["moves"]
    assert "- use_rag -> consider_hybrid: 12.5%" in answer.text
