"""What an interview needn't ask any more."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from finetune_advisor.assessing.advisor import Advisor
from finetune_advisor.assessing.interview import Interviewer, list_warning_questions
from finetune_advisor.engine.evaluation.exact import affects_outcome
from finetune_advisor.engine.model.region import region_of_completions
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.trees.catalog import load_catalog
from tests import strategies


@given(strategies.trees(), st.data())
@settings(max_examples=100, deadline=None)
def test_inputs_without_effect_change_neither_outcome_nor_warnings(
    tree: Tree, data: st.DataObject
) -> None:
    """They are the inputs that a profile lacks, whose answer changes no outcome, and that can't warn."""
    profile = data.draw(strategies.partial_profiles(tree))
    advisor = Advisor(tree)
    assessment = advisor.assess(profile)
    warnings = {question.input for question in list_warning_questions(profile, assessment, ())}
    can_warn = warnings if assessment.outcome else {*tree.warning_inputs}
    region = region_of_completions(tree, profile)

    expected = [
        name
        for name in tree.inputs
        if name not in profile and name not in can_warn and not affects_outcome(tree, region, name)
    ]
    assert expected == Interviewer(advisor).list_inputs_without_effect(profile)


def test_at_first_everything_matters() -> None:
    """Also inputs that only warnings look at: which warnings go with the outcome isn't known yet."""
    trees = load_catalog().trees.values()

    assert any(tree.warning_inputs for tree in trees)
    assert [[]] * len(trees) == [
        Interviewer(Advisor(tree)).list_inputs_without_effect({}) for tree in trees
    ]
