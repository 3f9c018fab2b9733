"""Assessing: what profiles come to, as the bytes of answers, with every decision reported once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from operator import attrgetter
from typing import Any, Protocol

import orjson
from marshmallow import ValidationError

from finetune_advisor.api import bodies
from finetune_advisor.api.arrays import Objects
from finetune_advisor.api.parsing import MOST_ERRORS, invalid
from finetune_advisor.api.schemas.requests import profile_schema
from finetune_advisor.catalog import Catalog
from finetune_advisor.engine.compiled import CompiledTree, Trail
from finetune_advisor.engine.evaluation import Assessment
from finetune_advisor.engine.inputs import Profile
from finetune_advisor.engine.paths import PathTable
from finetune_advisor.engine.tree import Tree

BATCH = "/assess/batch"
EXPLAINED = 50
"""Of how many invalid profiles a batch lists more than the first error: an answer stays in proportion."""
KEPT = 4096
"""How many results are kept for each tree: those of all complete profiles of 1.0.0, written in two ways."""


class Report(Protocol):
    """Hears of every decision and the endpoint that answered it."""

    @property
    def log(self) -> bool:
        """Whether it wants each decision with its answers, not only how many took a trail."""

    def assessed(self, assessment: Assessment, endpoint: str, times: int = 1) -> None:
        """Count an assessment that was given so many times."""

    def log_decision(self, assessment: Assessment, endpoint: str) -> None:
        """Log one decision with its answers. Decisions are logged in the order of this method's calls."""

    def followed(self, trail: Trail, endpoint: str, times: int = 1) -> None:
        """So many profiles took a trail."""

    def batched(self, profiles: int) -> None:
        """A batch of so many profiles was answered."""


class Unheard:
    """Hears of decisions that nobody asked for, and lets them pass."""

    log = False

    def assessed(self, assessment: Assessment, endpoint: str, times: int = 1) -> None:
        """Not counted."""

    def log_decision(self, assessment: Assessment, endpoint: str) -> None:
        """Not logged."""

    def followed(self, trail: Trail, endpoint: str, times: int = 1) -> None:
        """Not counted."""

    def batched(self, profiles: int) -> None:
        """Not counted."""


@dataclass(frozen=True, slots=True, eq=False)
class Answered:
    """A profile's result in a batch, and the trail or else the assessment that it is reported by.

    A profile at fault has neither.
    """

    result: bytes
    trail: Trail | None = None
    assessment: Assessment | None = None


@dataclass
class Tally:
    """What the profiles of a batch came to."""

    statuses: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("decided", "undecided", "invalid"), 0)
    )
    ends: Counter[str] = field(default_factory=Counter)

    def add(self, answered: Sequence[Answered]) -> list[tuple[Trail | Assessment, int]]:
        """Add some profiles; give what they are reported by, and how often each."""
        trails = Counter(map(attrgetter("trail"), answered))
        others = Counter([one for one in answered if one.trail is None]) if trails.pop(None, 0) else {}
        sources: list[tuple[Trail | Assessment, int]] = [*trails.items()]
        for trail, times in trails.items():
            self.statuses["decided"] += times
            self.ends[trail.branch.to] += times
        for one, times in others.items():
            self.statuses[one.assessment.status if one.assessment else "invalid"] += times
            if one.assessment:
                sources.append((one.assessment, times))
                if one.assessment.recommendation:
                    self.ends[one.assessment.recommendation.id] += times
        return sources


class Assessor:
    """Assesses profiles against one tree of a catalog."""

    def __init__(self, catalog: Catalog, tree: Tree, report: Report) -> None:
        self.tree, self._report = tree, report
        self._compiled = CompiledTree(tree)
        self._schema = profile_schema(catalog)()
        self._answered: dict[bytes | None, Answered] = {}
        self._rendered: dict[bytes, tuple[Trail, bytes]] = {}

    @property
    def table(self) -> PathTable | None:
        """The table of the tree's paths, None if there are too many."""
        return self._compiled.table

    def body(self, profile: Profile, endpoint: str) -> bytes:
        """The assessment of a valid profile, as the body of POST /assess."""
        text = orjson.dumps(profile)
        rendered = self._rendered.get(text) or self._render(profile, text)
        if rendered is None:
            assessment = self._compiled.evaluate(profile)
            self._report.assessed(assessment, endpoint)
            self._report.log_decision(assessment, endpoint)
            return bodies.body(assessment)
        trail, body = rendered
        self._report.followed(trail, endpoint)
        return body

    def batch(self, profiles: Sequence[Any], defaults: Profile) -> bytes:
        """The answer of POST /assess/batch for anything in the place of profiles."""
        tally = Tally()
        answered = self._answers(
            [completed(one, defaults) for one in profiles] if defaults else profiles
        )
        for source, times in tally.add(answered):
            self._reported(source, times)
        if self._report.log:
            for one in answered:
                if one.assessment:
                    self._report.log_decision(one.assessment, BATCH)
        self._report.batched(len(profiles))
        results = b",".join([one.result for one in answered])
        return b"".join((b'{"results":[', results, b"],", orjson.dumps(self._together(tally))[1:]))

    def result(self, profile: Any, tally: Tally) -> bytes:
        """The result of a batch for one profile. Raises ValidationError."""
        found = self._answer(profile, _text(profile))
        tally.add([found])
        return found.result

    def errors(self, error: ValidationError, *place: str, brief: bool = False) -> list[dict[str, str]]:
        """What is wrong with a profile at some place of what was sent; in brief, the first fault alone, and
        without the names that are known.
        """
        schema = None if brief else self._schema
        found = invalid(error.messages_dict, schema, in_body=True, place=place)
        return [*islice(found, 1 if brief else MOST_ERRORS)]

    def _render(self, profile: Profile, text: bytes) -> tuple[Trail, bytes] | None:
        """The trail of a profile and its body, kept for its text; None without a trail to report."""
        trail = None if self._report.log else self._compiled.trail(profile)
        if trail is None:
            return None
        answers = tuple(trail.answers(profile).items())
        rendered = trail, bodies.trail_body(trail, answers, tuple(trail.ignored(profile)))
        if len(self._rendered) >= KEPT:
            self._rendered.clear()
        self._rendered[text] = rendered
        return rendered

    def _answers(self, profiles: Sequence[Any]) -> list[Answered]:
        """What each profile is answered with; what is wrong with one concerns no other."""
        texts = profiles.texts if isinstance(profiles, Objects) else _texts(profiles)
        answered = [*map(self._answered.get, texts)]
        refused = 0
        for place in [place for place, one in enumerate(answered) if one is None]:
            try:
                answered[place] = self._answer(profiles[place], texts[place])
            except ValidationError as error:
                errors = self.errors(error, "profiles", str(place), brief=refused >= EXPLAINED)
                answered[place] = Answered(orjson.dumps({"status": "invalid", "errors": errors}))
                refused += 1
        return answered  # type: ignore[return-value]  # no None is left

    def _answer(self, profile: Any, text: bytes | None) -> Answered:
        """What a profile is answered with. Raises ValidationError.

        Profiles with the same text are answered once, as long as the answer is kept; 1 is another text than
        true and 1.0. One without a text is like no other.
        """
        if text is None:
            return self._worked_out(profile)
        found = self._answered.get(text)
        if found is None:
            found = self._worked_out(profile)
            if len(self._answered) >= KEPT:
                self._answered.clear()
            self._answered[text] = found
        return found

    def _worked_out(self, profile: Any) -> Answered:
        """What a profile is answered with that nobody sent before. Raises ValidationError."""
        valid = self._schema.load(profile)
        trail = self._compiled.trail(valid)
        if trail and not self._report.log:
            return Answered(bodies.trail_result(trail, valid), trail)
        assessment = trail.assessment(valid) if trail else self._compiled.partial(valid)
        return Answered(orjson.dumps(bodies.result(assessment)), None, assessment)

    def _reported(self, source: Trail | Assessment, times: int) -> None:
        if isinstance(source, Trail):
            self._report.followed(source, BATCH, times)
        else:
            self._report.assessed(source, BATCH, times)

    def _together(self, tally: Tally) -> dict[str, Any]:
        """What the results of a batch have in common."""
        ends = sorted(tally.ends, key=self.tree.rank.__getitem__)
        return {
            "recommendations": {end: self.tree.canonical["recommendations"][end] for end in ends},
            "summary": {**tally.statuses, "recommendations": {end: tally.ends[end] for end in ends}},
            "tree": {"version": self.tree.version, "digest": self.tree.digest},
        }


def _text(profile: Any) -> bytes | None:
    """A text of a profile, the same for the same ones; None if it can't be right."""
    try:
        return orjson.dumps(profile)
    except orjson.JSONEncodeError:  # too deep, say
        return None


def _texts(profiles: Sequence[Any]) -> list[bytes | None]:
    """The text of each profile."""
    try:
        return [*map(orjson.dumps, profiles)]
    except orjson.JSONEncodeError:
        return [*map(_text, profiles)]


def completed(profile: Any, defaults: Profile) -> Any:
    """A profile with what holds for all that don't say; what isn't an object as it stands."""
    return {**defaults, **profile} if isinstance(profile, dict) else profile
