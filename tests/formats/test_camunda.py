"""Trees in DMN, run by Camunda 7 and Camunda 8, decide as this engine does; that takes a minute."""

from __future__ import annotations

from itertools import pairwise

import pytest

from finetune_advisor.engine.analysis.decision_table import build_decision_table
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.trees import catalog, loader
from tests.formats.notation import Notation
from tests.formats.test_oracles import assert_only_the_path_is_needed


def test_decision_tables_end_alike_in_camunda(typed: Tree, awkward: Tree, camunda: Notation) -> None:
    """Every row of the decision tables of every kind of test, and of awkward names and texts."""
    for tree in (typed, awkward):
        assert [] == camunda.disagreements(
            tree, [profile for profile, _ in build_decision_table(tree).rows]
        )


@pytest.mark.parametrize("version", ["1.0.0", "2.0.0", "3.0.0"])
def test_bundled_trees_end_alike_in_camunda(version: str, camunda: Notation) -> None:
    """Rows of the decision table that together go every way from a question to the next, and to each end.

    Camunda 8 evaluates a decision anew for each that requires it, and takes up to a second for a row.
    """
    tree = loader.load_tree(catalog.BUNDLED_TREES_DIR / f"{version}.yaml")
    rows, taken = [], set[tuple[str, str]]()
    for profile, outcome in build_decision_table(tree).rows:
        steps = {*pairwise((*outcome.path, outcome.recommendation))}
        if steps - taken:
            rows.append(profile)
            taken |= steps
    ends = {(q.id, branch.to) for q in tree.questions.values() for branch in q.branches}
    assert ends <= taken
    assert [] == camunda.disagreements(tree, rows)


def test_answers_off_the_path_are_not_needed_in_camunda(tree: Tree, camunda: Notation) -> None:
    """A profile that answers just the questions on its path is decided; with one answer less it isn't."""
    assert_only_the_path_is_needed(tree, camunda, step=101)
