"""The short texts that pictures of a tree carry."""

from __future__ import annotations

from finetune_advisor.engine.branching import Against, Between, OneOf
from finetune_advisor.engine.tree import Branch, Question, Tree
from finetune_advisor.formats.numbers import grouped

SIGNS = {"lt": "<", "lte": "≤", "gt": ">", "gte": "≥"}
FINETUNE = {"no": "no", "not_yet": "not yet", "partly": "partly", "yes": "yes"}


def heading(tree: Tree) -> str:
    """A tree's title with its version."""
    return f"{tree.title} (version {tree.version})"


def of_branch(tree: Tree, question: Question, branch: Branch) -> str:
    """The answer that takes a branch: yes, no, the choices, the range with its unit, or the comparison."""
    one = tree.inputs[question.input]
    match branch.test:
        case OneOf(values):
            return " or ".join(_value(value) for value in values)
        case Between():
            ends = (f"{SIGNS[operator]} {grouped(value)}" for operator, value in branch.test.ends)
            return f"{' and '.join(ends)} {one.unit}".rstrip()
        case Against(operator, other):
            return f"{one.name} {SIGNS[operator]} {other}"
        case _:
            return "otherwise"


def _value(value: bool | str) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value
