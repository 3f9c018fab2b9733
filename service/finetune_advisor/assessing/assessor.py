"""Assessing: what profiles come to, as the bytes of answers, with every decision recorded once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from operator import attrgetter
from typing import Any, NamedTuple, Protocol

import orjson
from marshmallow import ValidationError

from finetune_advisor.assessing import rendering
from finetune_advisor.engine.evaluation.compiled import CompiledPath, CompiledTree
from finetune_advisor.engine.evaluation.exact import Assessment
from finetune_advisor.engine.evaluation.path_table import PathTable
from finetune_advisor.engine.model.inputs import Profile
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.schemas.error_details import MAX_ERRORS, iter_error_details
from finetune_advisor.schemas.requests import profile_schema
from finetune_advisor.trees.catalog import Catalog

BATCH_ENDPOINT = "/assess/batch"
MAX_DETAILED_INVALID = 50
"""Invalid profiles of a batch that are reported with all their errors; later ones get only the first."""
CACHE_SIZE = 1024
"""Rendered answers that are kept for each tree: some eight kilobytes each for tree 2.0.0."""

Decision = CompiledPath | Assessment
"""What an answer is recorded by: a path stands for all complete profiles that take it."""


class DecisionRecorder(Protocol):
    """Records every decision with the endpoint that answered it."""

    @property
    def wants_answers(self) -> bool:
        """Whether each decision is recorded with its answers, rather than how many took a path."""

    def record(self, decisions: Sequence[Decision], endpoint: str) -> None:
        """Record some decisions, in the order of their answers."""

    def record_batch(self, profiles: int) -> None:
        """Record the size of a batch."""


class NullRecorder:
    """A recorder that ignores every decision."""

    wants_answers = False

    def record(self, decisions: Sequence[Decision], endpoint: str) -> None:
        """Ignore them."""

    def record_batch(self, profiles: int) -> None:
        """Ignore it."""


class RenderedAnswer(NamedTuple):
    """An answer as bytes, and what it is recorded by."""

    content: bytes
    decision: Decision


class AnswerCache:
    """Renders answers of one kind, and keeps those that are likely to come again.

    These are the answers of partial profiles, by all that they give, and of paths whose answers are booleans
    and enum values alone, by those that the path leaves open.
    """

    def __init__(
        self,
        compiled: CompiledTree,
        render_path: Callable[[CompiledPath, Profile], bytes],
        render_assessment: Callable[[Assessment], bytes],
    ) -> None:
        self._compiled, self._inputs = compiled, compiled.tree.inputs.keys()
        self._render_path, self._render_assessment = render_path, render_assessment
        self._kept: dict[Hashable, RenderedAnswer] = {}

    def answer(self, profile: Profile) -> RenderedAnswer:
        """The answer for a valid profile."""
        path = self._compiled.path(profile)
        if path is None:
            key: Hashable = frozenset(profile.items())
        elif path.is_finite and profile.keys() <= self._inputs:
            key = (path, *map(profile.get, path.free_names)) if path.free_names else path
        else:
            return RenderedAnswer(self._render_path(path, profile), path)
        return self._kept.get(key) or self._keep(key, path, profile)

    def _keep(self, key: Hashable, path: CompiledPath | None, profile: Profile) -> RenderedAnswer:
        if path is None:
            assessment = self._compiled.partial(profile)
            answer = RenderedAnswer(self._render_assessment(assessment), assessment)
        else:
            answer = RenderedAnswer(self._render_path(path, profile), path)
        if len(self._kept) >= CACHE_SIZE:
            self._kept.clear()
        self._kept[key] = answer
        return answer


@dataclass
class BatchSummary:
    """What the profiles of a batch come to; `recommendations` counts the decided ones."""

    profiles: int = 0
    invalid_count: int = 0
    recommendations: Counter[str] = field(default_factory=Counter)

    def add(self, profiles: int, decisions: Sequence[Decision]) -> None:
        """Add some profiles, with the decisions on the valid ones."""
        self.profiles += profiles
        self.invalid_count += profiles - len(decisions)
        self.recommendations.update(filter(None, map(attrgetter("outcome"), decisions)))

    @property
    def statuses(self) -> dict[str, int]:
        """How many profiles are decided, undecided and invalid."""
        decided = self.recommendations.total()
        undecided = self.profiles - self.invalid_count - decided
        return {"decided": decided, "undecided": undecided, "invalid": self.invalid_count}


class Assessor:
    """Assesses profiles against one tree of a catalog."""

    def __init__(self, catalog: Catalog, tree: Tree, recorder: DecisionRecorder) -> None:
        self.tree, self._recorder = tree, recorder
        self._compiled = CompiledTree(tree)
        self._schema = profile_schema(catalog)()
        self._assessments = AnswerCache(
            self._compiled, rendering.render_path, rendering.render_assessment
        )
        self._results = AnswerCache(
            self._compiled,
            rendering.render_batch_result,
            lambda assessment: orjson.dumps(rendering.batch_result(assessment)),
        )

    @property
    def table(self) -> PathTable | None:
        """The table of the tree's paths, None if there are too many."""
        return self._compiled.table

    def assess(self, profile: Profile, endpoint: str) -> bytes:
        """The assessment of a valid profile, as the body of POST /assess."""
        content, decision = self._assessments.answer(profile)
        self._record([profile], [decision], endpoint)
        return content

    def assess_batch(self, profiles: Sequence[Any], defaults: Profile) -> bytes:
        """The answer of POST /assess/batch for anything in the place of profiles."""
        results: list[bytes] = []
        valid: list[Profile] = []
        decisions: list[Decision] = []
        for place, given in enumerate(profiles):
            try:
                profile, (content, decision) = self.assess_batch_item(with_defaults(given, defaults))
            except ValidationError as error:
                is_brief = len(results) - len(decisions) >= MAX_DETAILED_INVALID
                errors = self.list_errors(error, "profiles", str(place), brief=is_brief)
                content = orjson.dumps({"status": "invalid", "errors": errors})
            else:
                valid.append(profile)
                decisions.append(decision)
            results.append(content)
        self._record(valid, decisions, BATCH_ENDPOINT)
        self._recorder.record_batch(len(profiles))
        summary = BatchSummary()
        summary.add(len(profiles), decisions)
        end = orjson.dumps(self._shared_fields(summary))[1:]
        return b"".join((b'{"results":[', b",".join(results), b"],", end))

    def assess_batch_item(self, profile: Any) -> tuple[Profile, RenderedAnswer]:
        """A profile as it was read, and its result in a batch. Raises ValidationError."""
        if not self._schema.is_plainly_valid(profile):
            profile = self._schema.load(profile)
        return profile, self._results.answer(profile)

    def list_errors(
        self, error: ValidationError, *place: str, brief: bool = False
    ) -> list[dict[str, str]]:
        """What is wrong with a profile at some place of what was sent; in brief, the first fault alone, and
        without the names that are known.
        """
        schema = None if brief else self._schema
        found = iter_error_details(error.messages_dict, schema, in_body=True, place=place)
        return [*islice(found, 1 if brief else MAX_ERRORS)]

    def _record(self, profiles: Sequence[Profile], decisions: Sequence[Decision], endpoint: str) -> None:
        if self._recorder.wants_answers:
            decisions = [
                decision.assessment(profile) if isinstance(decision, CompiledPath) else decision
                for profile, decision in zip(profiles, decisions, strict=True)
            ]
        self._recorder.record(decisions, endpoint)

    def _shared_fields(self, summary: BatchSummary) -> dict[str, Any]:
        """What the results of a batch have in common."""
        counts = summary.recommendations
        outcomes = sorted(counts, key=self.tree.topological_index.__getitem__)
        return {
            "recommendations": {
                outcome: self.tree.canonical["recommendations"][outcome] for outcome in outcomes
            },
            "summary": {
                **summary.statuses,
                "recommendations": {outcome: counts[outcome] for outcome in outcomes},
            },
            "tree": {"version": self.tree.version, "digest": self.tree.digest},
        }


def with_defaults(profile: Any, defaults: Profile) -> Any:
    """A profile with the defaults for what it leaves out; what isn't an object as it stands."""
    return {**defaults, **profile} if defaults and isinstance(profile, dict) else profile
