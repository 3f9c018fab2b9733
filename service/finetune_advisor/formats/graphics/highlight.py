"""Which parts of a tree a diagram highlights for an assessment."""

from __future__ import annotations

from dataclasses import dataclass

from finetune_advisor.engine.evaluation.exact import Assessment
from finetune_advisor.engine.model.tree import Branch


@dataclass(frozen=True)
class Highlight:
    """The parts of a tree that matter to an assessment; a diagram fades all others.

    `taken` has the branches that the answers take, each with its question's id. `answered`, `open` and
    `candidates` are ids of answered questions, of open questions that the profile may still come to, and of
    recommendations that are still possible. `next` is the id of the question to ask now.
    """

    taken: frozenset[tuple[str, Branch]]
    answered: tuple[str, ...]
    open: frozenset[str]
    candidates: frozenset[str]
    next: str | None

    @property
    def nodes(self) -> frozenset[str]:
        return self.open | self.candidates | frozenset(self.answered)


def build_highlight(assessment: Assessment) -> Highlight:
    """Collect the parts of a tree to highlight for an assessment by that tree."""
    next_question = assessment.next_question
    return Highlight(
        taken=frozenset((step.question.id, step.branch) for step in assessment.path),
        answered=tuple(step.question.id for step in assessment.path),
        open=frozenset(unanswered.question.id for unanswered in assessment.unanswered),
        candidates=frozenset(assessment.candidates),
        next=next_question.question.id if next_question else None,
    )
