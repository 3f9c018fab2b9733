"""Trees in DMN, run by Camunda 7 and Camunda 8, decide as this engine does; that takes minutes."""

from __future__ import annotations

from finetune_advisor import catalog, documents
from finetune_advisor.engine.decision_table import decision_table
from finetune_advisor.engine.tree import Tree
from tests.formats.notation import Notation
from tests.formats.test_oracles import assert_only_the_path_is_needed


def test_decision_tables_end_alike_in_camunda(
    tree: Tree, typed: Tree, awkward: Tree, camunda: Notation
) -> None:
    """Every row of the decision tables of 1.0.0, of every kind of test and of awkward names."""
    for each in (tree, typed, awkward):
        assert [] == camunda.disagreements(each, [profile for profile, _ in decision_table(each).rows])


def test_the_second_tree_ends_alike_in_camunda(camunda: Notation) -> None:
    """A row of the decision table of 2.0.0 for each list of questions with a recommendation."""
    second = documents.load(catalog.BUNDLED / "2.0.0.yaml")
    rows = {(one.path, one.recommendation): profile for profile, one in decision_table(second).rows}
    assert second.recommendations.keys() == {end for _, end in rows}
    assert [] == camunda.disagreements(second, [*rows.values()])


def test_answers_off_the_path_are_not_needed_in_camunda(tree: Tree, camunda: Notation) -> None:
    """A profile that answers just the questions on its path is decided; with one answer less it isn't."""
    assert_only_the_path_is_needed(tree, camunda, step=101)
