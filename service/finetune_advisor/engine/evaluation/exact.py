"""Evaluation: what a profile, complete or not, comes to in a tree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from math import inf
from typing import Literal, NamedTuple

from finetune_advisor.engine.errors import FinetuneAdvisorError
from finetune_advisor.engine.model.canonical import sha256_digest
from finetune_advisor.engine.model.conditions import (
    ComparedWith,
    Condition,
    InRelation,
    exclusive_conditions,
)
from finetune_advisor.engine.model.inputs import Input, Profile, Value, normal_answers
from finetune_advisor.engine.model.region import Region, region_of_completions
from finetune_advisor.engine.model.tree import (
    Branch,
    Question,
    Recommendation,
    Tree,
    WarningCondition,
    WarningRule,
)

MAX_WALK_STEPS = 20_000
"""How much the walk of all profiles through a served tree may take: each question counts as often as they
come to it with another past, and as one more for each order between inputs then. 2.0.0 has 86.

Profiles with some answers have no more ways than all together, so this bounds every evaluation, too.
"""

MAX_TWIN_WALK_STEPS = 20_000
"""How much two walks at once may take before an unanswered input is taken to matter, counted likewise."""


class TooManyWalkStepsError(FinetuneAdvisorError):
    """Profiles come to questions with more different pasts than a walk may follow."""


VisitedBranches = Mapping[str, tuple[Branch, ...]]
"""The questions that some completion of a profile comes to, with the branches taken, all in tree order."""


class Step(NamedTuple):
    """A question that the profile answers, its answers by input, and the branch that they take.

    One of two compared inputs is answer enough where its value alone settles the comparison.
    """

    question: Question
    answers: tuple[tuple[str, Value], ...]
    branch: Branch


class OpenQuestion(NamedTuple):
    """A question that the profile leaves open, and the first input that it lacks."""

    question: Question
    input: Input


class Assessment(NamedTuple):
    """The result of evaluating a profile: a pure function of the tree and the answers.

    The way is every question that some completion of the profile comes to. `path` has those of them that
    the profile answers and `unanswered` the inputs that it lacks, both in tree order; `answers` are all
    that it gives to them and to the tree's warnings. `candidates` are the recommendations that some
    completion ends in; one is left exactly if the assessment is decided, and `reasons` say why.
    `next_question` is the first open question whose answer can still change the outcome.
    """

    tree: Tree
    path: tuple[Step, ...]
    answers: Profile
    unanswered: tuple[OpenQuestion, ...]
    candidates: tuple[str, ...]
    reasons: tuple[str, ...]
    next_question: OpenQuestion | None
    warnings: tuple[WarningRule, ...]
    ignored: tuple[str, ...]

    @property
    def receipt(self) -> str:
        """The hash of the tree's digest and the answers: the same wherever these are the same."""
        return sha256_digest({"answers": self.answers, "digest": self.tree.digest})

    @property
    def outcome(self) -> str | None:
        """The id of the recommendation, None while undecided."""
        return self.candidates[0] if len(self.candidates) == 1 else None

    @property
    def status(self) -> Literal["decided", "undecided"]:
        return "undecided" if self.outcome is None else "decided"

    @property
    def recommendation(self) -> Recommendation | None:
        return None if self.outcome is None else self.tree.recommendations[self.outcome]

    @property
    def not_needed(self) -> tuple[str, ...]:
        """The inputs that the way asks about and the profile lacks, once they make no difference."""
        decided = self.status == "decided"
        return tuple(dict.fromkeys(one.input.name for one in self.unanswered)) if decided else ()


def evaluate(tree: Tree, profile: Profile) -> Assessment:
    """Evaluate a profile against a sound tree; inputs that the tree doesn't have are ignored.

    Raises ValueError or TypeError for a value of another type than its input's.
    """
    region = region_of_completions(tree, profile)
    passed: dict[str, set[Branch]] = {}
    for node, taken in reachable_branches(tree, region):
        passed.setdefault(node, set()).update(taken)
    way = {
        node: tuple(branch for branch in tree.questions[node].branches if branch in passed[node])
        for node in sorted(passed, key=tree.topological_index.__getitem__)
    }
    return build_assessment(
        tree, profile, way, partial(affects_outcome, tree, region), partial(_active_warnings, tree)
    )


def build_assessment(
    tree: Tree,
    profile: Profile,
    way: VisitedBranches,
    decisive: Callable[[str], bool],
    active_warnings: Callable[[Profile, str | None], Iterable[WarningRule]],
) -> Assessment:
    """The assessment of a profile that goes a way.

    `decisive` tells whether an input still matters, `active_warnings` which warnings belong to answers and
    an outcome.
    """
    leaves = [b for taken in way.values() for b in taken if b.to in tree.recommendations]
    candidates = tuple(sorted({branch.to for branch in leaves}, key=tree.topological_index.__getitem__))
    unanswered = tuple(_unanswered(tree, way, profile))
    answers = normal_answers(profile, _asked(tree, way))
    outcome = candidates[0] if len(candidates) == 1 else None
    decided = len(candidates) == 1
    return Assessment(
        tree=tree,
        path=tuple(_steps(tree, way, answers)),
        answers=answers,
        unanswered=unanswered,
        candidates=candidates,
        reasons=tuple(dict.fromkeys(branch.reason for branch in leaves)) if decided else (),
        next_question=None if decided else _next_question(unanswered, decisive),
        warnings=tuple(active_warnings(answers, outcome)),
        ignored=tuple(sorted(profile.keys() - tree.inputs.keys())),
    )


def reachable_branches(
    tree: Tree, region: Region, most: float = inf
) -> Iterator[tuple[str, tuple[Branch, ...]]]:
    """Each question that some profile of a region comes to, with the branches that such profiles take.

    A question may come up more than once, where ways with different pasts lead to it. Raises
    TooManyPassagesError if that takes more than `most`, counted as for MOST_PASSAGES.
    """
    start = tree.root
    while start in tree.questions and all(region.is_fixed(n) for n in tree.questions[start].inputs):
        [(branch, _)] = possible_branches(tree, start, region)
        yield start, (branch,)
        start = branch.to
    seen = set()
    waiting = [(start, region)]
    while waiting:
        node, here = waiting.pop()
        if node in tree.recommendations:
            continue
        key = (node, here.cache_key(tree.inputs_below[node]))
        if key in seen:
            continue
        seen.add(key)
        most -= 1 + len(here.orders)
        if most < 0:
            raise TooManyWalkStepsError
        taken = list(possible_branches(tree, node, here))
        yield node, tuple(branch for branch, _ in taken)
        waiting.extend((branch.to, narrowed) for branch, narrowed in taken)


def affects_outcome(tree: Tree, region: Region, name: str) -> bool:
    """Whether two profiles of a region that differ in one input alone end in different recommendations.

    Two walks go through the tree at once. They share every input but that one, of which the second walk
    has a twin; the one that is behind in tree order moves, and where they meet for good they are one.

    Once they take more than MOST_PAIRS, the answer is yes: `next_question` may then ask what doesn't matter
    in the end, and nothing else depends on it.
    """
    twin = f"{name}'"
    domains = region.domains
    both = replace(
        region,
        axes={**region.axes, twin: region.axes[name]},
        domains={**domains, twin: domains[name]} if name in domains else domains,
    )
    seen = set()
    left = MAX_TWIN_WALK_STEPS
    waiting = [(tree.root, tree.root, both)]
    while waiting:
        one, two, here = waiting.pop()
        below = tree.inputs_below[one] | tree.inputs_below[two]
        if one == two and name not in below:
            continue
        if not below:
            return True
        key = (one, two, here.cache_key(below | {twin}))
        if key in seen:
            continue
        seen.add(key)
        left -= 1 + len(here.orders)
        if left < 0:
            return True
        if one in tree.questions and (
            two not in tree.questions or tree.topological_index[one] <= tree.topological_index[two]
        ):
            taken = possible_branches(tree, one, here, needed=tree.inputs_below[two])
            waiting.extend((branch.to, two, narrowed) for branch, narrowed in taken)
        else:
            taken = possible_branches(
                tree, two, here, needed=tree.inputs_below[one] | {name}, twins={name: twin}
            )
            waiting.extend((one, branch.to, narrowed) for branch, narrowed in taken)
    return False


def possible_branches(
    tree: Tree,
    node: str,
    region: Region,
    *,
    needed: frozenset[str] = frozenset(),
    twins: Mapping[str, str] | None = None,
) -> Iterator[tuple[Branch, Region]]:
    """The branches that profiles of a region take at a question, each with those profiles.

    What is learned of an input is forgotten where no question below asks about it again, unless it is
    `needed` elsewhere: ways that differ in nothing that matters then meet.
    """
    for condition, branch in tree.branch_conditions[node]:
        name = condition.input
        settled = name in region.domains or name in needed or region.is_ordered(name)
        if settled or name in tree.inputs_below[branch.to] or isinstance(condition, InRelation):
            narrowed = region.narrow(_renamed(condition, twins) if twins else condition)
            if narrowed is not None:
                yield branch, narrowed
        else:
            yield branch, region


def _renamed(condition: Condition, names: Mapping[str, str]) -> Condition:
    renamed = replace(condition, input=names.get(condition.input, condition.input))
    if isinstance(renamed, InRelation):
        return replace(renamed, other=names.get(renamed.other, renamed.other))
    return renamed


def _asked(tree: Tree, way: VisitedBranches) -> Iterable[str]:
    names = [name for node in way for name in tree.questions[node].inputs]
    return dict.fromkeys([*names, *tree.warning_inputs])


def _active_warnings(tree: Tree, answers: Profile, outcome: str | None) -> Iterator[WarningRule]:
    region = region_of_completions(tree, answers)
    for warning in tree.warnings:
        if warning.applies_to(outcome) and all(_holds(tree, region, one) for one in warning.when):
            yield warning


def _holds(tree: Tree, region: Region, one: WarningCondition) -> bool:
    """Whether a circumstance is known to hold."""
    if not all(region.is_fixed(name) for name in one.inputs):
        return False
    other = one.test.input if isinstance(one.test, ComparedWith) else None
    [condition] = exclusive_conditions(tree.inputs[one.input], other, [one.test])
    return region.narrow(condition) is not None


def _steps(tree: Tree, way: VisitedBranches, answers: Profile) -> Iterator[Step]:
    for node, taken in way.items():
        if len(taken) == 1:
            question = tree.questions[node]
            given = [(name, answers[name]) for name in question.inputs if name in answers]
            if given:
                yield Step(question, tuple(given), taken[0])


def _unanswered(tree: Tree, way: VisitedBranches, profile: Profile) -> Iterator[OpenQuestion]:
    for question in map(tree.questions.__getitem__, way):
        for name in question.inputs:
            if name not in profile:
                yield OpenQuestion(question, tree.inputs[name])


def _next_question(unanswered: Iterable[OpenQuestion], decisive: Callable[[str], bool]) -> OpenQuestion:
    tried = set()
    for one in unanswered:
        if one.input.name not in tried and decisive(one.input.name):
            return one
        tried.add(one.input.name)
    raise AssertionError("an undecided profile always lacks an input that matters")
