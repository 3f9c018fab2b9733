"""Decisions: count each assessment, and log it with its answers if the operator asks for that."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from finetune_advisor.engine.evaluation.compiled import CompiledPath
from finetune_advisor.engine.evaluation.exact import Assessment
from finetune_advisor.telemetry.metrics import Metrics
from finetune_advisor.telemetry.tracing import log_fields_of_request

log = logging.getLogger("finetune_advisor.decisions")


@dataclass(frozen=True)
class TelemetryRecorder:
    """Counts every decision under the endpoint that answered it, and logs it if asked to."""

    metrics: Metrics
    wants_answers: bool
    """Whether each decision is logged with its answers: the setting DECISION_LOG."""

    def record(self, decisions: Sequence[CompiledPath | Assessment], endpoint: str) -> None:
        """Count decisions, and log them in this order if the operator asks for that.

        A compiled path stands for a complete profile on it; only an assessment has answers to log.
        """
        self.metrics.record(decisions, endpoint)
        if self.wants_answers:
            # The same for all decisions of a request, and slow to find where there is a tracer.
            request = log_fields_of_request()
            for decision in decisions:
                if isinstance(decision, Assessment):
                    _log_decision(decision, endpoint, request)

    def record_batch(self, profiles: int) -> None:
        """Count a batch of `profiles` profiles."""
        self.metrics.record_batch(profiles)


def _log_decision(assessment: Assessment, endpoint: str, request: Mapping[str, str]) -> None:
    log.info(
        "decision",
        extra={
            **request,
            "endpoint": endpoint,
            "tree_version": assessment.tree.version,
            "status": assessment.status,
            "candidates": list(assessment.candidates),
            "answers": dict(assessment.answers),
            "receipt": assessment.receipt,
        },
    )
