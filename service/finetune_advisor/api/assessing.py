"""Assessing: what profiles come to, as the bytes of answers, with every decision reported once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol

import orjson
from marshmallow import ValidationError

from finetune_advisor.api import bodies
from finetune_advisor.api.parsing import MOST_ERRORS, invalid
from finetune_advisor.api.schemas.requests import profile_schema
from finetune_advisor.catalog import Catalog
from finetune_advisor.engine.compiled import CompiledTree, Trail
from finetune_advisor.engine.evaluation import Assessment
from finetune_advisor.engine.inputs import Profile
from finetune_advisor.engine.tree import Tree

BATCH = "/assess/batch"
BOOLEAN = {bool}


class Report(Protocol):
    """Hears of every decision and the endpoint that answered it."""

    @property
    def log(self) -> bool:
        """Whether it wants each decision with its answers, not only how many took a trail."""

    def assessed(self, assessment: Assessment, endpoint: str) -> None:
        """An assessment was given."""

    def followed(self, trail: Trail, endpoint: str, times: int = 1) -> None:
        """So many profiles took a trail."""

    def batched(self, profiles: int) -> None:
        """A batch of so many profiles was answered."""


@dataclass
class Tally:
    """What the profiles of a batch came to; `followed` are settled trails that aren't in the numbers yet."""

    statuses: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("decided", "undecided", "invalid"), 0)
    )
    ends: Counter[str] = field(default_factory=Counter)
    followed: Counter[Trail] = field(default_factory=Counter)

    def count(self, assessment: Assessment) -> None:
        """Count an assessment."""
        self.statuses[assessment.status] += 1
        self.ends.update(assessment.candidates if assessment.recommendation else ())

    def settle(self) -> Counter[Trail]:
        """Bring what followed trails into the numbers, and give it away."""
        followed, self.followed = self.followed, Counter()
        for trail, times in followed.items():
            self.statuses["decided"] += times
            self.ends[trail.branch.to] += times
        return followed


class Assessor:
    """Assesses profiles against one tree of a catalog."""

    def __init__(self, catalog: Catalog, tree: Tree, report: Report) -> None:
        self.tree, self._report = tree, report
        self._compiled = CompiledTree(tree)
        self._schema = profile_schema(catalog)()
        self._booleans = {name for name, one in tree.inputs.items() if one.type == "boolean"}

    def body(self, profile: Profile, endpoint: str) -> bytes:
        """The assessment of a valid profile, as the body of POST /assess."""
        trail = None if self._report.log else self._compiled.trail(profile)
        if trail is None:
            return bodies.body(self._assess(profile, endpoint))
        self._report.followed(trail, endpoint)
        answers = tuple(trail.answers(profile).items())
        return bodies.trail_body(trail, answers, tuple(trail.ignored(profile)))

    def batch(self, profiles: Sequence[Any], defaults: Profile) -> bytes:
        """The answer of POST /assess/batch for anything in the place of profiles."""
        tally = Tally()
        given = (completed(one, defaults) for one in profiles) if defaults else profiles
        results = [*self._results(given, tally)]
        for trail, times in tally.settle().items():
            self._report.followed(trail, BATCH, times)
        self._report.batched(len(profiles))
        return b'{"results":[' + b",".join(results) + b"]," + orjson.dumps(self._together(tally))[1:]

    def result(self, profile: Any, tally: Tally) -> bytes:
        """The result of a batch for one profile. Raises ValidationError."""
        trail = self._settled(profile)
        if trail is not None:
            tally.followed[trail] += 1
            return bodies.settled_result(trail)
        assessment = self._assess(self._schema.load(profile), BATCH)
        tally.count(assessment)
        return orjson.dumps(bodies.result(assessment))

    def errors(self, error: ValidationError, *place: str) -> list[dict[str, str]]:
        """What is wrong with a profile at some place of what was sent."""
        found = invalid(error.messages_dict, self._schema, in_body=True, place=place)
        return [*islice(found, MOST_ERRORS)]

    def _results(self, profiles: Iterable[Any], tally: Tally) -> Iterator[bytes]:
        """The result for each profile; what is wrong with one concerns no other."""
        for place, profile in enumerate(profiles):
            try:
                yield self.result(profile, tally)
            except ValidationError as error:
                tally.statuses["invalid"] += 1
                errors = self.errors(error, "profiles", str(place))
                yield orjson.dumps({"status": "invalid", "errors": errors})

    def _settled(self, profile: Any) -> Trail | None:
        """The settled trail of a valid profile of booleans alone; None for all others."""
        if profile.__class__ is not dict or self._report.log:
            return None
        plain = profile.keys() <= self._booleans and {*map(type, profile.values())} <= BOOLEAN
        trail = self._compiled.trail(profile) if plain else None
        return trail if trail is not None and trail.settled else None

    def _assess(self, profile: Profile, endpoint: str) -> Assessment:
        """The assessment of a valid profile, reported."""
        assessment = self._compiled.evaluate(profile)
        self._report.assessed(assessment, endpoint)
        return assessment

    def _together(self, tally: Tally) -> dict[str, Any]:
        """What the results of a batch have in common."""
        ends = sorted(tally.ends, key=self.tree.rank.__getitem__)
        return {
            "recommendations": {end: self.tree.canonical["recommendations"][end] for end in ends},
            "summary": {**tally.statuses, "recommendations": {end: tally.ends[end] for end in ends}},
            "tree": {"version": self.tree.version, "digest": self.tree.digest},
        }


def completed(profile: Any, defaults: Profile) -> Any:
    """A profile with what holds for all that don't say; what isn't an object as it stands."""
    return {**defaults, **profile} if isinstance(profile, dict) else profile
