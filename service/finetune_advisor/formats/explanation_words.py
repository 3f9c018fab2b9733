"""What decided an assessment and what would change it, in words: one place for pages, texts and Markdown."""

from __future__ import annotations

from finetune_advisor.engine.analysis.explanation import Change, Explanation
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
    """Each change that leads elsewhere, behind the title of the recommendation that it leads to."""
    tree = explanation.tree
    return [
        f"{tree.recommendations[one.recommendation].title} \N{EM DASH} "
        + "; ".join(describe_change(tree, change) for change in one.changes)
        for one in explanation.counterfactuals
    ]


def describe_change(tree: Tree, change: Change) -> str:
    """A changed answer, with the one that it replaces."""
    input_ = tree.inputs[change.input]
    after = answer_words.describe_labelled_answer(input_, change.after)
    if change.before is None:
        return after
    return f"{after} instead of {answer_words.describe_answer(input_, change.before)}"
