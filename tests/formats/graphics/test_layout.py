"""Layouts: what is accepted is laid out quickly, whether it is long or wide."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import count
from time import process_time

import pytest

from finetune_advisor.engine.analysis.validation import find_faults
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.formats import jdm, svg
from tests.families import ladder, row_of_comparisons, row_of_questions, side_by_side

SECONDS = 1.5
"""Three times what a layout may take, as others work beside this test."""

FAMILIES: dict[str, Callable[[int], Tree]] = {
    "branches to an end each": lambda size: side_by_side(size, size),
    "branches to two ends": partial(side_by_side, ends=2),
    "questions in a row": row_of_questions,
    "comparisons in a row": row_of_comparisons,
    "a ladder": ladder,
}


def _seconds(task: Callable[[], object]) -> float:
    begun = process_time()
    task()
    return process_time() - begun


@pytest.mark.exhaustive
@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_the_largest_tree_that_can_be_drawn_is_laid_out_quickly(family: Callable[[int], Tree]) -> None:
    """However a tree grows, at some size it is refused, and just below it a layout takes no second."""
    pictures = (svg.Picture(family(size)) for size in count(10, 5))
    largest = svg.Picture(family(5))
    for picture in pictures:
        if not picture.can_be_drawn:
            break
        largest = picture

    assert not find_faults(largest.tree)
    assert _seconds(largest.lay_out) < SECONDS


@pytest.mark.parametrize(("branches", "drawn"), [(141, True), (142, False), (5_000, False)])
def test_a_question_may_have_141_branches_in_a_picture(branches: int, drawn: bool) -> None:
    """Their number alone decides, and not to how many recommendations they lead."""
    for ends in (2, branches):
        assert drawn == svg.Picture(side_by_side(branches, ends)).can_be_drawn


def test_a_wide_decision_model_is_written_quickly() -> None:
    """GoRules' nodes are placed in a grid where a layout would take seconds."""
    tree = side_by_side(300, 300)

    assert _seconds(partial(jdm.render_jdm, tree)) < SECONDS
