"""What decided an assessment and what would change it, in words: one place for pages, texts and Markdown."""

from __future__ import annotations

from finetune_advisor.engine.analysis.explanation import Change, Counterfactual, Explanation
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.formats import answer_words

REASON_HEADING = "What decided this"
REASON_NOTE = "These answers alone lead here, whatever the others are."
MORE_CHANGES_NOTE = "There may be more changes that lead elsewhere."


def choose_changes_heading(*, is_decided: bool) -> str:
    """The heading of the counterfactuals: before a decision, they are what would settle it."""
    return "What would change this" if is_decided else "Answers that would settle it"


def describe_reason(explanation: Explanation) -> list[str]:
    """The answers that alone force the outcome."""
    inputs, profile = explanation.tree.inputs, explanation.profile
    return [
        answer_words.describe_labelled_answer(inputs[name], profile[name])
        for name in explanation.sufficient_reason or ()
    ]


def describe_counterfactuals(explanation: Explanation) -> list[str]:
    """The title of each recommendation that changes lead to, with these changes."""
    tree = explanation.tree
    return [
        f"{tree.recommendations[change.recommendation].title}, {describe_changes(tree, change)}"
        for change in explanation.counterfactuals
    ]


def describe_changes(tree: Tree, counterfactual: Counterfactual) -> str:
    """The changes of a counterfactual as the end of a sentence: `if “Size”: Large (now Small)`."""
    return f"if {'; '.join(_describe_change(tree, change) for change in counterfactual.changes)}"


def _describe_change(tree: Tree, change: Change) -> str:
    """A changed answer, with the one that it replaces."""
    input_ = tree.inputs[change.input]
    after = answer_words.describe_answer(input_, change.after)
    # Labels are sentences with marks of their own, so quotes tell where they end.
    words = f"“{input_.label}”: {after}"
    if change.before is None:
        return words
    return f"{words} (now {answer_words.describe_answer(input_, change.before)})"
