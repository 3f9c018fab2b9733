"""The answers about a sound tree that are incomplete because the tree is too large."""

from __future__ import annotations

from collections.abc import Iterator

from finetune_advisor.engine.analysis.comparison import comparison_is_truncated
from finetune_advisor.engine.analysis.explanation import Explainer
from finetune_advisor.engine.evaluation.path_table import PathTable
from finetune_advisor.engine.model.inputs import Profile, Value
from finetune_advisor.engine.model.region import Region
from finetune_advisor.engine.model.tree import Tree


def describe_exceeded_bounds(tree: Tree) -> Iterator[str]:
    """Yield what answers about a sound tree leave out, with the reason and a remedy.

    Assessments leave out nothing. Explanations are tried with three profiles, and comparisons with a very
    similar version. So others can be truncated without a message here, and they say so themselves.
    """
    table = PathTable.of(tree)
    if table is None:
        yield (
            "explanations have no reasons, counterfactuals or sensitivity, because the tree has too many "
            "paths; share fewer questions"
        )
    else:
        limited = _limited_inputs(tree, table)
        if limited:
            yield (
                f"explanations of some profiles leave out {', '.join(limited)}, because too many inputs are "
                "compared with each other; compare fewer"
            )
    if comparison_is_truncated(tree):
        yield (
            "comparisons with another version are truncated, because the tree has too many paths or compares "
            "too many inputs; share fewer questions, or compare fewer inputs"
        )


def _limited_inputs(tree: Tree, table: PathTable) -> list[str]:
    """Return the inputs that explanations of some of three profiles leave out."""
    # Different numbers cut each other's axes into the most cells.
    explainer, first = Explainer(tree, table), _first_answers(tree)
    profiles: list[Profile] = [{}, first, first | _different_numbers(tree)]
    limited = {name for profile in profiles for name in explainer.limited_inputs(profile)}
    return [name for name in tree.inputs if name in limited]


def _first_answers(tree: Tree) -> dict[str, Value]:
    least = Region(tree.axes, {}).witness()
    return {name: input_.value(least[name]) for name, input_ in tree.inputs.items()}


def _different_numbers(tree: Tree) -> dict[str, Value]:
    """Return numbers for all numeric inputs, at different shares of their ranges."""
    numeric = [input_ for input_ in tree.inputs.values() if input_.is_numeric]
    answers: dict[str, Value] = {}
    for index, input_ in enumerate(numeric, 1):
        share = index / (len(numeric) + 1)
        number = input_.axis.least + (input_.axis.greatest - input_.axis.least) * share
        answers[input_.name] = int(number) if input_.type == "integer" else number
    return answers
