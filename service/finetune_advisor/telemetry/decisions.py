"""Decisions: counts each assessment, and hands it to the decision log, trace and shadow tree that are on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from finetune_advisor.engine.evaluation.compiled import CompiledPath
from finetune_advisor.engine.evaluation.exact import Assessment
from finetune_advisor.engine.model.inputs import Profile
from finetune_advisor.telemetry.decision_log import DecisionLog
from finetune_advisor.telemetry.metrics import Metrics
from finetune_advisor.telemetry.shadow import ShadowTree
from finetune_advisor.telemetry.tracing import log_fields_of_request

if TYPE_CHECKING:
    from finetune_advisor.telemetry.spans import SpanTracer  # needs the extra `otel`


@dataclass(frozen=True)
class TelemetryRecorder:
    """Counts every decision, and hands it to the decision log, the tracer and the shadow tree that exist."""

    metrics: Metrics
    decision_log: DecisionLog | None = None
    shadow: ShadowTree | None = None
    tracer: SpanTracer | None = None

    def record(
        self,
        profiles: Sequence[Profile],
        decisions: Sequence[CompiledPath | Assessment],
        endpoint: str,
    ) -> None:
        """Record the decisions of an endpoint on profiles, in their order; all are of the same tree.

        A compiled path stands for the assessment of a complete profile on it.
        """
        self.metrics.record(decisions, endpoint)
        if self.tracer:
            self.tracer.describe(decisions)
        # The same for all decisions of a request, and slow to find where there is a tracer.
        request = log_fields_of_request() if self.decision_log else {}
        if self.decision_log:
            self.decision_log.record(profiles, decisions, endpoint, request)
        if self.shadow:
            self.shadow.record(profiles, decisions, endpoint, request)

    def record_batch(self, profiles: int) -> None:
        """Count a batch of `profiles` profiles."""
        self.metrics.record_batch(profiles)
