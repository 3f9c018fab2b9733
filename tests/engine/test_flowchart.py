"""Tree 1.0.0 is the guide's flowchart, branch by branch."""

from __future__ import annotations

from itertools import product

import pytest

from finetune_advisor.engine.evaluation.exact import evaluate
from finetune_advisor.engine.model.conditions import InChoices
from finetune_advisor.engine.model.tree import Tree
from tests.engine import flowchart

PROFILES = [
    dict(zip(flowchart.INPUTS.values(), answers, strict=True))
    for answers in product((False, True), repeat=len(flowchart.INPUTS))
]
PATHS = {flowchart.walk(profile) for profile in PROFILES}


def test_every_complete_profile_gets_the_recommendation_of_the_flowchart(tree: Tree) -> None:
    """All 2,048 complete profiles answer the questions of the flowchart and end where it ends."""
    actual = {}
    for number, profile in enumerate(PROFILES):
        assessment = evaluate(tree, profile)
        questions = tuple(step.question.id for step in assessment.path)
        actual[number] = (questions, *assessment.candidates)
    expected = {number: flowchart.walk(profile) for number, profile in enumerate(PROFILES)}
    assert len(PROFILES) == 2048
    assert [n for n in expected if expected[n] != actual[n]] == []


def test_the_flowchart_has_12_paths_of_1_to_7_answers(tree: Tree) -> None:
    """Profiles take exactly 12 distinct paths, the shortest of one answer, the longest of seven."""
    assessments = [evaluate(tree, profile) for profile in PROFILES]
    actual = {(tuple(s.question.id for s in one.path), *one.candidates) for one in assessments}
    assert actual == PATHS
    assert sorted(len(questions) for questions, _ in actual) == [1, 3, 4, 4, 4, 4, 4, 6, 6, 6, 7, 7]


def test_the_questions_ask_for_the_inputs_of_the_flowchart(tree: Tree) -> None:
    """There are 11 questions, each asking about the boolean input that the flowchart names."""
    assert {name: one.input for name, one in tree.questions.items()} == flowchart.INPUTS
    assert {one.type for one in tree.inputs.values()} == {"boolean"}
    assert len(tree.questions) == 11


def test_the_branches_lead_where_yes_and_no_lead(tree: Tree) -> None:
    """There are 22 branches, a yes and a no for each question, and no other tests."""
    branches = {
        (question.id, branch.test): branch.to
        for question in tree.questions.values()
        for branch in question.branches
    }
    expected = {
        (name, InChoices((answer,))): to
        for name, (yes, no) in flowchart.YES_NO.items()
        for answer, to in ((True, yes), (False, no))
    }
    assert branches == expected
    assert len(branches) == 22


def test_the_recommendations_say_about_finetuning_what_the_flowchart_says(tree: Tree) -> None:
    """Seven recommendations; one says yes to fine-tuning, one partly, the others no."""
    actual = {name: one.finetune for name, one in tree.recommendations.items()}
    assert actual == flowchart.FINETUNE


def test_tree_order_is_the_order_of_the_flowchart(tree: Tree) -> None:
    """Questions come up in the order in which the guide asks them."""
    ranked = [
        name
        for name in sorted(tree.topological_index, key=tree.topological_index.__getitem__)
        if name in tree.questions
    ]
    assert ranked == list(flowchart.INPUTS)


@pytest.mark.parametrize("recommendation", flowchart.FINETUNE)
def test_every_branch_to_a_recommendation_gives_a_reason(tree: Tree, recommendation: str) -> None:
    """A recommendation is never reached without a reason, and unlike ways to it have unlike reasons."""
    reasons = [
        branch.reason
        for question in tree.questions.values()
        for branch in question.branches
        if branch.to == recommendation
    ]
    assert "" not in reasons
    assert len(set(reasons)) == len(reasons)
