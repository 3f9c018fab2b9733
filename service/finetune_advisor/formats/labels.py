"""The short texts that pictures of a tree carry."""

from __future__ import annotations

from finetune_advisor.engine.branching import Against, Between, Bound, OneOf
from finetune_advisor.engine.inputs import Input
from finetune_advisor.engine.tree import Branch, Question, Tree

SIGNS = {"lt": "<", "lte": "≤", "gt": ">", "gte": "≥"}
FINETUNE = {"no": "no", "not_yet": "not yet", "partly": "partly", "yes": "yes"}


def heading(tree: Tree) -> str:
    """A tree's title with its version."""
    return f"{tree.title} (version {tree.version})"


def of_branch(tree: Tree, question: Question, branch: Branch) -> str:
    """The answer that takes a branch: yes, no, the choices, or the range with its unit."""
    one = tree.inputs[question.input]
    match branch.test:
        case OneOf(values):
            return " or ".join(_value(value) for value in values)
        case Between(lower, upper):
            return _range(one, lower, upper)
        case Against(operator, other):
            return f"{SIGNS[operator]} {other}"
        case _:
            return "otherwise"


def _value(value: bool | str) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value


def _range(one: Input, lower: Bound | None, upper: Bound | None) -> str:
    ends = []
    if lower:
        ends.append(f"{'≥' if lower.inclusive else '>'} {lower.value}")
    if upper:
        ends.append(f"{'≤' if upper.inclusive else '<'} {upper.value}")
    return f"{' and '.join(ends)} {one.unit}".rstrip()
