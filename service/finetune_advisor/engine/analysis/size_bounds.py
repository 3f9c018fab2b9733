"""Bounds: what a sound tree is too large for, so that some answers about it are cut short."""

from __future__ import annotations

from collections.abc import Iterator

from finetune_advisor.engine.analysis.comparison import comparison_is_truncated
from finetune_advisor.engine.analysis.explanation import Explainer
from finetune_advisor.engine.evaluation.path_table import PathTable
from finetune_advisor.engine.model.inputs import Profile, Value
from finetune_advisor.engine.model.region import Region
from finetune_advisor.engine.model.tree import Tree


def describe_exceeded_bounds(tree: Tree) -> Iterator[str]:
    """What answers about a sound tree leave out, each with the reason and what to do about it.

    Assessments are never among them. Explanations are tried with three profiles, and comparisons with a
    version much like the tree: others may be cut short of which nothing is said here, and say so themselves.
    """
    table = PathTable.of(tree)
    if table is None:
        yield (
            "explanations have no reasons, counterfactuals or sensitivity, as the tree has too many paths; "
            "share fewer questions"
        )
    else:
        limited = _limited_inputs(tree, table)
        if limited:
            yield (
                f"explanations of some profiles leave out {', '.join(limited)}, as too many inputs are "
                "compared with each other; compare fewer"
            )
    if comparison_is_truncated(tree):
        yield (
            "comparisons with another version are cut short, as the tree has too many paths or compares too "
            "many inputs; share fewer questions, or compare fewer inputs"
        )


def _limited_inputs(tree: Tree, table: PathTable) -> list[str]:
    """The inputs that explanations of some profile leave out: one without answers, one with the first answer
    to all, or one whose numbers are all different, which cut each other's axes into the most cells.
    """
    explainer, first = Explainer(tree, table), _first_answers(tree)
    profiles: list[Profile] = [{}, first, first | _different_numbers(tree)]
    limited = {name for profile in profiles for name in explainer.limited_inputs(profile)}
    return [name for name in tree.inputs if name in limited]


def _first_answers(tree: Tree) -> dict[str, Value]:
    least = Region(tree.axes, {}).witness()
    return {name: one.value(least[name]) for name, one in tree.inputs.items()}


def _different_numbers(tree: Tree) -> dict[str, Value]:
    """Numbers that are spread over their ranges, as far as these have as many."""
    numeric = [one for one in tree.inputs.values() if one.is_numeric]
    spread: dict[str, Value] = {}
    for place, one in enumerate(numeric, 1):
        share = place / (len(numeric) + 1)
        number = one.axis.least + (one.axis.greatest - one.axis.least) * share
        spread[one.name] = int(number) if one.type == "integer" else number
    return spread
