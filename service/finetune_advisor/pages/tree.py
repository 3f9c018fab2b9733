"""GET /trees/{version}: a tree to read, with what it changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, Response, render_template

from finetune_advisor.assessing.tree_comparisons import TreeComparisons
from finetune_advisor.engine.analysis.comparison import Comparison
from finetune_advisor.engine.model.inputs import Input
from finetune_advisor.engine.model.tree import Question, Tree
from finetune_advisor.formats import answer_words, labels
from finetune_advisor.formats.assessment_text import LIST_HEADINGS
from finetune_advisor.formats.worksheet_text import describe_formula
from finetune_advisor.pages.caching import cache_page
from finetune_advisor.pages.plan_page import VERDICT_SENTENCES
from finetune_advisor.trees.catalog import Catalog


def add_view(
    blp: Blueprint,
    catalog: Catalog,
    pick_tree: Callable[[str], Tree],
    comparisons: TreeComparisons,
    has_picture: Callable[[Tree], bool],
) -> None:
    """Add the pages of a catalog's trees. Each is compared with the version before it."""
    versions = list(catalog.trees)

    @blp.get("/trees/<version>")
    def tree(version: str) -> Response:
        """Show a tree: its picture, its questions, its recommendations, and what it changes."""
        shown = pick_tree(version)
        # Versions are ordered from oldest to newest, so the one before is the older neighbour.
        place = versions.index(shown.version)
        older = catalog.trees[versions[place - 1]] if place else None
        page = render_template(
            "tree.html",
            tree=shown,
            is_default=shown is catalog.default,
            versions=versions,
            picture=has_picture(shown),
            questions=[_describe_question(shown, one) for one in shown.ordered_questions],
            recommendations=shown.recommendations.values(),
            verdicts=VERDICT_SENTENCES,
            list_headings=LIST_HEADINGS,
            changes=describe_comparison(comparisons.compare(older, shown)) if older else None,
        )
        return cache_page(page)


def _describe_formula(input_: Input) -> str:
    return describe_formula(input_.worksheet) if input_.worksheet else ""


def _describe_question(tree: Tree, question: Question) -> dict[str, Any]:
    return {
        "question": question,
        "inputs": [
            {
                "label": tree.inputs[name].label,
                "help": tree.inputs[name].help,
                "takes": answer_words.describe_range(tree.inputs[name])
                if tree.inputs[name].is_numeric
                else "",
                "unit": tree.inputs[name].unit,
                "formula": _describe_formula(tree.inputs[name]),
            }
            for name in question.inputs
        ],
        "branches": [
            {
                "answers": labels.describe_test(tree, question, branch),
                "to": branch.to,
                "title": tree.questions[branch.to].text
                if branch.to in tree.questions
                else tree.recommendations[branch.to].title,
                "reason": branch.reason,
            }
            for branch in question.branches
        ],
    }


def describe_comparison(comparison: Comparison) -> dict[str, Any]:
    """What a version changes, in words, and who moves."""
    older, newer = comparison.older, comparison.newer
    moved = sum(move.profiles for move in comparison.moves)
    return {
        "since": older.version,
        "summary": _describe_impact(comparison, moved),
        "moves": [
            {
                "before": _title(older, move.before),
                "after": _title(newer, move.after),
                "profiles": move.profiles,
                "witness": _describe_profile(newer, move.witness),
            }
            for move in comparison.moves
        ],
        "reversals": [
            f"{newer.recommendations[one.recommendation].title}: 'Fine-tune?' was "
            f"{labels.FINETUNE_LABELS[one.before]} and is {labels.FINETUNE_LABELS[one.after]}"
            for one in comparison.reversals
        ],
        "counts": {
            "added": len(comparison.added),
            "removed": len(comparison.removed),
            "rewired": len(comparison.rewired),
            "reworded": len(comparison.reworded),
        },
    }


def _describe_impact(comparison: Comparison, moved: int) -> str:
    if comparison.equivalent:
        return "The versions are equivalent: the same answers lead to the same recommendation."
    if not comparison.shared:
        return "The versions ask about different things, so no answers can be compared."
    # A truncated comparison has found some moves and not all.
    least = "At least " if comparison.truncated else ""
    # With numbers among the inputs, each class stands for many profiles.
    kinds = "profiles" if comparison.exact else "kinds of profiles"
    known = len({*comparison.older.inputs, *comparison.newer.inputs})
    return (
        f"{least}{moved:,} of {comparison.profiles:,} {kinds} get another outcome. Compared are the "
        f"{len(comparison.shared)} of {known} inputs that both versions ask about; the others count "
        "as unknown."
    )


def _title(tree: Tree, outcome: str | None) -> str:
    return "Undecided" if outcome is None else tree.recommendations[outcome].title


def _describe_profile(tree: Tree, profile: Mapping[str, Any]) -> list[str]:
    return [
        answer_words.describe_labelled_answer(tree.inputs[name], value)
        for name, value in profile.items()
    ]
