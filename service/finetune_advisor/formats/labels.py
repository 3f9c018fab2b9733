"""Short texts about a tree, for diagrams and for answers."""

from __future__ import annotations

from finetune_advisor.engine.model.conditions import ComparedWith, InChoices, InRange, Otherwise
from finetune_advisor.engine.model.tree import Branch, Question, Tree
from finetune_advisor.formats.explicit_branches import ComparedBySymbol, spell_out_test
from finetune_advisor.formats.numbers import group_digits

OPERATOR_SIGNS = {"lt": "<", "lte": "≤", "gt": ">", "gte": "≥"}
BOUND_WORDS = {"lt": "below", "lte": "at most", "gt": "more than", "gte": "at least"}
COMPARISON_WORDS = {
    "<": "below",
    "<=": "at most",
    "=": "equal to",
    ">=": "at least",
    ">": "more than",
    "!=": "other than",
}
ANY_OTHER_ANSWER = "any other answer"
# Beyond these limits `otherwise` reads "any other answer": a long list is hard to read and slow to build.
MAX_BRANCHES_SPELLED_OUT, MAX_ALTERNATIVES_SPELLED_OUT = 8, 4
FINETUNE_LABELS = {"no": "no", "not_yet": "not yet", "partly": "partly", "yes": "yes"}


def format_tree_heading(tree: Tree) -> str:
    """Format a tree's title with its version."""
    return f"{tree.title} (version {tree.version})"


def label_branch(tree: Tree, question: Question, branch: Branch) -> str:
    """Label a branch for a diagram: `yes`, `≥ 20 examples`, `score > target_score`, or `otherwise`."""
    input_ = tree.inputs[question.input]
    match branch.test:
        case InChoices(values):
            return " or ".join(_value(value) for value in values)
        case InRange():
            ends = (
                f"{OPERATOR_SIGNS[operator]} {group_digits(value)}"
                for operator, value in branch.test.ends
            )
            return f"{' and '.join(ends)} {input_.unit}".rstrip()
        case ComparedWith(operator, other):
            return f"{input_.name} {OPERATOR_SIGNS[operator]} {other}"
        case _:
            return "otherwise"


def describe_branch(tree: Tree, question: Question, branch: Branch) -> str:
    """Describe a branch in words: `yes`, `at least 20 examples`, or `more than target_score`.

    If `otherwise` stands for a few answers only, the text names them.
    """
    is_otherwise = isinstance(branch.test, Otherwise)
    if is_otherwise and len(question.branches) > MAX_BRANCHES_SPELLED_OUT:
        return ANY_OTHER_ANSWER
    unit = tree.inputs[question.input].unit
    match spell_out_test(tree, question, branch.test):
        case InChoices(values):
            alternatives = [_value(value) for value in values]
        case ComparedBySymbol(symbol, other):
            alternatives = [f"{COMPARISON_WORDS[symbol]} {other}"]
        case ranges:
            alternatives = [f"{_range_words(range_)} {unit}".rstrip() for range_ in ranges.ranges]
    if is_otherwise and len(alternatives) > MAX_ALTERNATIVES_SPELLED_OUT:
        return ANY_OTHER_ANSWER
    return " or ".join(alternatives)


def _range_words(range_: InRange) -> str:
    return " and ".join(
        f"{BOUND_WORDS[operator]} {group_digits(value)}" for operator, value in range_.ends
    )


def _value(value: bool | str) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value
