"""`explain`: the answer of POST /assess/explain on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from finetune_advisor.app import create_app
from finetune_advisor.cli import main
from finetune_advisor.engine.analysis.explanation import Explainer
from finetune_advisor.engine.evaluation.path_table import PathTable
from finetune_advisor.formats import explanation_text
from finetune_advisor.schemas.explanations import ExplanationSchema
from finetune_advisor.trees import loader
from tests.api.conftest import TYPED
from tests.conftest import ROOT

EXAMPLE = ROOT / "examples" / "20-brand-voice.yaml"
PROFILE = {
    "prompt_engineering_sufficient": False,
    "knowledge_retrieval_problem": True,
    "real_time_data_needed": False,
    "data_volume_very_large": True,
}


def explain(*arguments: str, stdin: str = json.dumps(PROFILE)) -> Result:
    return CliRunner().invoke(main, ["explain", *arguments], input=stdin)


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("options", "request_"),
    [
        ([], {}),
        (["--target", "use_rag"], {"target": "use_rag"}),
        (["--target", "ft_dpo"], {"target": "ft_dpo"}),
        (["--frozen", "real_time_data_needed"], {"frozen": ["real_time_data_needed"]}),
        (
            ["--frozen", "real_time_data_needed", "--frozen", "api_usable"],
            {"frozen": ["real_time_data_needed", "api_usable"]},
        ),
        (["--limit", "1"], {"limit": 1}),
        (["--tree-version", "2.0.0", "--limit", "3"], {"tree_version": "2.0.0", "limit": 3}),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, list) else "",
)
def test_json_is_the_answer_of_the_api(options: list[str], request_: dict[str, Any]) -> None:
    """explain --json prints the bytes that POST /assess/explain answers."""
    client = create_app().test_client()
    served = client.post("/assess/explain", json={"profile": PROFILE, **request_})
    printed = explain("-", "--json", *options)

    assert printed.exit_code == 0
    assert printed.stdout == f"{served.text}\n"


def test_text_tells_what_would_change_the_outcome() -> None:
    """explain prints the recommendation, the path, the sufficient reason, the changes and their effects."""
    printed = explain("--tree-version", "2.0.0", "--limit", "30", str(EXAMPLE))

    assert printed.exit_code == 0
    assert printed.stdout.startswith("Preference tuning (DPO)")
    for line in (
        "[ft_dpo; fine-tune: yes]",
        "- Are there at least 20 test cases? 80 (at least 20 examples)",
        "These answers alone lead to this outcome:",
        "- no_llm_needed: rules_sufficient no -> yes",
        "- measure_first: eval_examples 80 -> 19",
        "- eval_examples: 0 to 19 -> measure_first",
        "30 changes listed; there may be more.",
    ):
        assert line in printed.stdout.splitlines()
    assert max(map(len, printed.stdout.splitlines())) <= 100


ALL_FROZEN = [option for name in PROFILE for option in ("--frozen", name)]
KEPT = "without changing the frozen inputs."


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (ALL_FROZEN, f"No change of these answers leads to another recommendation {KEPT}"),
        (
            [*ALL_FROZEN, "--target", "use_rag"],
            f"No change of these answers leads to use_rag {KEPT}",
        ),
        (
            ["--target", "ft_dpo"],
            "Tree 1.0.0 has no recommendation ft_dpo, so no change leads there.",
        ),
        (["--target", "consider_hybrid"], "These answers lead to consider_hybrid already."),
    ],
    ids=["frozen", "frozen, with a target", "a target of another version", "what is recommended"],
)
def test_text_says_why_there_is_no_change(options: list[str], said: str) -> None:
    """Of the changes that were asked for, and not of all."""
    printed = explain("-", *options)

    assert said in printed.stdout.replace("\n", " ")
    assert "listed" not in printed.stdout


def test_text_says_that_nothing_leads_to_the_target() -> None:
    """The other changes are not denied, where a tree has the target and no profile gets there."""
    tree = loader.load_tree(TYPED)
    answer = ExplanationSchema().dump(Explainer(tree, PathTable.of(tree)).explain({"team": "small"}))
    target = next(iter(tree.recommendations))
    none = {**answer, "counterfactuals": [], "truncated": False}

    shown = explanation_text.render_explanation_text(none, tree, target=target)
    assert f"\n\nNo change of these answers leads to {target}.\n\n" in shown
    shown = explanation_text.render_explanation_text(none, tree)
    assert "\n\nNo change of these answers leads to another recommendation.\n\n" in shown


def test_a_document_may_be_explained_as_it_stands() -> None:
    """--tree asks it with its own inputs alone."""
    printed = explain("-", "--tree", str(TYPED), stdin='{"team": "small"}')

    assert printed.exit_code == 0
    assert "Undecided\n" in printed.stdout
    assert "\nTree 9.0.0-typed, receipt sha256:" in printed.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--target", "use_rga"], "--target: not a known value; choose from use_prompt_engineering, "),
        (
            ["--frozen", "nope"],
            "--frozen: not a known value; choose from prompt_engineering_sufficient, ",
        ),
        (["--limit", "0"], "--limit: out of range; give a value from 1 to 1000"),
        (["--limit", "x"], "'x' is not a valid integer"),
    ],
)
def test_a_wrong_option_is_a_usage_error(options: list[str], message: str) -> None:
    """By the rules of the API, with the option's name."""
    printed = explain("-", *options)

    assert (printed.exit_code, printed.stdout) == (2, "")
    assert message in " ".join(printed.stderr.split())


def test_a_profile_of_another_version_is_told_which() -> None:
    """As assess does: in the text, and with --json on standard error."""
    shown, answered = explain(str(EXAMPLE)), explain(str(EXAMPLE), "--json")

    assert "--tree-version 2.0.0" in shown.stdout
    assert answered.stderr.endswith("Tree 2.0.0 knows them: ask it with --tree-version 2.0.0\n")


def test_a_wrong_profile_is_refused(tmp_path: Path) -> None:
    """As assess does."""
    printed = explain("-", stdin='{"data_sensitiv": true}')

    assert (printed.exit_code, printed.stdout) == (1, "")
    assert "did you mean data_sensitive?" in printed.stderr
