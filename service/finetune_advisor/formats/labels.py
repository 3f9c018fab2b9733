"""Short texts about a tree, for diagrams and for answers."""

from __future__ import annotations

from finetune_advisor.engine.evaluation.exact import Step
from finetune_advisor.engine.model.conditions import ComparedWith, InChoices, InRange, Otherwise
from finetune_advisor.engine.model.tree import Branch, Question, Tree
from finetune_advisor.formats import answer_words
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
            return " or ".join(answer_words.describe_choice_briefly(input_, value) for value in values)
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
    input_ = tree.inputs[question.input]
    match spell_out_test(tree, question, branch.test):
        case InChoices(values):
            alternatives = [answer_words.describe_choice_briefly(input_, value) for value in values]
        case ComparedBySymbol(symbol, other):
            alternatives = [f"{COMPARISON_WORDS[symbol]} {other}"]
        case ranges:
            alternatives = [f"{_range_words(range_)} {input_.unit}".rstrip() for range_ in ranges.ranges]
    if is_otherwise and len(alternatives) > MAX_ALTERNATIVES_SPELLED_OUT:
        return ANY_OTHER_ANSWER
    return " or ".join(alternatives)


def describe_test(tree: Tree, question: Question, branch: Branch) -> str:
    """The answers that take a branch, in words; a compared input goes by its label."""
    if question.compared_to is None:
        values = getattr(spell_out_test(tree, question, branch.test), "values", None)
        if values is None:
            return describe_branch(tree, question, branch)
        return " or ".join(
            answer_words.describe_choice(tree.inputs[question.input], value) for value in values
        )
    test = spell_out_test(tree, question, branch.test)
    symbol = test.symbol if isinstance(test, ComparedBySymbol) else "="
    return f"{COMPARISON_WORDS[symbol]}: {tree.inputs[question.compared_to].label}"


def describe_step(tree: Tree, step: Step) -> str:
    """The answer of a step, and the branch that it takes where that isn't the answer itself."""
    (name, value), *others = step.answers
    given = answer_words.describe_answer(tree.inputs[name], value)
    if isinstance(value, bool | str):
        return given
    if step.question.compared_to is None:
        return f"{given} ({describe_branch(tree, step.question, step.branch)})"
    test = spell_out_test(tree, step.question, step.branch.test)
    symbol = test.symbol if isinstance(test, ComparedBySymbol) else "="
    compared = "".join(
        f" {answer_words.describe_answer(tree.inputs[other], number)}" for other, number in others
    )
    return f"{given} ({COMPARISON_WORDS[symbol]}{compared or ' the other'})"


def _range_words(range_: InRange) -> str:
    return " and ".join(
        f"{BOUND_WORDS[operator]} {group_digits(value)}" for operator, value in range_.ends
    )
