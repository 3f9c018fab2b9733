"""Decisions: each assessment is counted and, if the operator asks for it, logged with its answers."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from finetune_advisor.engine.evaluation import Assessment
from finetune_advisor.telemetry.metrics import Metrics

log_ = logging.getLogger("finetune_advisor.decisions")


@dataclass(frozen=True)
class Decisions:
    """Hears of each assessment and the endpoint that answered it."""

    metrics: Metrics
    log: bool

    def __call__(self, assessment: Assessment, endpoint: str) -> None:
        self.metrics.assessed(assessment, endpoint)
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
