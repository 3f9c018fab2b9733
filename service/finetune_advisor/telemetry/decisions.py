"""Decisions: each assessment is counted and, if the operator asks for it, logged with its answers."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from finetune_advisor.engine.evaluation.compiled import CompiledPath
from finetune_advisor.engine.evaluation.exact import Assessment
from finetune_advisor.telemetry.metrics import Metrics
from finetune_advisor.telemetry.tracing import current_trace

log_ = logging.getLogger("finetune_advisor.decisions")


@dataclass(frozen=True)
class TelemetryRecorder:
    """Records every decision with the endpoint that answered it."""

    metrics: Metrics
    wants_answers: bool
    """Whether each decision is logged with its answers."""

    def record(self, decisions: Sequence[CompiledPath | Assessment], endpoint: str) -> None:
        """Count some decisions and, if the operator asks for it, log them in the order of their answers."""
        self.metrics.record(decisions, endpoint)
        if self.wants_answers:
            for decision in decisions:
                if isinstance(decision, Assessment):
                    _log_decision(decision, endpoint)

    def record_batch(self, profiles: int) -> None:
        """Record the size of a batch."""
        self.metrics.record_batch(profiles)


def _log_decision(assessment: Assessment, endpoint: str) -> None:
    trace = current_trace()
    log_.info(
        "decision",
        extra={
            **(trace.log_fields if trace else {}),
            "endpoint": endpoint,
            "tree_version": assessment.tree.version,
            "status": assessment.status,
            "candidates": list(assessment.candidates),
            "answers": dict(assessment.answers),
            "receipt": assessment.receipt,
        },
    )
