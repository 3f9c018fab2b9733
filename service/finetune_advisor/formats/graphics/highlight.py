"""What a picture of a tree stresses for an assessment."""

from __future__ import annotations

from dataclasses import dataclass

from finetune_advisor.engine.evaluation.exact import Assessment
from finetune_advisor.engine.model.tree import Branch


@dataclass(frozen=True)
class Highlight:
    """The parts of a tree that an assessment is about; all others may fade.

    `taken` are the branches that answers take, by question; `next` is the question to ask now.
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
    """The emphasis of an assessment."""
    asked = assessment.next_question
    return Highlight(
        taken=frozenset((step.question.id, step.branch) for step in assessment.path),
        answered=tuple(step.question.id for step in assessment.path),
        open=frozenset(one.question.id for one in assessment.unanswered),
        candidates=frozenset(assessment.candidates),
        next=asked.question.id if asked else None,
    )
