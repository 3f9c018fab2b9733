"""`interview`: the questions of a tree in the terminal, and the plan at the end."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from finetune_advisor.cli import main

TYPED = str(Path(__file__).parents[1] / "api" / "typed.yaml")
WARNED = str(Path(__file__).parents[1] / "pages" / "warned.yaml")
WORDED = str(Path(__file__).parents[1] / "formats" / "worded.yaml")
HYBRID = ("2", "yes", "n0", "no", "1")


def interview(*said: str, options: tuple[str, ...] = ()) -> Result:
    """A run of the command, in which somebody types some lines."""
    return CliRunner().invoke(main, ["interview", *options], input="".join(f"{one}\n" for one in said))


def test_the_plan_is_that_of_assess(tmp_path: Path) -> None:
    """Choices go by number or by name; standard output has the plan alone."""
    (tmp_path / "profile.json").write_text(
        '{"prompt_engineering_sufficient": false, "knowledge_retrieval_problem": true,'
        '"real_time_data_needed": false, "data_volume_very_large": true}'
    )
    assessed = CliRunner().invoke(main, ["assess", str(tmp_path / "profile.json")])
    outcome = interview(*HYBRID)

    *blocks, footer = assessed.stdout.split("\n\n")
    path = next(block for block in blocks if block.startswith("Because:"))
    answers = path.replace("Because:", "Your answers:").replace("Yes.", "Yes").replace("No.", "No")
    assert 0 == outcome.exit_code
    assert outcome.stdout.startswith("\n\n".join(blocks).replace(path, answers))
    assert outcome.stdout.endswith(f"\n\n{footer}")
    assert "Is prompt engineering alone enough?  [1 to 7 questions left]" in outcome.stderr
    assert "Choose one of the answers that are listed; ? helps." in outcome.stderr


@pytest.mark.parametrize(
    ("form", "beginning"),
    [
        ("text", "Build RAG first, then consider tuning on top\n[consider_hybrid"),
        ("markdown", "# Build RAG first, then consider tuning on top\n\nFine-tune: **partly**\n"),
        ("json", '{"assessment":{"status":"decided","recommendation":{"id":"consider_hybrid"'),
    ],
)
def test_the_plan_has_the_form_that_is_asked_for(form: str, beginning: str) -> None:
    """Text, Markdown, or the JSON of /assess/explain."""
    assert interview(*HYBRID, options=("--format", form)).stdout.startswith(beginning)


def test_the_plan_says_what_decided_it_and_what_would_change_it() -> None:
    """As the page does, in text and in Markdown."""
    for form, mark in (("text", ":"), ("markdown", "")):
        plan = interview(*HYBRID, options=("--format", form)).stdout
        after = plan.partition(f"What decided this{mark}\n")[2]

        assert ": Yes" in after.partition("What would change this")[0]
        changes = " ".join(after.partition("What would change this")[2].split())
        assert ", if “" in changes
        assert "”: No (now Yes)" in changes
    undecided = interview("small", "-", "-", "-", "-", options=("--tree", TYPED)).stdout
    assert "Answers that would settle it:\n- " in undecided


def test_inputs_that_only_warnings_look_at_come_last() -> None:
    """After the decision, without a count; one that isn't known is left out, and back goes back."""
    said = ("yes", "<", "yes", "-")
    outcome = interview(*said, options=("--tree", WARNED))

    assert 0 == outcome.exit_code
    assert 2 == outcome.stderr.count("The plan is decided. This answer can add a warning:\n  Rows")
    assert "Wait" == outcome.stdout.partition("\n")[0]
    assert "Rows are few." not in outcome.stdout
    assert "Rows are few." in interview("yes", "5", options=("--tree", WARNED)).stdout
    assert "can add" not in interview("no", options=("--tree", WARNED)).stderr


def test_help_is_what_the_tree_says() -> None:
    """Of the question and of the input; then it asks again."""
    said = interview("?", "1").stderr

    assert "Asked first because a prompt is the cheapest thing to change" in said
    assert "True if your best prompt meets a target" in said
    assert 2 == said.count("1 to 2 (? help, - don't know, < back)")


def test_answers_have_the_words_of_the_author() -> None:
    """Help explains the choices, too, and the plan repeats the words."""
    outcome = interview("2", "1", "?", "3", "50", options=("--tree", WORDED))

    assert "  1. It stays <inside>\n  2. A contract covers it\n" in outcome.stderr
    assert "  1. Surely\n  2. No\n" in outcome.stderr
    assert (
        "Far below: Less than half.\nIt meets the target: Within 1% of the target.\n" in outcome.stderr
    )
    assert "- How good is it? It meets the target\n" in outcome.stdout


def test_back_asks_the_last_question_again() -> None:
    """Also from the second number of a comparison; at the first question, that one again."""
    said = ("<", "2", "1000", "0.5", "<", "1,500", "0.75", "0.5")
    outcome = interview(*said, options=("--tree", TYPED, "--format", "json"))
    answer = orjson.loads(outcome.stdout)["assessment"]

    assert "wait" == answer["recommendation"]["id"]
    assert 1500 == answer["path"][1]["answer"]
    assert 2 == outcome.stderr.count("How large is the corpus?")
    assert 2 == outcome.stderr.count("Who is there?")


def test_what_is_not_known_is_skipped() -> None:
    """The interview goes on; one of two numbers may be given. What is undecided is said at the end."""
    outcome = interview("small", "-", "0.5", "-", "-", "-", options=("--tree", TYPED))

    assert (0, True) == (outcome.exit_code, outcome.stdout.startswith("Undecided"))
    assert "Still possible:\n- wait\n- tune" in outcome.stdout
    assert "A number from 0 to 1 (? help, - don't know, < back)" in outcome.stderr


def test_the_end_of_the_input_ends_the_interview() -> None:
    """Without a plan."""
    outcome = interview("2")

    assert (1, "") == (outcome.exit_code, outcome.stdout)
