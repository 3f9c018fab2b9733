"""The difference between two trees as text for people."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import indent

from finetune_advisor.engine.analysis.comparison import Comparison, Move
from finetune_advisor.formats.labels import FINETUNE_LABELS
from finetune_advisor.formats.profile_text import render_profile


def render_changes_text(comparison: Comparison) -> str:
    """Render which profiles get another outcome, and which parts of the tree changed."""
    blocks = [describe_impact(comparison), *_moves(comparison)]
    if comparison.reversals:
        blocks.append('Other answer to "Fine-tune?":\n' + "\n".join(_reversals(comparison)))
    for title, pointers in (
        ("Added", comparison.added),
        ("Removed", comparison.removed),
        ("Rewired", comparison.rewired),
    ):
        if pointers:
            blocks.append(f"{title}:\n" + "\n".join(f"  {pointer}" for pointer in pointers))
    if comparison.reworded:
        blocks.append("Reworded:\n" + "\n".join(_reworded(comparison)))
    return "\n\n".join(blocks)


def describe_impact(comparison: Comparison) -> str:
    """Say how many profiles get another outcome, in a few sentences."""
    versions = f"{comparison.older.version} -> {comparison.newer.version}"
    if comparison.equivalent:
        return f"{versions}: equivalent; every profile keeps its outcome."
    if not comparison.shared:
        return f"{versions}: the trees share no input, so there is no profile to compare them by."
    known = {*comparison.older.inputs, *comparison.newer.inputs}
    sentences = [f"{versions}: {_impact(comparison)}."]
    if len(known) > len(comparison.shared):
        shared = f"The trees share {len(comparison.shared)} of {len(known)} inputs"
        sentences.append(f"{shared}; the others count as unknown.")
    if comparison.truncated:
        sentences.append("There are too many paths or profiles to compare all of them.")
    return " ".join(sentences)


def _impact(comparison: Comparison) -> str:
    moved = sum(move.profiles for move in comparison.moves)
    share = moved / comparison.profiles
    # Numeric inputs have too many values to count each; those that neither tree tells apart count once.
    profiles = "profiles" if comparison.exact else "kinds of profiles"
    at_least = "at least " if comparison.truncated else ""
    undecided = f"{at_least}{comparison.undecided} are undecided in both"
    return (
        f"{at_least}{moved} of {comparison.profiles} {profiles} of the shared inputs get another outcome "
        f"({share:.1%}){f'; {undecided}' if comparison.undecided else ''}"
    )


def _moves(comparison: Comparison) -> Iterator[str]:
    for move in comparison.moves:
        # It can be pasted into a profile.
        witness = indent(render_profile(move.witness), "  ")
        yield f"{_outcomes(move)}: {move.profiles}, for example\n{witness}"


def _reversals(comparison: Comparison) -> Iterator[str]:
    for reversal in comparison.reversals:
        before, after = FINETUNE_LABELS[reversal.before], FINETUNE_LABELS[reversal.after]
        yield f"  {reversal.recommendation}: {before} -> {after}"


def _outcomes(move: Move) -> str:
    return f"{move.before or 'undecided'} -> {move.after or 'undecided'}"


def _reworded(comparison: Comparison) -> Iterator[str]:
    for change in comparison.reworded:
        yield f"  {change.pointer}\n    - {change.before}\n    + {change.after}"
