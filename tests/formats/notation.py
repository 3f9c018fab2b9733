"""A notation that can be run, with the engine that runs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from finetune_advisor.engine.evaluation.exact import evaluate
from finetune_advisor.engine.model.inputs import Profile
from finetune_advisor.engine.model.tree import Tree

Outcome = tuple[str, str]


class Engine(Protocol):
    def outcomes(self, model: str, profiles: Sequence[Mapping[str, Any]]) -> list[Any]: ...


def anything(profile: Profile) -> bool:
    """All numbers can be carried."""
    return True


def short_decimals(profile: Profile) -> bool:
    """ZEN's numbers have 28 decimals; whatever is smaller counts as 0 there, as docs/formats.md says."""
    numbers = [value for value in profile.values() if isinstance(value, float)]
    return all(-int(Decimal(str(number)).as_tuple().exponent) <= 28 for number in numbers)


@dataclass(frozen=True)
class Notation:
    """How a tree is written in it, how its engine is asked, and which profiles it can carry."""

    render: Callable[[Tree], str]
    engine: Engine
    names: Callable[[Tree], Mapping[str, str]]
    carries: Callable[[Profile], bool] = anything
    nulls: bool = False

    def outcomes(self, tree: Tree, profiles: Sequence[Profile]) -> list[Outcome | None]:
        """The recommendation and the reason that its engine finds for each profile, if it does."""
        names = self.names(tree)
        missing = dict.fromkeys(names.values()) if self.nulls else {}
        asked = [missing | {names[name]: value for name, value in one.items()} for one in profiles]
        found = self.engine.outcomes(self.render(tree), asked)
        return [_outcome(one or {}) for one in found]

    def disagreements(self, tree: Tree, profiles: Sequence[Profile]) -> list[Any]:
        """The profiles for which its engine and this one differ, with what each says."""
        carried = [profile for profile in profiles if self.carries(profile)]
        ours = [expected(tree, profile) for profile in carried]
        triples = zip(carried, ours, self.outcomes(tree, carried), strict=True)
        return [triple for triple in triples if triple[1] != triple[2]]


def _outcome(found: Mapping[str, str | None]) -> Outcome | None:
    recommendation, reason = found.get("recommendation"), found.get("reason")
    return (recommendation, reason) if recommendation and reason else None


def expected(tree: Tree, profile: Profile) -> Outcome:
    """What this engine says of a complete profile."""
    assessment = evaluate(tree, profile)
    (recommendation,), (reason,) = assessment.candidates, assessment.reasons
    return recommendation, reason
