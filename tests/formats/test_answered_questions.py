"""The answers that a plan lists: each question that a person answered, once, with those for warnings."""

from __future__ import annotations

from pathlib import Path

import pytest

from finetune_advisor.app import create_app
from finetune_advisor.engine.analysis.explanation import Explainer, Explanation
from finetune_advisor.engine.evaluation.path_table import PathTable
from finetune_advisor.engine.model.inputs import Value
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.formats.answered_questions import describe_answered_questions
from finetune_advisor.formats.plan_markdown import render_plan_markdown
from finetune_advisor.formats.plan_text import render_plan_text
from finetune_advisor.schemas.assessments import AssessmentSchema
from finetune_advisor.settings import Settings
from finetune_advisor.trees.loader import load_tree
from tests.pages.reading import Page

DOCUMENT = Path(__file__).with_name("repeated.yaml")
PROFILE: dict[str, Value] = {"cost": True, "score": 80, "target": 70, "rows": 5}
QUERY = "cost=true&score=80&target=70&rows=5"
ASKED = ["Is cost the complaint?", "Is the score measured?", "Is the target met?", "Rows at hand"]


@pytest.fixture(scope="module")
def repeated() -> Tree:
    """A tree that asks about an input twice."""
    return load_tree(DOCUMENT)


@pytest.fixture(scope="module")
def explanation(repeated: Tree) -> Explanation:
    """The explanation of a profile with all answers."""
    return Explainer(repeated, PathTable.of(repeated)).explain(PROFILE, limit=10)


def test_a_question_that_was_never_asked_is_left_out(explanation: Explanation) -> None:
    """A comparison stays if one of its two inputs is new; the path on the wire has every question."""
    answers = describe_answered_questions(explanation.assessment)

    expected = [
        "Is cost the complaint? Yes",
        "Is the score measured? 80 (more than 0)",
        "Is the target met? 80 (at least 70)",
        "Rows at hand: 5 rows",
    ]
    assert expected == answers
    assert ["cost", "score", "compared", "again"] == [s.question.id for s in explanation.assessment.path]


def test_a_comparison_that_one_known_input_settles_is_left_out(repeated: Tree) -> None:
    """Nobody was asked for the other one."""
    assessment = Explainer(repeated, PathTable.of(repeated)).explain({"score": 100}).assessment

    assert ["score", "compared"] == [step.question.id for step in assessment.path]
    assert ["Is the score measured? 100 (more than 0)"] == describe_answered_questions(assessment)


def test_the_pages_list_the_same_questions(tmp_path: Path) -> None:
    """On the plan and on each question; a link leads to the first question about the input."""
    (tmp_path / "own.yaml").write_text(DOCUMENT.read_text())
    client = create_app(Settings(log_level="error", trees_dir=tmp_path)).test_client()
    plan = Page(client, f"/interview?tree=3.0.0-repeated.1&{QUERY}")
    question = plan.follow("Is the target met?")

    assert ASKED == plan.texts["dt"]
    assert [one for one in ASKED if one != question.heading] == question.texts["dt"]
    assert "Is cost the complaint?" == plan.follow("Is cost the complaint?").heading


def test_the_other_plans_list_the_same_answers(explanation: Explanation) -> None:
    """Markdown with numbers, text with dashes."""
    markdown = render_plan_markdown(explanation)
    text = render_plan_text(explanation, AssessmentSchema().dump(explanation.assessment))

    assert (
        "2. Is the score measured? 80 (more than 0)\n3. Is the target met? 80 (at least 70)" in markdown
    )
    assert "4. Rows at hand: 5 rows\n\n" in markdown
    assert "Your answers:\n- Is cost the complaint? Yes\n" in text
    assert "- Rows at hand: 5 rows\n\n" in text
    assert "Does cost decide?" not in markdown + text


def test_plans_number_steps_and_name_the_sources_of_warnings(explanation: Explanation) -> None:
    """In Markdown and in text."""
    markdown = render_plan_markdown(explanation)
    text = render_plan_text(explanation, AssessmentSchema().dump(explanation.assessment))

    assert "1. Begin.\n2. Go on.\n" in markdown
    assert r"- Rows are few. [A study of \[rows\]](<https://example.org/rows>)" in markdown
    assert "- Rows are few. A study of [rows] <https://example.org/rows>" in text
