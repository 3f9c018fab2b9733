"""Assesses profiles: gives the answers as JSON bytes, and records every decision once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from operator import attrgetter
from typing import Any, Protocol

import orjson
from marshmallow import ValidationError

from finetune_advisor.assessing import rendering
from finetune_advisor.assessing.advisor import Advisor
from finetune_advisor.engine.evaluation.compiled import CompiledPath, CompiledTree
from finetune_advisor.engine.evaluation.exact import Assessment
from finetune_advisor.engine.model.inputs import Profile
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.schemas.error_details import MAX_ERRORS, iter_error_details

BATCH_ENDPOINT = "/assess/batch"
MAX_DETAILED_INVALID = 50
"""Invalid profiles of a batch that are reported with all their errors; later ones get only the first."""
CACHE_SIZE = 1024
"""The rendered answers that each cache keeps: for tree 2.0.0, an answer takes about eight kilobytes."""

Decision = CompiledPath | Assessment
"""What is recorded of an answer. A path stands for an assessment of any complete profile that takes it."""


class DecisionRecorder(Protocol):
    """Records every decision with its profile and the endpoint that answered it."""

    def record(self, profiles: Sequence[Profile], decisions: Sequence[Decision], endpoint: str) -> None:
        """Record the decisions of an endpoint on profiles, in their order; all are of the same tree."""

    def record_batch(self, profiles: int) -> None:
        """Record the number of profiles of a batch."""


class NullRecorder:
    """A recorder that ignores every decision."""

    def record(self, profiles: Sequence[Profile], decisions: Sequence[Decision], endpoint: str) -> None:
        """Ignore the decisions."""

    def record_batch(self, profiles: int) -> None:
        """Ignore the batch."""


RenderedAnswer = tuple[bytes, Decision]
"""An answer as JSON bytes, with the decision that is recorded of it."""


class AnswerCache:
    """Renders answers of one kind, and caches those that are likely to be asked for again.

    An answer is cached under its path with those answers of the profile that can differ on it. These are all
    answers if the profile leaves a question on its path open. Paths with numeric inputs aren't cached, since
    numbers rarely repeat.
    """

    def __init__(
        self,
        compiled: CompiledTree,
        render_path: Callable[[CompiledPath, Profile], bytes],
        render_assessment: Callable[[Assessment], bytes],
    ) -> None:
        self._compiled, self._inputs = compiled, tuple(compiled.tree.inputs)
        self._input_names = compiled.tree.input_names
        self._render_path, self._render_assessment = render_path, render_assessment
        self._cache: dict[Hashable, RenderedAnswer] = {}

    def answer(self, profile: Profile) -> RenderedAnswer:
        """Return the answer for a valid profile."""
        path = self._compiled.path(profile)
        names = self._inputs if path is None else path.free_names if path.is_finite else None
        # Inputs of other versions are listed in the answer, so a profile with such inputs isn't cached.
        if names is None or not self._input_names.issuperset(profile):
            return self._render(path, profile)
        key = path, *map(profile.get, names)
        answer = self._cache.get(key)
        if answer is None:
            # Emptied when full: finding the least recently used answer would cost every hit.
            if len(self._cache) >= CACHE_SIZE:
                self._cache.clear()
            answer = self._cache[key] = self._render(path, profile)
        return answer

    def _render(self, path: CompiledPath | None, profile: Profile) -> RenderedAnswer:
        if path:
            return self._render_path(path, profile), path
        assessment = self._compiled.partial(profile)
        return self._render_assessment(assessment), assessment


@dataclass
class BatchSummary:
    """The counts of a batch. `recommendations` counts the decided profiles by recommendation."""

    profiles: int = 0
    invalid_count: int = 0
    recommendations: Counter[str] = field(default_factory=Counter)

    def add(self, profiles: int, decisions: Sequence[Decision]) -> None:
        """Count `profiles` more profiles, with the decisions of the valid ones among them."""
        self.profiles += profiles
        self.invalid_count += profiles - len(decisions)
        self.recommendations.update(filter(None, map(attrgetter("outcome"), decisions)))

    @property
    def statuses(self) -> dict[str, int]:
        """The numbers of decided, undecided and invalid profiles, by status."""
        decided = self.recommendations.total()
        undecided = self.profiles - self.invalid_count - decided
        return {"decided": decided, "undecided": undecided, "invalid": self.invalid_count}

    def count_by_recommendation(self, tree: Tree) -> dict[str, int]:
        """Return the number of profiles that each recommendation has, in the order of the tree."""
        counts = self.recommendations
        return {name: counts[name] for name in sorted(counts, key=tree.topological_index.__getitem__)}


class Assessor:
    """Assesses profiles as an advisor does: gives the answers as JSON bytes, and records the decisions."""

    def __init__(self, advisor: Advisor, recorder: DecisionRecorder) -> None:
        self.advisor, self.tree, self._recorder = advisor, advisor.tree, recorder
        self._compiled, self._schema = advisor.compiled, advisor.profile_schema
        self._assessments = AnswerCache(
            self._compiled, rendering.render_path, rendering.render_assessment
        )
        self.batch_results = AnswerCache(
            self._compiled,
            rendering.render_batch_result,
            lambda assessment: rendering.ENCODER.encode(rendering.batch_result(assessment)),
        )

    def record(self, profile: Profile, assessment: Assessment, endpoint: str) -> None:
        """Record an assessment of a profile that the advisor made for `endpoint`."""
        self._recorder.record([profile], [assessment], endpoint)

    def assess(self, profile: Profile, endpoint: str) -> bytes:
        """Assess a valid profile, and return the body of POST /assess.

        The decision is recorded under `endpoint`.
        """
        content, decision = self._assessments.answer(profile)
        self._recorder.record([profile], [decision], endpoint)
        return content

    def assess_batch(
        self, profiles: Sequence[Any], defaults: Profile, *, are_valid: bool = False
    ) -> bytes:
        """Assess the profiles of a batch, and return the body of POST /assess/batch.

        Each profile takes the answers that it lacks from `defaults`. The profiles may be invalid, unless they
        and the defaults `are_valid`.
        """
        # One after the other: all merged profiles together could take many times the memory of the body.
        merged = (with_defaults(item, defaults) for item in profiles) if defaults else profiles
        if are_valid:
            valid = [*merged]
            answers = [*map(self.batch_results.answer, valid)]
            results = [content for content, _ in answers]
        else:
            valid, answers, results = self._assess_items(merged)
        decisions = [decision for _, decision in answers]
        self._recorder.record(valid, decisions, BATCH_ENDPOINT)
        self._recorder.record_batch(len(profiles))
        summary = BatchSummary()
        summary.add(len(profiles), decisions)
        # Results are bytes already, and are joined as such: decoding them would take longer than assessing.
        shared = orjson.dumps(self._shared_fields(summary)).removeprefix(b"{")
        return b"".join((b'{"results":[', b",".join(results), b"],", shared))

    def _assess_items(
        self, items: Iterable[Any]
    ) -> tuple[list[Profile], list[RenderedAnswer], list[bytes]]:
        """Return the valid profiles among the items of a batch, their answers, and the results of all."""
        valid: list[Profile] = []
        answers: list[RenderedAnswer] = []
        results: list[bytes] = []
        for index, item in enumerate(items):
            try:
                profile, answer = self.assess_batch_item(item)
            except ValidationError as error:
                # A batch of invalid profiles would otherwise bring an answer many times its size.
                is_brief = len(results) - len(answers) >= MAX_DETAILED_INVALID
                errors = self.list_errors(error, "profiles", str(index), brief=is_brief)
                results.append(orjson.dumps({"status": "invalid", "errors": errors}))
            else:
                valid.append(profile)
                answers.append(answer)
                results.append(answer[0])
        return valid, answers, results

    def assess_batch_item(self, profile: Any) -> tuple[Profile, RenderedAnswer]:
        """Return a profile as its schema loads it, with its result in a batch. Raises ValidationError."""
        if not self._schema.is_plainly_valid(profile):
            profile = self._schema.load(profile)
        return profile, self.batch_results.answer(profile)

    def list_errors(
        self, error: ValidationError, *location: str, brief: bool = False
    ) -> list[dict[str, str]]:
        """List what is wrong with the profile at a location of a body, as entries of a problem's `errors`.

        A brief list has only the first error, and doesn't name the known inputs.
        """
        schema = None if brief else self._schema
        details = iter_error_details(error.messages_dict, schema, in_body=True, location=location)
        return [*islice(details, 1 if brief else MAX_ERRORS)]

    def _shared_fields(self, summary: BatchSummary) -> dict[str, Any]:
        """Return the members of a batch's answer besides its results."""
        counts = summary.count_by_recommendation(self.tree)
        return {
            "recommendations": {
                outcome: self.tree.canonical["recommendations"][outcome] for outcome in counts
            },
            "summary": {**summary.statuses, "recommendations": counts},
            "tree": {"version": self.tree.version, "digest": self.tree.digest},
        }


def with_defaults(profile: Any, defaults: Profile) -> Any:
    """Return a profile with the defaults for the inputs that it lacks; any other value stays as it is."""
    return {**defaults, **profile} if defaults and isinstance(profile, dict) else profile
