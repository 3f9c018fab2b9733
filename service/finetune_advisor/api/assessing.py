"""Assessing: what profiles come to, as the bytes of answers, with every decision reported once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
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


class Assessor:
    """Assesses profiles against one tree of a catalog."""

    def __init__(self, catalog: Catalog, tree: Tree, report: Report) -> None:
        self.tree, self._report = tree, report
        self._compiled = CompiledTree(tree)
        self._schema = profile_schema(catalog)()
        self._booleans = {name for name, one in tree.inputs.items() if one.type == "boolean"}

    def body(self, profile: Profile) -> bytes:
        """The answer of POST /assess for a valid profile."""
        trail = None if self._report.log else self._compiled.trail(profile)
        if trail is None:
            assessment = self._compiled.evaluate(profile)
            self._report.assessed(assessment, "/assess")
            return bodies.body(assessment)
        self._report.followed(trail, "/assess")
        answers = tuple(trail.answers(profile).items())
        return bodies.trail_body(trail, answers, tuple(trail.ignored(profile)))

    def batch(self, profiles: Sequence[Any], defaults: Profile) -> bytes:
        """The answer of POST /assess/batch for anything in the place of profiles."""
        batch = Batch(self)
        given = ({**defaults, **one} if isinstance(one, dict) else one for one in profiles)
        results = [batch.result(place, one) for place, one in enumerate(given if defaults else profiles)]
        for trail, times in batch.followed.items():
            self._report.followed(trail, "/assess/batch", times)
        self._report.batched(len(profiles))
        return batch.body(results)

    def simple(self, profile: Any) -> Trail | None:
        """The trail of a valid profile of booleans alone; None for others, and for many that are valid."""
        if profile.__class__ is not dict or self._report.log:
            return None
        plain = profile.keys() <= self._booleans and {*map(type, profile.values())} <= BOOLEAN
        return self._compiled.trail(profile) if plain else None

    def checked(self, profile: Any) -> Profile:
        """A profile as its schema reads it. Raises ValidationError."""
        loaded: Profile = self._schema.load(profile)
        return loaded

    def assessment(self, profile: Profile) -> Assessment:
        """The assessment of a profile in a batch, reported."""
        found = self._compiled.evaluate(profile)
        self._report.assessed(found, "/assess/batch")
        return found

    def errors(self, place: int, messages: Any) -> list[dict[str, str]]:
        """What is wrong with a profile of a batch."""
        where = ("profiles", str(place))
        return [*islice(invalid(messages, self._schema, in_body=True, place=where), MOST_ERRORS)]


class Batch:
    """The results of one batch, and what they come to together."""

    def __init__(self, assessor: Assessor) -> None:
        self.followed: Counter[Trail] = Counter()
        self._assessor = assessor
        self._statuses = dict.fromkeys(("decided", "undecided", "invalid"), 0)
        self._ends: Counter[str] = Counter()

    def result(self, place: int, profile: Any) -> bytes:
        """The result for one profile; what is wrong with it concerns no other."""
        trail = self._assessor.simple(profile)
        if trail is not None and trail.settled:
            self.followed[trail] += 1
            return bodies.settled_result(trail)
        try:
            assessment = self._assessor.assessment(self._assessor.checked(profile))
        except ValidationError as error:
            self._statuses["invalid"] += 1
            errors = self._assessor.errors(place, error.messages_dict)
            return orjson.dumps({"status": "invalid", "errors": errors})
        self._statuses[assessment.status] += 1
        self._ends.update(assessment.candidates if assessment.recommendation else ())
        return orjson.dumps(bodies.result(assessment))

    def body(self, results: Sequence[bytes]) -> bytes:
        """The body of the answer."""
        for trail, times in self.followed.items():
            self._statuses["decided"] += times
            self._ends[trail.branch.to] += times
        tree = self._assessor.tree
        ends = sorted(self._ends, key=tree.rank.__getitem__)
        together: Mapping[str, Any] = {
            "recommendations": {end: tree.canonical["recommendations"][end] for end in ends},
            "summary": {**self._statuses, "recommendations": {end: self._ends[end] for end in ends}},
            "tree": {"version": tree.version, "digest": tree.digest},
        }
        return b'{"results":[' + b",".join(results) + b"]," + orjson.dumps(together)[1:]
