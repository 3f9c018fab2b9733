"""The shadow tree: repeats each assessment after its answer, and counts how the results compare."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import count, repeat
from typing import Literal

from finetune_advisor.engine.evaluation.compiled import CompiledPath, CompiledTree
from finetune_advisor.engine.evaluation.exact import Assessment
from finetune_advisor.engine.model.inputs import Profile
from finetune_advisor.telemetry import decision_log
from finetune_advisor.telemetry.background import BackgroundQueue
from finetune_advisor.telemetry.decision_log import DecisionLog
from finetune_advisor.telemetry.metrics import Metrics

log = logging.getLogger("finetune_advisor.telemetry")

Comparison = Literal["same", "moved", "undecided"]
_PendingProfile = tuple[Profile, CompiledPath | Assessment, int, str, Mapping[str, str]]
"""A profile, what was decided on it, its index in its request, its endpoint, and the request's ids."""


def compare_candidates(candidates: Sequence[str], shadow_candidates: Sequence[str]) -> Comparison:
    """Compare what two trees recommend, by id. An assessment with several candidates is undecided."""
    if len(candidates) > 1 or len(shadow_candidates) > 1:
        return "undecided"
    return "same" if candidates == shadow_candidates else "moved"


class ShadowTree:
    """Assesses recorded profiles by another tree in the background, and counts how the results compare.

    With a decision log, it logs the results of the assessments that the log includes.
    """

    def __init__(
        self, compiled: CompiledTree, metrics: Metrics, decision_log: DecisionLog | None
    ) -> None:
        self.tree, self._compiled = compiled.tree, compiled
        self._metrics, self._decision_log = metrics, decision_log
        self._queue = BackgroundQueue(self._assess_pending, metrics.record_shadow_drops)
        self._has_failed = False

    def record(
        self,
        profiles: Sequence[Profile],
        decisions: Sequence[CompiledPath | Assessment],
        endpoint: str,
        request: Mapping[str, str],
    ) -> None:
        """Have profiles assessed by the shadow tree, unless the decisions are its own."""
        # All decisions of a request are of one tree.
        if decisions and decisions[0].tree is not self.tree:
            pending = zip(profiles, decisions, count(), repeat(endpoint), repeat(request))
            self._queue.add(pending, len(decisions))

    def _assess_pending(self, pending: Iterator[_PendingProfile]) -> None:
        counts: Counter[tuple[str, str, str]] = Counter()
        failures = 0
        for item in pending:
            try:
                counts[self._assess(*item)] += 1
            except Exception:
                # The queue goes on: one profile that fails says nothing of the next one.
                failures += 1
                if not self._has_failed:
                    self._has_failed = True
                    log.exception("the shadow tree failed; later failures are only counted")
        self._metrics.record_shadows(self.tree.version, counts)
        if failures:
            self._metrics.record_shadow_drops(failures, "failed")

    def _assess(
        self,
        profile: Profile,
        decision: CompiledPath | Assessment,
        index: int,
        endpoint: str,
        request: Mapping[str, str],
    ) -> tuple[str, str, str]:
        """Assess a profile. Returns the version and result and recommendation that it is counted under."""
        candidates = self._compiled.candidates(profile)
        result = compare_candidates(decision.candidates, candidates)
        if self._decision_log and self._decision_log.includes(request, index):
            self._log_result(
                decision, candidates, result, {**request, "endpoint": endpoint, "index": index}
            )
        return decision.tree.version, result, decision.outcome or "none"

    def _log_result(
        self,
        decision: CompiledPath | Assessment,
        shadow_candidates: Sequence[str],
        result: Comparison,
        request: Mapping[str, str | int],
    ) -> None:
        decision_log.log.info(
            "shadow decision",
            extra={
                "schema": decision_log.SCHEMA_VERSION,
                **request,
                "tree_version": decision.tree.version,
                "candidates": list(decision.candidates),
                "shadow_version": self.tree.version,
                "shadow_candidates": list(shadow_candidates),
                "result": result,
            },
        )
