"""The definition of evaluation: the assessment of any profile, complete or not, by a tree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
from finetune_advisor.engine.model.inputs import Profile, Value, normal_answers
from finetune_advisor.engine.model.region import Region, region_of_completions
from finetune_advisor.engine.model.tree import (
    Branch,
    OpenQuestion,
    Question,
    Recommendation,
    Tree,
    WarningCondition,
    WarningRule,
)

MAX_WALK_STEPS = 20_000
"""Steps that a walk of all profiles through a served tree may take; tree 2.0.0 takes 86.

A step is a question together with what is known there about the inputs that matter from there on. It counts
as one, and as one more for each order constraint. A profile takes no more steps than all profiles together,
so this limit bounds every evaluation, too.
"""

MAX_TWIN_WALK_STEPS = 20_000
"""Steps, counted likewise, that two simultaneous walks may take before they assume that an input matters."""


class TooManyWalkStepsError(FinetuneAdvisorError):
    """A walk through a tree takes more steps than its limit allows."""


class ReachedNodes(NamedTuple):
    """The nodes that completions of a profile come to, in tree order.

    `visited` has the questions, each with the branch that all completions take there, or None if they take
    several. `candidates` are the recommendations. If there is only one, `reasons` are those of the branches
    that lead to it.
    """

    visited: Sequence[tuple[str, Branch | None]]
    candidates: tuple[str, ...]
    reasons: Sequence[str]


class Step(NamedTuple):
    """A question that the profile answers, the answers by input, and the branch that they take.

    A comparison has only one answer if the value of one input decides it.
    """

    question: Question
    answers: tuple[tuple[str, Value], ...]
    branch: Branch


class Assessment(NamedTuple):
    """The result of evaluating a profile: a pure function of the tree and the answers.

    The visited questions are those that completions of the profile come to. `path` has the ones that the
    profile answers, and `unanswered` has the inputs that it lacks, both in tree order. `answers` has its
    answers to visited questions and to the inputs of warnings.

    `candidates` are the recommendations that completions end in. The assessment is decided if there is only
    one; then `reasons` say why, and otherwise they are empty. `next_question` is the first open question
    whose answer can still change the outcome, and None once the assessment is decided. `ignored` has the
    names in the profile that the tree doesn't know.
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

    def __repr__(self) -> str:
        return f"<Assessment {self.status}: {', '.join(self.candidates)}>"

    @property
    def receipt(self) -> str:
        """`sha256:` and the hash of the tree's digest and the answers, equal on any machine."""
        return sha256_digest({"answers": self.answers, "digest": self.tree.digest})

    @property
    def outcome(self) -> str | None:
        """The id of the recommendation, or None if the assessment is undecided."""
        return self.candidates[0] if len(self.candidates) == 1 else None

    @property
    def status(self) -> Literal["decided", "undecided"]:
        """Whether there is a recommendation."""
        return "undecided" if self.outcome is None else "decided"

    @property
    def recommendation(self) -> Recommendation | None:
        """The recommendation, or None if the assessment is undecided."""
        return None if self.outcome is None else self.tree.recommendations[self.outcome]

    @property
    def not_needed(self) -> tuple[str, ...]:
        """The unanswered inputs that make no difference: all of them if decided, none otherwise."""
        if self.status == "undecided":
            return ()
        return tuple(dict.fromkeys(open_question.input.name for open_question in self.unanswered))


def evaluate(tree: Tree, profile: Profile) -> Assessment:
    """Evaluate a profile with a sound tree, and ignore inputs that the tree doesn't have.

    Raises ValueError or TypeError for a value that its input can't have.
    """
    region = region_of_completions(tree, profile)
    taken: dict[str, set[Branch]] = {}
    for node, branches in reachable_branches(tree, region):
        taken.setdefault(node, set()).update(branches)
    in_tree_order = tree.topological_index.__getitem__
    visited = sorted(taken, key=in_tree_order)
    ends = {
        branch.to for branches in taken.values() for branch in branches
    } & tree.recommendations.keys()
    reached = ReachedNodes(
        [(node, next(iter(taken[node])) if len(taken[node]) == 1 else None) for node in visited],
        tuple(sorted(ends, key=in_tree_order)),
        [
            branch.reason
            for node in visited
            for branch in tree.questions[node].branches
            if branch in taken[node] and branch.to in ends
        ],
    )
    return build_assessment(
        tree, profile, reached, partial(affects_outcome, tree, region), partial(_active_warnings, tree)
    )


def build_assessment(
    tree: Tree,
    profile: Profile,
    reached: ReachedNodes,
    is_decisive: Callable[[str], bool],
    active_warnings: Callable[[Profile, str | None], Iterable[WarningRule]],
) -> Assessment:
    """Return the assessment of a profile whose completions reach some nodes.

    `is_decisive` takes the name of an input and tells whether its answer can still change the outcome.
    `active_warnings` takes the answers and the outcome.
    """
    asked: list[str] = []
    unanswered: list[OpenQuestion] = []
    taken: list[tuple[Question, list[str], Branch]] = []
    for node, branch in reached.visited:
        known: list[str] = []
        for open_question in tree.open_questions[node]:
            name = open_question.input.name
            if name in profile:
                known.append(name)
            else:
                unanswered.append(open_question)
        asked += known
        # Without an answer, earlier answers have left only one branch; the profile didn't choose it.
        if known and branch:
            taken.append((open_question.question, known, branch))
    answers = normal_answers(profile, dict.fromkeys([*asked, *tree.warning_inputs]))
    path = [
        Step(question, tuple([(name, answers[name]) for name in known]), branch)
        for question, known, branch in taken
    ]
    candidates = reached.candidates
    outcome = candidates[0] if len(candidates) == 1 else None
    return Assessment(
        tree=tree,
        path=tuple(path),
        answers=answers,
        unanswered=tuple(unanswered),
        candidates=candidates,
        reasons=() if outcome is None else tuple(dict.fromkeys(reached.reasons)),
        next_question=_next_question(unanswered, is_decisive) if outcome is None else None,
        warnings=tuple(active_warnings(answers, outcome)),
        ignored=tuple(ignored_names(tree, profile)),
    )


def ignored_names(tree: Tree, profile: Profile) -> list[str]:
    """Return the names in a profile that the tree doesn't have, sorted."""
    known = tree.input_names
    # Most profiles have none; the comparison saves them a set and a sort.
    return [] if known.issuperset(profile) else sorted(profile.keys() - known)


def reachable_branches(
    tree: Tree, region: Region, max_steps: float = inf
) -> Iterator[tuple[str, tuple[Branch, ...]]]:
    """Yield each question that profiles of a region visit, with the branches that they take.

    A question can come more than once: for each path to it that leaves different answers open. Raises
    TooManyWalkStepsError after `max_steps`, which count as for MAX_WALK_STEPS.
    """
    # Up to the first unknown answer there is one path, so no step has to be compared with earlier ones.
    start = tree.root
    while start in tree.questions and all(region.is_fixed(n) for n in tree.questions[start].inputs):
        [(branch, _)] = possible_branches(tree, start, region)
        yield start, (branch,)
        start = branch.to
    seen = set()
    steps_left = max_steps
    waiting = [(start, region)]
    while waiting:
        node, region_here = waiting.pop()
        if node in tree.recommendations:
            continue
        # What is known about inputs that nothing below asks about doesn't change the rest of the walk.
        key = (node, region_here.cache_key(tree.inputs_below[node]))
        if key in seen:
            continue
        seen.add(key)
        steps_left -= 1 + len(region_here.orders)
        if steps_left < 0:
            raise TooManyWalkStepsError
        taken = list(possible_branches(tree, node, region_here))
        yield node, tuple(branch for branch, _ in taken)
        waiting.extend((branch.to, narrowed) for branch, narrowed in taken)


def affects_outcome(tree: Tree, region: Region, name: str) -> bool:
    """Return whether the answer to an input can change the outcome of profiles in a region.

    It can if two profiles that differ only in this input end in different recommendations. The result is
    also True after MAX_TWIN_WALK_STEPS. Then `next_question` may ask about an input that doesn't matter;
    nothing else depends on it.
    """
    # Two walks go through the tree at once, each with its own answer to the input: the second one uses a
    # twin of it. They share all other inputs.
    twin = f"{name}'"
    domains = region.domains
    region_with_twin = replace(
        region,
        axes={**region.axes, twin: region.axes[name]},
        domains={**domains, twin: domains[name]} if name in domains else domains,
    )
    seen = set()
    steps_left = MAX_TWIN_WALK_STEPS
    waiting = [(tree.root, tree.root, region_with_twin)]
    while waiting:
        first, second, region_here = waiting.pop()
        below = tree.inputs_below[first] | tree.inputs_below[second]
        # Nothing below asks about the input, so both walks go on alike.
        if first == second and name not in below:
            continue
        # Nothing is asked below, so both nodes are recommendations, and they differ.
        if not below:
            return True
        key = (first, second, region_here.cache_key(below | {twin}))
        if key in seen:
            continue
        seen.add(key)
        steps_left -= 1 + len(region_here.orders)
        if steps_left < 0:
            return True
        waiting.extend(_twin_steps(tree, first, second, region_here, {name: twin}))
    return False


def _twin_steps(
    tree: Tree, first: str, second: str, region: Region, twins: Mapping[str, str]
) -> Iterator[tuple[str, str, Region]]:
    """Yield the nodes of two walks after a step of one of them, with the region that takes this step."""
    # The walk that is behind in tree order makes the step, so that they meet wherever they can.
    if first in tree.questions and (
        second not in tree.questions or tree.topological_index[first] <= tree.topological_index[second]
    ):
        needed = tree.inputs_below[second]
        for branch, narrowed in possible_branches(tree, first, region, needed=needed):
            yield branch.to, second, narrowed
    else:
        needed = tree.inputs_below[first].union(twins)
        for branch, narrowed in possible_branches(tree, second, region, needed=needed, twins=twins):
            yield first, branch.to, narrowed


def possible_branches(
    tree: Tree,
    node: str,
    region: Region,
    *,
    needed: frozenset[str] = frozenset(),
    twins: Mapping[str, str] | None = None,
) -> Iterator[tuple[Branch, Region]]:
    """Yield the branches that profiles of a region take at a question, each with the region that takes it.

    A region isn't narrowed by an input that no question below asks about, unless the input is `needed`
    elsewhere. `twins` renames inputs of the question.
    """
    # Regions without what no longer matters are equal more often, and equal steps are taken only once.
    for condition, branch in tree.branch_conditions[node]:
        name = condition.input
        # An input of which something is known has to be checked: it may contradict the branch.
        is_known = name in region.domains or region.is_ordered(name)
        matters_later = name in needed or name in tree.inputs_below[branch.to]
        if is_known or matters_later or isinstance(condition, InRelation):
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


def _active_warnings(tree: Tree, answers: Profile, outcome: str | None) -> Iterator[WarningRule]:
    region = region_of_completions(tree, answers)
    for warning in tree.warnings:
        if warning.applies_to(outcome) and all(
            _holds(tree, region, condition) for condition in warning.when
        ):
            yield warning


def list_possible_warnings(assessment: Assessment) -> list[WarningRule]:
    """The warnings that further answers could add to an assessment without changing its outcome.

    They may go with the outcome, lack an answer, and aren't contradicted by the answers that are known.
    """
    tree = assessment.tree
    region = region_of_completions(tree, assessment.answers)
    return [
        warning
        for warning in tree.warnings
        if warning not in assessment.warnings
        and warning.applies_to(assessment.outcome)
        and not any(_is_contradicted(tree, region, condition) for condition in warning.when)
    ]


def _is_contradicted(tree: Tree, region: Region, warning_condition: WarningCondition) -> bool:
    return region.narrow(_condition_of(tree, warning_condition)) is None


def _holds(tree: Tree, region: Region, warning_condition: WarningCondition) -> bool:
    """Return whether the condition is known to hold for all profiles of a region."""
    if not all(region.is_fixed(name) for name in warning_condition.inputs):
        return False
    return region.narrow(_condition_of(tree, warning_condition)) is not None


def _condition_of(tree: Tree, warning_condition: WarningCondition) -> Condition:
    input_, test = tree.inputs[warning_condition.input], warning_condition.test
    other = test.input if isinstance(test, ComparedWith) else None
    [condition] = exclusive_conditions(input_, other, [test])
    return condition


def _next_question(
    unanswered: Iterable[OpenQuestion], is_decisive: Callable[[str], bool]
) -> OpenQuestion:
    tried = set()
    for open_question in unanswered:
        name = open_question.input.name
        if name not in tried and is_decisive(name):
            return open_question
        tried.add(name)
    raise AssertionError("an undecided profile always lacks an input that matters")
