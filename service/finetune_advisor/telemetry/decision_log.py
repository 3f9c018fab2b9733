"""The decision log: a line for each assessment, with its answers, as docs/decision-log.md describes it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from finetune_advisor.engine.evaluation.compiled import CompiledPath
from finetune_advisor.engine.evaluation.exact import Assessment
from finetune_advisor.engine.model.inputs import Profile
from finetune_advisor.schemas.error_details import unknown_name_detail
from finetune_advisor.trees.catalog import Catalog

SCHEMA_VERSION = 1
"""The version of docs/decision-log.schema.json. It changes if a field is removed, or means something else."""

log = logging.getLogger("finetune_advisor.decisions")


def describe_unknown_inputs(masked: Iterable[str], served: Catalog) -> str:
    """Describe the inputs to mask that no tree has; an empty text if there are none."""
    # Inputs of retired trees stay known, so that a mask survives an upgrade.
    trees = [*served.trees.values(), *served.retired.values()]
    known = sorted({name for tree in trees for name in tree.inputs})
    return "; ".join(
        f"{name}: {unknown_name_detail(name, known)}" for name in masked if name not in known
    )


@dataclass(frozen=True)
class DecisionLog:
    """Logs assessments, without the answers to `masked_inputs`, and only a `share` of them from 0 to 1."""

    masked_inputs: frozenset[str] = frozenset()
    share: float = 1.0

    def record(
        self,
        profiles: Sequence[Profile],
        decisions: Sequence[CompiledPath | Assessment],
        endpoint: str,
        request: Mapping[str, str],
    ) -> None:
        """Log the decisions of a request on profiles. `request` has the ids that each line shows."""
        # LOG_LEVEL can silence the log. Then no assessment has to be made for it.
        if not log.isEnabledFor(logging.INFO):
            return
        for index, (profile, decision) in enumerate(zip(profiles, decisions, strict=True)):
            if self.includes(request, index):
                assessment = (
                    decision.assessment(profile) if isinstance(decision, CompiledPath) else decision
                )
                head = {"schema": SCHEMA_VERSION, **request, "endpoint": endpoint, "index": index}
                log.info("decision", extra=head | self._describe(assessment))

    def includes(self, request: Mapping[str, str], index: int) -> bool:
        """Return whether the assessment with an index in a request is in the share that is logged.

        The request's id and the index decide, so that every instance decides alike. A larger share includes
        what a smaller one does.
        """
        if self.share == 1:
            return True
        # A cheap hash that is the same everywhere; Python's own differs from process to process.
        key = f"{request.get('request_id', '')}/{index}"
        digest = blake2b(key.encode(), digest_size=8).digest()
        return int.from_bytes(digest) < self.share * 2**64

    def _describe(self, assessment: Assessment) -> dict[str, Any]:
        """Return the fields of a line that say what was decided, and by which answers."""
        answers = dict(assessment.answers)
        masked = sorted(answers.keys() & self.masked_inputs)
        shown = {name: value for name, value in answers.items() if name not in masked}
        fields = {
            "tree_version": assessment.tree.version,
            "tree_digest": assessment.tree.digest,
            "status": assessment.status,
            "candidates": list(assessment.candidates),
            "answers": shown,
            "masked": masked,
        }
        # The receipt is a hash of all answers: trying the few values of a masked input would find its answer.
        return fields if masked else {**fields, "receipt": assessment.receipt}
