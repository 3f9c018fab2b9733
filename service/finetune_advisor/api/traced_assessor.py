"""An assessor that makes a span of each assessment and of each batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from finetune_advisor.assessing.advisor import Advisor
from finetune_advisor.assessing.assessor import Assessor, DecisionRecorder
from finetune_advisor.engine.model.inputs import Profile

if TYPE_CHECKING:
    from finetune_advisor.telemetry.spans import SpanTracer  # needs the extra `otel`


class TracedAssessor(Assessor):
    """Assesses as its base class does, within a span that the recorder of decisions describes."""

    def __init__(self, advisor: Advisor, recorder: DecisionRecorder, tracer: SpanTracer) -> None:
        super().__init__(advisor, recorder)
        self._tracer = tracer

    def assess(self, profile: Profile, endpoint: str) -> bytes:
        with self._tracer.start("assess"):
            return super().assess(profile, endpoint)

    def assess_batch(
        self, profiles: Sequence[Any], defaults: Profile, *, are_valid: bool = False
    ) -> bytes:
        with self._tracer.start("assess batch"):
            return super().assess_batch(profiles, defaults, are_valid=are_valid)
