"""Bounds: what a sound tree is too large for, so that some answers about it are cut short."""

from __future__ import annotations

from collections.abc import Iterator

from finetune_advisor.engine.comparison import comparison_is_truncated
from finetune_advisor.engine.explanation import Explainer
from finetune_advisor.engine.paths import PathTable
from finetune_advisor.engine.region import Region
from finetune_advisor.engine.tree import Tree


def bounds_met(tree: Tree) -> Iterator[str]:
    """What answers about a sound tree leave out, each with the reason and what to do about it.

    Assessments are never among them.
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
                f"explanations leave out {', '.join(limited)}, as too many inputs are compared with each "
                "other; compare fewer"
            )
    if comparison_is_truncated(tree):
        yield (
            "comparisons with another version are cut short, as the tree has too many paths or compares too "
            "many inputs; share fewer questions, or compare fewer inputs"
        )


def _limited_inputs(tree: Tree, table: PathTable) -> list[str]:
    """The inputs that explanations of a profile with all answers, or with none, leave out."""
    least = Region(tree.axes, {}).witness()
    complete = {name: one.value(least[name]) for name, one in tree.inputs.items()}
    explainer = Explainer(tree, table)
    limited = {name for profile in ({}, complete) for name in explainer.limited_inputs(profile)}
    return [name for name in tree.inputs if name in limited]
