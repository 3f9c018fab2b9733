"""Mermaid charts: Mermaid's own parser reads from them what the tree says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from finetune_advisor.engine.evaluation.exact import evaluate
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.formats import labels, mermaid
from finetune_advisor.trees import catalog, loader
from tests.families import row_of_questions
from tests.formats.oracles import Oracle

GOLDEN = Path(__file__).parent / "golden"
PATH = {
    "prompt_engineering_sufficient": False,
    "knowledge_retrieval_problem": True,
    "real_time_data_needed": True,
}


@pytest.fixture(params=["tree", "typed", "awkward"])
def each(request: pytest.FixtureRequest) -> Tree:
    """Each tree of these tests."""
    found: Tree = request.getfixturevalue(request.param)
    return found


@pytest.mark.parametrize("version", [path.stem for path in catalog.BUNDLED_TREES_DIR.glob("*.yaml")])
def test_a_bundled_tree_is_drawn_as_it_was(version: str) -> None:
    """The chart of a bundled tree never changes by accident."""
    drawn = mermaid.render_mermaid(loader.load_tree(catalog.BUNDLED_TREES_DIR / f"{version}.yaml"))

    assert (GOLDEN / f"{version}.mmd").read_text(encoding="utf-8") == drawn


def test_mermaid_reads_every_node_and_its_text(each: Tree, mermaid_oracle: Oracle) -> None:
    """Every question and recommendation is there with its whole text, whatever marks it has."""
    expected = {f"q_{q.id}": " ".join(q.text.split()) for q in each.questions.values()}
    for leaf in each.recommendations.values():
        expected[f"r_{leaf.id}"] = f"{leaf.title}\nfine-tune: {labels.FINETUNE_LABELS[leaf.finetune]}"
    nodes = mermaid_oracle.ask(model=mermaid.render_mermaid(each))["nodes"]
    assert expected == {name: text for name, text, *_ in nodes}


def test_mermaid_reads_every_branch(each: Tree, mermaid_oracle: Oracle) -> None:
    """Every branch is there, from its question to where it leads, with the answer that takes it."""
    edges = mermaid_oracle.ask(model=mermaid.render_mermaid(each))["edges"]
    assert sorted(_edges(each)) == sorted(map(tuple, edges))


def _edges(tree: Tree) -> Iterator[tuple[str, str, str]]:
    for question in tree.questions.values():
        for branch in question.branches:
            kind = "q" if branch.to in tree.questions else "r"
            yield f"q_{question.id}", f"{kind}_{branch.to}", labels.label_branch(tree, question, branch)


def test_the_path_stands_out(tree: Tree, mermaid_oracle: Oracle) -> None:
    """Answered questions and the recommendation are thick, and all that is out of reach fades."""
    nodes = mermaid_oracle.ask(model=mermaid.render_mermaid(tree, evaluate(tree, PATH)))["nodes"]
    classes = {name: set(found) for name, _, _, found in nodes}
    questions = {"q_prompt_engineering", "q_knowledge_retrieval", "q_real_time_data"}
    assert questions | {"r_use_rag"} == {name for name, found in classes.items() if "answered" in found}
    assert classes.keys() - questions - {"r_use_rag"} == {n for n, f in classes.items() if "faded" in f}


def test_the_next_question_and_the_candidates_stand_out(tree: Tree, mermaid_oracle: Oracle) -> None:
    """While undecided, the next question is dashed, and what can still come out doesn't fade."""
    assessment = evaluate(tree, dict(list(PATH.items())[:2]))
    nodes = mermaid_oracle.ask(model=mermaid.render_mermaid(tree, assessment))["nodes"]
    classes = {name: set(found) for name, _, _, found in nodes}
    assert ["q_real_time_data"] == [name for name, found in classes.items() if "next" in found]
    clear = {name for name, found in classes.items() if "faded" not in found and name.startswith("r_")}
    assert {f"r_{one}" for one in assessment.candidates} == clear


def test_a_label_says_the_answer_with_its_unit(typed: Tree) -> None:
    """Branches are labelled yes or no, with choices, with ranges and their unit, or with the other input."""
    found = {
        labels.label_branch(typed, question, branch)
        for question in typed.questions.values()
        for branch in question.branches
    }
    assert {"no", "solo", "small or large", "otherwise", "best_score < needed_score"} < found
    assert {"≥ 500 and < 1,000 examples", "> 3,000 examples", "retrain_days ≤ change_days"} < found


def test_a_title_keeps_its_angles(awkward: Tree) -> None:
    """What stands between < and > is taken for HTML and dropped, so they are replaced by others."""
    title = mermaid.render_mermaid(awkward).splitlines()[1]

    assert title.startswith('title: "Names & \u2039texts\u203a: ')


def test_a_chart_larger_than_the_default_says_what_it_needs(mermaid_oracle: Oracle) -> None:
    """Mermaid draws 250 questions, and refuses 251 with 502 branches, whose chart has a comment on that."""
    small, large = (mermaid.render_mermaid(row_of_questions(count)) for count in (250, 251))
    assert 500 == len(mermaid_oracle.ask(model=small)["edges"])
    assert "maxEdges" not in small
    assert "pass {maxEdges: 502} to mermaid.initialize" in large
    for chart in (large, large.replace("---\n", "---\nconfig: {maxEdges: 502}\n", 1)):
        with pytest.raises(AssertionError, match="maxEdges"):
            mermaid_oracle.ask(model=chart)


def test_a_chart_of_long_texts_says_what_it_needs() -> None:
    """The comment names a size that the whole chart stays below, the comment included."""
    tree = row_of_questions(100)
    questions = {name: replace(one, text="Long? " * 100) for name, one in tree.questions.items()}
    chart = mermaid.render_mermaid(replace(tree, questions=questions))
    [size] = re.findall(r"pass {maxTextSize: (\d+)}", chart)

    assert mermaid.MAX_TEXT_LENGTH < len(chart) <= int(size)
