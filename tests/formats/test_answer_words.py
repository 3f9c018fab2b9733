"""The words of answers: the author's where there are any, wherever people read an answer."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from finetune_advisor.cli import main
from finetune_advisor.engine.analysis.comparison import compare_trees
from finetune_advisor.engine.analysis.explanation import Explainer
from finetune_advisor.engine.evaluation.exact import evaluate
from finetune_advisor.engine.evaluation.path_table import PathTable
from finetune_advisor.engine.model.inputs import Value
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.formats import answer_words, dmn, jdm, labels, mermaid, svg
from finetune_advisor.formats.plan_markdown import render_plan_markdown
from finetune_advisor.schemas.assessments import AssessmentSchema
from finetune_advisor.schemas.trees import TreeSchema
from finetune_advisor.trees.loader import load_tree

DOCUMENT = Path(__file__).with_name("worded.yaml")
PROFILE: dict[str, Value] = {"sensitive": False, "half": True, "result": "meets", "worded_rows": 50}


@pytest.fixture(scope="module")
def worded() -> Tree:
    """A tree whose answers have words of their own."""
    return load_tree(DOCUMENT)


@pytest.mark.parametrize(
    ("name", "value", "words", "briefly"),
    [
        ("sensitive", True, "It stays <inside>", "It stays <inside>"),
        ("half", True, "Surely", "Surely"),
        ("half", False, "No", "no"),
        ("result", "type", "Nobody measured it", "Nobody measured it"),
        ("result", "far_below", "Far below", "far_below"),
    ],
)
def test_a_choice_has_the_words_of_the_author(
    worded: Tree, name: str, value: bool | str, words: str, briefly: str
) -> None:
    """Or, without any, those that follow from its value."""
    input_ = worded.inputs[name]

    assert words == answer_words.describe_choice(input_, value)
    assert briefly == answer_words.describe_choice_briefly(input_, value)


def test_the_path_says_the_words(worded: Tree) -> None:
    """`path[].branch.text` on the wire, and each step of a plan."""
    assessment = evaluate(worded, PROFILE)
    answer = AssessmentSchema().dump(assessment)

    expected = ["A contract covers it", "Surely", "It meets the target", "at least 10 rows"]
    assert expected == [step["branch"]["text"] for step in answer["path"]]
    expected[-1] = "50 rows (at least 10 rows)"
    assert expected == [labels.describe_step(worded, step) for step in assessment.path]


def test_a_branch_of_several_choices_says_the_words_of_each(worded: Tree) -> None:
    """On the tree's page, and in sentences."""
    question = worded.questions["result"]

    expected = ["Nobody measured it or Far below", "It meets the target"]
    assert expected == [labels.describe_test(worded, question, one) for one in question.branches]


def test_the_next_question_has_the_words(worded: Tree) -> None:
    """A form can be built from `next_question` alone; absent means absent."""
    enum = AssessmentSchema().dump(evaluate(worded, {"sensitive": False, "half": True}))["next_question"]
    boolean = AssessmentSchema().dump(evaluate(worded, {"sensitive": False}))["next_question"]

    assert {"type": "Nobody measured it", "meets": "It meets the target"} == enum["choice_labels"]
    assert {"meets": "Within 1% of the target.", "far_below": "Less than half."} == enum["choice_help"]
    assert "Surely" == boolean["true_label"]
    assert not {"false_label", "choice_labels", "choice_help"} & {*boolean}


def test_the_tree_has_the_words(worded: Tree) -> None:
    """GET /tree gives them under the names that the document has."""
    dumped = TreeSchema().dump(worded)["inputs"]

    assert "It stays <inside>" == dumped["sensitive"]["true_label"]
    assert {"type": "Nobody measured it", "meets": "It meets the target"} == dumped["result"][
        "choice_labels"
    ]
    assert {"type", "label"} == dumped["half"].keys() - {"true_label"}


def test_counterfactuals_say_the_words(worded: Tree) -> None:
    """In a plan, what would change it reads like the answers themselves."""
    explanation = Explainer(worded, PathTable.of(worded)).explain(PROFILE, limit=10)
    plan = render_plan_markdown(explanation)

    assert r", if “Where the data may go”: It stays \<inside\> (now A contract covers it)" in plan
    assert "“The best result”: Nobody measured it (now It meets the target)" in plan


def test_pictures_say_the_words(worded: Tree) -> None:
    """The arrows of both pictures, with markup escaped."""
    assert "It stays #lt;inside#gt;" in mermaid.render_mermaid(worded)
    assert "It stays &lt;inside&gt;" in " ".join(svg.render_svg(worded).split())


def test_models_carry_words_and_help_as_descriptions(worded: Tree) -> None:
    """DMN and JDM have a place for them; a tree without such words is exported as before."""
    choices = "type: Nobody measured it. far_below: Less than half."
    words = f"{choices} meets: It meets the target. Within 1% of the target."

    assert f"The best result. {words}" in dmn.render_dmn(worded)
    assert words in jdm.render_jdm(worded)


@pytest.mark.parametrize(
    ("notation", "left_out"),
    [
        ("rego", "choice_labels, choice_help, true_label, false_label"),
        ("mermaid", "choice_help"),
        ("svg", "choice_help"),
        ("dmn", ""),
        ("jdm", ""),
    ],
)
def test_an_export_says_which_words_it_leaves_out(notation: str, left_out: str) -> None:
    """On standard error, so that the export itself can be redirected."""
    run = CliRunner().invoke(main, ["tree", "export", "--format", notation, str(DOCUMENT)])

    assert 0 == run.exit_code
    assert (f"{notation} has no place for {left_out}: left out.\n" if left_out else "") == run.stderr


def test_another_wording_moves_nobody(tmp_path: Path, worded: Tree) -> None:
    """Words are texts, even those of a choice that is called like a field that decides."""
    text = DOCUMENT.read_text(encoding="utf-8")
    path = tmp_path / "newer.yaml"
    path.write_text(
        text.replace("worded.1", "worded.2")
        .replace("Nobody measured it", "Unknown")
        .replace("Surely", "Yea"),
        encoding="utf-8",
    )
    changes = compare_trees(worded, load_tree(path))

    assert changes.equivalent
    assert ["/inputs/half/true_label", "/inputs/result/choice_labels/type"] == [
        one.pointer for one in changes.reworded
    ]
    assert () == changes.rewired == changes.added == changes.removed
