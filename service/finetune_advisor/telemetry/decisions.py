"""Decisions: each assessment is counted and, if the operator asks for it, logged with its answers."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from finetune_advisor.engine.compiled import Trail
from finetune_advisor.engine.evaluation import Assessment
from finetune_advisor.telemetry.metrics import Metrics

log_ = logging.getLogger("finetune_advisor.decisions")


@dataclass(frozen=True)
class Decisions:
    """Hears of every decision and the endpoint that answered it."""

    metrics: Metrics
    log: bool

    def followed(self, trail: Trail, endpoint: str, times: int = 1) -> None:
        """So many profiles took a trail; said without their answers, so not where those are logged."""
        self.metrics.followed(trail, endpoint, times)

    def batched(self, profiles: int) -> None:
        """A batch of so many profiles was answered."""
        self.metrics.batched(profiles)

    def assessed(self, assessment: Assessment, endpoint: str, times: int = 1) -> None:
        """Count an assessment that was given so many times."""
        self.metrics.assessed(assessment, endpoint, times)

    def log_decision(self, assessment: Assessment, endpoint: str) -> None:
        """Log one decision with its answers, if the operator asks for it."""
        if self.log:
            log_.info(
                "decision",
                extra={
                    "endpoint": endpoint,
                    "tree_version": assessment.tree.version,
                    "status": assessment.status,
                    "candidates": list(assessment.candidates),
                    "answers": dict(assessment.answers),
                    "receipt": assessment.receipt,
                },
            )
